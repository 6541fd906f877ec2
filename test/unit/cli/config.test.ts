import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { afterEach, beforeEach, expect, test } from "vitest";
import { renderExample } from "../../../src/config/render-example.ts";
import { renderJsonSchema } from "../../../src/config/render-schema.ts";
import { runCommand } from "../../_util/cli-session.ts";
import { TempFolder } from "../../_util/temp-folder.ts";

let folder: TempFolder;
beforeEach(async () => {
	folder = await TempFolder.make("config-cli");
});
afterEach(async () => {
	await folder[Symbol.asyncDispose]();
});

function run(args: readonly string[], env: Record<string, string> = {}) {
	return runCommand(args, { folder: folder.path, env });
}

test("init writes a file that is found, sound and changes nothing", async () => {
	expect(await run(["config", "init"])).toEqual({ code: 0, stdout: "wrote config/zombied.yaml\n", stderr: "" });
	expect(readFileSync(folder.file("config/zombied.yaml"), "utf8")).toBe(renderExample());
	expect((await run(["config", "check"])).stdout).toBe("the settings are sound (./config/zombied.yaml)\n");
});

test("init overwrites nothing", async () => {
	writeFileSync(folder.file("mine.yaml"), "namespace: mine\n");
	const { code, stdout, stderr } = await run(["config", "init", "mine.yaml"]);
	expect({ code, stdout }).toEqual({ code: 1, stdout: "" });
	expect(stderr).toBe("zombied: mine.yaml exists and was left as it is; name another file\n");
	expect(readFileSync(folder.file("mine.yaml"), "utf8")).toBe("namespace: mine\n");
});

test("init where nothing can be written says why", async () => {
	mkdirSync(folder.file("a"));
	writeFileSync(folder.file("a/b"), "");
	expect(await run(["config", "init", "a/b/c.yaml"])).toMatchObject({
		code: 1,
		stderr: expect.stringContaining("cannot be written"),
	});
});

test("schema prints the JSON Schema", async () => {
	expect(await run(["config", "schema"])).toEqual({ code: 0, stdout: renderJsonSchema(), stderr: "" });
});

test("O5: check has --json too", async () => {
	writeFileSync(folder.file("z.yaml"), "prefect:\n  tlsInsecureSkipVerify: true\n");
	const { code, stdout, stderr } = await run(["config", "check", "--json", "--config", "z.yaml"]);
	expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
	expect(JSON.parse(stdout)).toEqual({
		sound: true,
		file: "z.yaml",
		warnings: [expect.stringContaining("certificate is not checked")],
	});
});

test("print names the profile a value comes from, and hides what it holds", async () => {
	mkdirSync(folder.file(".prefect"));
	const toml = 'active = "prod"\n[profiles.prod]\nPREFECT_API_KEY = "canary-key"\nPREFECT_API_URL = "https://p/api"\n';
	writeFileSync(folder.file(".prefect/profiles.toml"), toml);
	const { stdout } = await run(["config", "print"], { HOME: folder.path });
	const place = folder.file(".prefect/profiles.toml").replaceAll(".", "\\.");
	expect(stdout).toMatch(new RegExp(`^prefect\\.apiUrl +https://p/api +${place} \\[prod\\]$`, "mu"));
	expect(stdout).toMatch(/^prefect\.apiKey +\[redacted\] /mu);
	expect(stdout).not.toContain("canary-key");
});
