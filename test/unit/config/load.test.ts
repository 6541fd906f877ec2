import { mkdirSync, writeFileSync } from "node:fs";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { describeSettings, secretsOf } from "../../../src/config/describe.ts";
import { type LoadedConfig, loadConfig } from "../../../src/config/load.ts";
import { fields } from "../../../src/config/schema.ts";
import { OperatorError } from "../../../src/lib/errors.ts";
import { TempFolder } from "../../_util/temp-folder.ts";

let folder: TempFolder;
beforeEach(async () => {
	folder = await TempFolder.make("config");
});
afterEach(async () => {
	await folder[Symbol.asyncDispose]();
});

interface Given {
	readonly yaml?: string;
	readonly env?: Readonly<Record<string, string>>;
	readonly flags?: Readonly<Record<string, string>>;
}

function load({ yaml, env = {}, flags = {} }: Given): LoadedConfig {
	if (yaml !== undefined) writeFileSync(folder.file("zombied.yaml"), yaml);
	const file = yaml === undefined ? null : "zombied.yaml";
	return loadConfig({ env, folder: folder.path, file, flags: new Map(Object.entries(flags)) });
}

function refusalOf(given: Given): string[] {
	try {
		load(given);
	} catch (error) {
		expect(error).toBeInstanceOf(OperatorError);
		return (error as Error).message.split("\n");
	}
	throw new Error("the settings were accepted");
}

describe("defaults", () => {
	test("O12: without any setting http binds loopback, and the contract's defaults hold", () => {
		const { settings, file, warnings } = load({});
		expect(settings).toEqual({
			prefect: {
				apiUrl: "http://127.0.0.1:4200/api",
				apiKey: null,
				apiAuthString: null,
				uiUrl: null,
				cloudApiUrl: "https://api.prefect.cloud/api",
				customHeaders: {},
				sslCertFile: null,
				tlsInsecureSkipVerify: false,
				requestTimeout: { ms: 60_000 },
			},
			store: { url: "sqlite:./data/zombied.db" },
			http: { listen: { host: "127.0.0.1", port: 4290 }, token: null },
			namespace: "default",
			detector: {
				k: 3,
				slowestCadence: { ms: 600_000 },
				stuckPending: { ms: 1_800_000 },
				stuckRetry: { ms: 300_000 },
				stuckCancelling: { ms: 600_000 },
				stale: { ms: 86_400_000 },
				overrun: "off",
				stuckScheduled: "off",
			},
			rules: [],
			remedy: {
				mode: "off",
				scopes: [],
				deny: [],
				grace: { ms: 300_000 },
				perMinute: 5,
				perPoolPerMinute: 2,
				reschedule: 0,
			},
			sinks: [],
			maintenance: [],
			reconcile: { every: { ms: 60_000 } },
			deadManSwitch: { url: null, every: { ms: 60_000 } },
			catchUp: { secondPass: { ms: 15_000 } },
			retention: { runs: { ms: 7 * 86_400_000 }, episodes: { ms: 90 * 86_400_000 } },
			limits: { queueInputs: 20_000, outboxRows: 100_000, restPerSecond: 5, confirmRuns: 50, unconfirmedRuns: 100_000 },
			log: { level: "info" },
		});
		expect(file).toBeNull();
		expect(warnings).toEqual([]);
	});

	test("every setting has a description and a variable of its own, but for the lists; secrets have no flag", () => {
		const lists = fields.filter((field) => field.env === null).map(({ path: setting }) => setting);
		expect(lists).toEqual(["rules", "remedy.scopes", "remedy.deny", "sinks", "maintenance"]);
		expect(new Set(fields.flatMap((field) => field.env ?? [])).size).toBe(fields.length - lists.length);
		for (const field of fields) {
			expect(field.description).not.toBe("");
			expect(field.flag === null).toBe(field.secret === true || field.fileOnly === true);
		}
		expect(fields.find((field) => field.path === "catchUp.secondPass")).toMatchObject({
			env: "ZOMBIED_CATCH_UP_SECOND_PASS",
			flag: "--catch-up.second-pass",
		});
	});
});

