import { mkdirSync, writeFileSync } from "node:fs";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { describeSettings, secretsOf } from "../../../src/config/describe.ts";
import { type LoadedConfig, loadConfig } from "../../../src/config/load.ts";
import { TempFolder } from "../../_util/temp-folder.ts";

const canary = "canary-9d21";

let folder: TempFolder;
beforeEach(async () => {
	folder = await TempFolder.make("sources");
});
afterEach(async () => {
	await folder[Symbol.asyncDispose]();
});

interface Given {
	readonly yaml?: string;
	readonly profiles?: string;
	readonly env?: Readonly<Record<string, string>>;
}

function load({ yaml, profiles, env = {} }: Given): LoadedConfig {
	if (yaml !== undefined) writeFileSync(folder.file("z.yaml"), yaml);
	if (profiles !== undefined) {
		mkdirSync(folder.file(".prefect"), { recursive: true });
		writeFileSync(folder.file(".prefect/profiles.toml"), profiles);
	}
	const file = yaml === undefined ? null : "z.yaml";
	return loadConfig({ env: { HOME: folder.path, ...env }, folder: folder.path, file, flags: new Map() });
}

function refusalOf(given: Given): string {
	try {
		load(given);
	} catch (error) {
		return (error as Error).message;
	}
	throw new Error("the settings were accepted");
}

const profiles = `
active = "prod"
[profiles.prod]
PREFECT_API_URL = "https://prod/api/"
PREFECT_API_KEY = "${canary}"
PREFECT_API_REQUEST_TIMEOUT = 30.5
PREFECT_API_TLS_INSECURE_SKIP_VERIFY = true
PREFECT_HOME = "ignored"
[profiles.test]
PREFECT_API_URL = "http://test/api"
`;