describe("precedence", () => {
	const yaml = "prefect:\n  apiUrl: http://file/api\n";
	const env = { PREFECT_API_URL: "http://prefect-env/api" };
	const own = { ...env, ZOMBIED_PREFECT_API_URL: "http://own-env/api" };
	const flags = { "prefect.apiUrl": "http://flag/api" };

	test.each([
		["the default stands alone", {}, "http://127.0.0.1:4200/api", "default"],
		["the file beats the default", { yaml }, "http://file/api", "zombied.yaml:2:11"],
		["PREFECT_* beats the file", { yaml, env }, "http://prefect-env/api", "PREFECT_API_URL"],
		["ZOMBIED_* beats PREFECT_*", { yaml, env: own }, "http://own-env/api", "ZOMBIED_PREFECT_API_URL"],
		["a flag beats all", { yaml, env: own, flags }, "http://flag/api", "--prefect.api-url"],
	])("%s", (_rule, given, value, where) => {
		const loaded = load(given);
		expect(loaded.settings.prefect.apiUrl).toBe(value);
		expect(loaded.provenance.get("prefect.apiUrl")?.where).toBe(where);
	});

	test("an empty variable counts as not set", () => {
		expect(load({ yaml, env: { PREFECT_API_URL: "" } }).settings.prefect.apiUrl).toBe("http://file/api");
	});

	test("numbers come from variables and flags as texts", () => {
		const { settings } = load({ env: { ZOMBIED_DETECTOR_K: "2.5" }, flags: { "limits.confirmRuns": "10" } });
		expect(settings.detector.k).toBe(2.5);
		expect(settings.limits.confirmRuns).toBe(10);
	});

	test("Prefect's request timeout is a number of seconds, ours a duration", () => {
		const timeoutMs = (env: Given["env"] & object): number => load({ env }).settings.prefect.requestTimeout.ms;
		expect(timeoutMs({ PREFECT_API_REQUEST_TIMEOUT: "7.5" })).toBe(7500);
		expect(timeoutMs({ ZOMBIED_PREFECT_REQUEST_TIMEOUT: "9s" })).toBe(9000);
		expect(refusalOf({ env: { ZOMBIED_PREFECT_REQUEST_TIMEOUT: "9" } })[0]).toContain("duration");
		expect(refusalOf({ env: { PREFECT_API_REQUEST_TIMEOUT: "soon" } })[0]).toContain("PREFECT_API_REQUEST_TIMEOUT");
	});
});

describe("the file", () => {
	const inFolder = (file: string | null, env: Record<string, string> = {}): LoadedConfig =>
		loadConfig({ env, folder: folder.path, file, flags: new Map() });

	test("--config comes before ZOMBIED_CONFIG, and that before ./config/zombied.yaml", () => {
		mkdirSync(folder.file("config"));
		writeFileSync(folder.file("config/zombied.yaml"), "namespace: usual\n");
		writeFileSync(folder.file("a.yaml"), "namespace: a\n");
		writeFileSync(folder.file("b.yaml"), "namespace: b\n");
		expect(inFolder(null).settings.namespace).toBe("usual");
		expect(inFolder(null, { ZOMBIED_CONFIG: "a.yaml" }).settings.namespace).toBe("a");
		expect(inFolder("b.yaml", { ZOMBIED_CONFIG: "a.yaml" }).settings.namespace).toBe("b");
		expect(inFolder(path.resolve(folder.file("b.yaml"))).settings.namespace).toBe("b");
	});

	test("a named file that is missing, a folder, or no text is refused in words", () => {
		expect(() => inFolder("gone.yaml")).toThrow(/^gone\.yaml: there is no such file; mend the path given by --config$/);
		expect(() => inFolder(null, { ZOMBIED_CONFIG: "gone.yaml" })).toThrow(/given by ZOMBIED_CONFIG/);
		expect(() => inFolder(".")).toThrow(OperatorError);
	});

	test.each(["", "# nothing\n", "http:\n  # listen: x\n"])("%j is a sound file that sets nothing", (yaml) => {
		expect(load({ yaml }).settings).toEqual(load({}).settings);
	});

	test("O4: an unknown key is refused with line, column and the nearest setting", () => {
		expect(refusalOf({ yaml: "namespace: a\nhttp:\n  listn: 127.0.0.1:1\n" })).toEqual([
			"zombied.yaml:3:3: there is no setting http.listn; did you mean http.listen?",
		]);
		expect(refusalOf({ yaml: "detectr:\n  k: 3\n" })).toEqual([
			"zombied.yaml:1:1: there is no setting detectr; did you mean detector?",
		]);
		expect(refusalOf({ yaml: "slowestCadence: 3m\n" })[0]).toContain("did you mean detector.slowestCadence?");
		expect(refusalOf({ yaml: "utterlyDifferent: 3\n" })).toEqual([
			"zombied.yaml:1:1: there is no setting utterlyDifferent; remove the line",
		]);
		expect(refusalOf({ yaml: "__proto__:\n  k: 3\n" })[0]).toContain("there is no setting __proto__");
	});

	test("every fault gets a line of its own, with its place", () => {
		const lines = refusalOf({ yaml: "detector:\n  k: many\n  slowestCadence: 60\nlog: loud\nstore:\n  url:\n" });
		expect(lines.toSorted()).toEqual([
			'zombied.yaml:2:6: detector.k needs a number from 2 to 6, not "many"',
			'zombied.yaml:3:19: detector.slowestCadence needs a duration with its unit, such as 90s, 9m or 1h30m, not "60"',
			"zombied.yaml:4:1: log is a section: put its settings below it, indented",
			"zombied.yaml:6:3: store.url has no value; give one, or remove the line",
		]);
	});

	test.each([
		["a: b: c\n", 1],
		["namespace: a\nnamespace: b\n", 2],
		["namespace: [a\n", 2],
		["namespace: !unknown a\n", 1],
	])("%j is refused as YAML with its line", (yaml, line) => {
		const [problem, ...more] = refusalOf({ yaml });
		expect(problem).toMatch(new RegExp(`^zombied\\.yaml:${line}:\\d+: this is not valid YAML`));
		expect(more).toEqual([]);
	});

	test("a list where keys belong is refused", () => {
		expect(refusalOf({ yaml: "- a\n" })[0]).toContain("needs keys with values");
		expect(refusalOf({ yaml: "namespace: [a]\n" })[0]).toContain("needs a single value");
	});
});

describe("bounds", () => {
	test.each([
		["detector.k", ["2", "6"], ["1.9", "6.1", "x", "0x3", "1e1"]],
		["detector.slowestCadence", ["30s", "1d"], ["29s", "1d1s", "600"]],
		["detector.stuckPending", ["1s", "30d"], ["999ms", "30d1s", "off"]],
		["detector.stuckRetry", ["1s", "30d"], ["0s", "31d", "off"]],
		["detector.stuckCancelling", ["1s", "30d"], ["0s", "31d", "off"]],
		["detector.stale", ["1s", "365d"], ["0s", "366d", "off"]],
		["detector.overrun", ["off", " off ", "1s", "3650d"], ["on", "0s", "3651d", "6", "OFF"]],
		["detector.stuckScheduled", ["off", "1s", "30d"], ["no", "0s", "31d"]],
		["limits.confirmRuns", ["1", "50"], ["0", "51", "1.5"]],
		["limits.unconfirmedRuns", ["100", "10000000"], ["99", "10000001", "100.5"]],
		["limits.restPerSecond", ["0.1", "100"], ["0", "101"]],
		["reconcile.every", ["5s", "1h"], ["4s", "61m"]],
		["http.listen", ["127.0.0.1:0", "localhost:65535", "[::1]:80"], ["127.0.0.1", ":80", "::1:80", "a:65536", "a:b"]],
		["store.url", ["sqlite:x.db", "memory:"], ["x.db", "sqlite:", "postgres://h/x"]],
		["namespace", ["a", "team-1.prod_x"], ["", "a b", "a|b", "-a", "x".repeat(64)]],
		[
			"prefect.apiUrl",
			["https://h", "http://[::1]:1/api///"],
			["h", "ftp://h", "http://", "http://h/?a=1", "http://h/#a"],
		],
		["log.level", ["debug", "error"], ["loud", "INFO"]],
	])("%s takes its bounds and nothing beyond", (setting, sound, unsound) => {
		for (const value of sound) expect(load({ flags: { [setting]: value } }).provenance.get(setting)?.kind).toBe("flag");
		for (const value of unsound) expect(refusalOf({ flags: { [setting]: value } })[0]).toContain(setting);
	});

	test("slashes at the end of an address go, brackets of an IPv6 host too", () => {
		const { settings } = load({ flags: { "prefect.apiUrl": "http://h/api//", "http.listen": "[::1]:80" } });
		expect(settings.prefect.apiUrl).toBe("http://h/api");
		expect(settings.http.listen).toEqual({ host: "::1", port: 80 });
	});
});