describe("Prefect's active profile", () => {
	test("is read as Prefect reads it: addresses, keys, seconds, booleans", () => {
		const loaded = load({ profiles });
		expect(loaded.settings.prefect).toMatchObject({
			apiUrl: "https://prod/api",
			apiKey: canary,
			requestTimeout: { ms: 30_500 },
			tlsInsecureSkipVerify: true,
		});
		expect(loaded.provenance.get("prefect.apiUrl")).toEqual({
			kind: "prefect_profile",
			where: `${folder.file(".prefect/profiles.toml")} [prod]`,
		});
		expect(JSON.stringify(describeSettings(loaded))).not.toContain(canary);
	});

	test("is stronger than the default and weaker than the file and every variable", () => {
		const apiUrl = (given: Given): string => load({ profiles, ...given }).settings.prefect.apiUrl;
		expect(apiUrl({ yaml: "prefect:\n  apiUrl: http://file/api\n" })).toBe("http://file/api");
		expect(apiUrl({ env: { PREFECT_API_URL: "http://env/api" } })).toBe("http://env/api");
	});

	test("PREFECT_PROFILE picks another one, PREFECT_HOME another folder", () => {
		expect(load({ profiles, env: { PREFECT_PROFILE: "test" } }).settings.prefect.apiUrl).toBe("http://test/api");
		mkdirSync(folder.file("other"));
		writeFileSync(folder.file("other/profiles.toml"), 'active = "a"\n[profiles.a]\nPREFECT_API_URL = "http://a/api"\n');
		for (const home of [folder.file("other"), "other", "~/other"]) {
			expect(load({ profiles, env: { PREFECT_HOME: home } }).settings.prefect.apiUrl).toBe("http://a/api");
		}
	});

	test.each<[string, Given, RegExp | null]>([
		["no profiles at all", {}, null],
		["no active one", { profiles: "[profiles.a]\n" }, null],
		["an active one that is not there", { profiles: 'active = "gone"\n' }, /there is no profile gone$/u],
		["a chosen one without a file", { env: { PREFECT_PROFILE: "x" } }, /^PREFECT_PROFILE names x, but there is no /u],
		["a chosen one that is not there", { profiles, env: { PREFECT_PROFILE: "__proto__" } }, /no profile __proto__$/u],
		["no TOML", { profiles: `active = ${canary}` }, /not in the form of Prefect's profiles/u],
		["TOML of another form", { profiles: `profiles = "${canary}"\n` }, /not in the form of Prefect's profiles/u],
	])("%s leaves the defaults, with a warning where something is wrong", (_case, given, warning) => {
		const { settings, warnings } = load(given);
		expect(settings.prefect.apiUrl).toBe("http://127.0.0.1:4200/api");
		expect(warnings).toEqual(warning === null ? [] : [expect.stringMatching(warning)]);
		expect(warnings.join()).not.toContain(canary);
	});

	test("a value in it that is not sound is refused with its place", () => {
		const bad = 'active = "a"\n[profiles.a]\nPREFECT_API_URL = "ftp://h"\n';
		expect(refusalOf({ profiles: bad })).toMatch(/profiles\.toml \[a\]: prefect\.apiUrl must begin with http/u);
	});

	test("nobody's home is no fault", () => {
		const sources = { env: {}, folder: folder.path, file: null, flags: new Map() };
		expect(loadConfig(sources).warnings).toEqual([]);
	});
});

describe("custom headers", () => {
	const headers = { "X-Team": "data", "CF-Access-Client-Secret": canary };

	test("C6: come as JSON in a variable, and as keys below customHeaders in the file", () => {
		const env = { PREFECT_CLIENT_CUSTOM_HEADERS: JSON.stringify(headers) };
		expect(load({ env }).settings.prefect.customHeaders).toEqual(headers);
		const yaml = `prefect:\n  customHeaders:\n    X-Team: data\n    CF-Access-Client-Secret: ${canary}\n`;
		const loaded = load({ yaml });
		expect(loaded.settings.prefect.customHeaders).toEqual(headers);
		expect(loaded.provenance.get("prefect.customHeaders")?.where).toBe("z.yaml:2:3");
	});

	test("an alias that leads nowhere is refused in words, without being shown", () => {
		expect(refusalOf({ yaml: `prefect:\n  customHeaders: { X-A: *${canary} }\n` })).toBe(
			"z.yaml:2:3: prefect.customHeaders has an alias (*name) that leads nowhere; mend it",
		);
	});

	test("L5: their values are secrets; print shows their names", () => {
		const loaded = load({ env: { ZOMBIED_PREFECT_CUSTOM_HEADERS: JSON.stringify(headers) } });
		expect(secretsOf(loaded.settings)).toEqual(["data", canary]);
		expect(describeSettings(loaded).find(({ path }) => path === "prefect.customHeaders")?.value).toBe(
			"X-Team: [redacted], CF-Access-Client-Secret: [redacted]",
		);
		expect(describeSettings(load({})).find(({ path }) => path === "prefect.customHeaders")?.value).toBeNull();
	});

	test.each([
		"Host",
		"user-agent",
		"Upgrade",
		"Connection",
		"Content-Length",
		"Sec-WebSocket-Protocol",
		"Prefect-Csrf-Token",
	])("C6: %s is zombied's own, and refused", (name) => {
		const message = refusalOf({ env: { PREFECT_CLIENT_CUSTOM_HEADERS: JSON.stringify({ [name]: canary }) } });
		expect(message).toBe(
			`PREFECT_CLIENT_CUSTOM_HEADERS: prefect.customHeaders must not set the header ${name}, which zombied sets itself`,
		);
	});

	test.each([
		["no JSON", `{X-A: ${canary}`],
		["a text", `"${canary}"`],
		["a list", `["${canary}"]`],
		["a number as value", `{"X-A": 5}`],
		["a line break in a value", JSON.stringify({ "X-A": `${canary}\r\nX-B: c` })],
		["a name that is no name", JSON.stringify({ [`${canary} :`]: "x" })],
	])("%s is refused without being shown", (_case, value) => {
		const message = refusalOf({ env: { PREFECT_CLIENT_CUSTOM_HEADERS: value } });
		expect(message).toContain("prefect.customHeaders");
		expect(message).not.toContain(canary);
	});

	test("a single text in the file is refused with its place", () => {
		expect(refusalOf({ yaml: "prefect:\n  customHeaders: x\n" })).toMatch(
			/^z\.yaml:2:18: prefect\.customHeaders needs/u,
		);
	});
});

describe("booleans", () => {
	const skips = (value: string): boolean =>
		load({ env: { PREFECT_API_TLS_INSECURE_SKIP_VERIFY: value } }).settings.prefect.tlsInsecureSkipVerify;

	test("are taken in the words that Prefect takes", () => {
		expect(["1", "true", "True", "YES", "on", "t", "y"].map(skips)).not.toContain(false);
		expect(["0", "false", "No", "off", "f", "n"].map(skips)).not.toContain(true);
	});

	test.each(["2", "maybe", "constructor"])("%s is refused", (value) => {
		expect(refusalOf({ env: { PREFECT_API_TLS_INSECURE_SKIP_VERIFY: value } })).toContain("needs true or false");
	});

	test("C7: an unchecked certificate is a loud warning", () => {
		expect(load({ yaml: "prefect:\n  tlsInsecureSkipVerify: true\n" }).warnings).toEqual([
			expect.stringMatching(/^prefect\.tlsInsecureSkipVerify is on: the server's certificate is not checked/u),
		]);
		expect(load({}).warnings).toEqual([]);
	});
});