describe("secrets", () => {
	const canary = "canary-7f3a";

	test("ZOMBIED_…_FILE names a file; its line break does not count", () => {
		writeFileSync(folder.file("key"), `${canary}\n`);
		const loaded = load({ env: { ZOMBIED_PREFECT_API_KEY_FILE: folder.file("key"), PREFECT_API_KEY: "other" } });
		expect(loaded.settings.prefect.apiKey).toBe(canary);
		expect(secretsOf(loaded.settings)).toEqual([canary]);
	});

	test("a variable and its file together, or a file that is not there, are refused", () => {
		const file = folder.file("key");
		expect(refusalOf({ env: { ZOMBIED_PREFECT_API_KEY_FILE: file } })[0]).toContain("cannot be read");
		const both = { ZOMBIED_PREFECT_API_KEY: canary, ZOMBIED_PREFECT_API_KEY_FILE: file };
		expect(refusalOf({ env: both })[0]).toContain("keep one of them");
	});

	test.each<[string, Given]>([
		["a malformed secret", { env: { PREFECT_API_KEY: `${canary}\n` } }],
		["a secret of the wrong type in the file", { yaml: `prefect:\n  apiKey: [${canary}]\n` }],
		["an alias in place of a secret", { yaml: `prefect:\n  apiKey: *${canary}\n` }],
		["a tagged secret", { yaml: `prefect:\n  apiKey: !x ${canary}\n` }],
		["an address with a password", { env: { PREFECT_API_URL: `http://u:${canary}@h/api` } }],
		["an address with a token", { env: { PREFECT_API_URL: `http://h/api?token=${canary}` } }],
		["a database address with a password", { env: { ZOMBIED_STORE_URL: `postgres://u:${canary}@h/x` } }],
	])("%s is refused without being shown", (_case, given) => {
		const lines = refusalOf(given);
		expect(lines.join("\n")).not.toContain(canary);
		expect(lines.length).toBeGreaterThan(0);
	});

	test("a description of the settings hides them", () => {
		const described = describeSettings(load({ env: { PREFECT_API_KEY: canary } }));
		expect(JSON.stringify(described)).not.toContain(canary);
		expect(described.find(({ path: setting }) => setting === "prefect.apiKey")).toEqual({
			path: "prefect.apiKey",
			value: "[redacted]",
			where: "PREFECT_API_KEY",
		});
		expect(described.find(({ path: setting }) => setting === "retention.runs")?.value).toBe("7d");
	});
});

describe("unknown variables", () => {
	test("a misspelt ZOMBIED_ variable is a warning with the nearest one", () => {
		expect(load({ env: { ZOMBIED_HTP_LISTEN: "x" } }).warnings).toEqual([
			"there is no variable ZOMBIED_HTP_LISTEN; did you mean ZOMBIED_HTTP_LISTEN?",
		]);
	});

	test("variables that Kubernetes makes of a Service named zombied are none of ours", () => {
		const env = {
			ZOMBIED_SERVICE_HOST: "10.0.0.1",
			ZOMBIED_PORT: "tcp://10.0.0.1:4290",
			ZOMBIED_PORT_4290_TCP_ADDR: "10.0.0.1",
		};
		expect(load({ env }).warnings).toEqual([]);
	});
});

test("control characters in a value do not reach the message", () => {
	const [line] = refusalOf({ env: { ZOMBIED_NAMESPACE: "a\u001b[31m\nb\u202e" } });
	expect(line).toMatch(/^[\x20-\x7e…]+$/u);
});
