import { copyFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { runCli } from "../../../src/cli/cli.ts";
import { cliContext, runCommand } from "../../_util/cli-session.ts";
import { CollectingStream } from "../../_util/collecting-stream.ts";
import { TempFolder } from "../../_util/temp-folder.ts";

const incidents = join(import.meta.dirname, "..", "..", "incidents");
const killed =
	/^\{"incident":"killed-run","at":"[^"]+","transition":"raised","alert_id":"[^"]+","condition":"zombie",/u;

let folder: TempFolder;

beforeEach(async () => {
	folder = await TempFolder.make("replay");
	for (const name of ["killed-run.jsonl", "killed-run.expect.json", "never-beats.jsonl"]) {
		copyFileSync(join(incidents, name), folder.file(name));
	}
});
afterEach(async () => {
	await folder[Symbol.asyncDispose]();
});

function replay(...args: readonly string[]) {
	return runCommand(["replay", ...args], { folder: folder.path });
}

async function onTerminal(...args: readonly string[]): Promise<string> {
	const stdout = new CollectingStream(true);
	expect(await runCli({ ...cliContext(["replay", ...args], { folder: folder.path }), stdout })).toBe(0);
	return stdout.text;
}

describe("replay", { timeout: 60_000 }, () => {
	test("writes JSON lines into a pipe, and nothing else", async () => {
		const { code, stdout, stderr } = await replay("killed-run.jsonl");
		expect(code).toBe(0);
		expect(stdout.trimEnd().split("\n")).toEqual([expect.stringMatching(killed)]);
		expect(stderr).toBe("");
	});

	test("says nothing of a run that gives no cause", async () => {
		expect(await replay("never-beats.jsonl")).toEqual({ code: 0, stdout: "", stderr: "" });
	});

	test("writes words to a terminal, and with --json JSON there too (O5)", async () => {
		expect(await onTerminal("killed-run.jsonl")).toMatch(
			/^\d{4}-\d\d-\d\d [\d:.]+Z {2}raised: zombie [0-9a-f-]{36}\n$/u,
		);
		expect(await onTerminal("killed-run.jsonl", "--json")).toMatch(killed);
	});

	test("takes the settings of the detector", async () => {
		const { stdout: patient } = await replay("killed-run.jsonl");
		const { stdout: fast } = await replay("killed-run.jsonl", "--detector.k", "2");
		const atMs = (line: string) => Date.parse(JSON.parse(line).at);
		expect(atMs(patient) - atMs(fast)).toBeGreaterThan(20_000);
	});

	test("--expect is 0 when all is as expected, and says so", async () => {
		expect(await replay("killed-run.jsonl", "--expect")).toMatchObject({ code: 0, stderr: "1 of 1 as expected\n" });
	});

	test("--expect is 10 when anything differs, and says what", async () => {
		writeFileSync(
			folder.file("never-beats.expect.json"),
			JSON.stringify({
				incident: "never-beats",
				runs: {
					"00000000-0000-4000-8000-000000000001": {
						alerts: [
							{ condition: "zombie", raised_after: "2026-01-01T00:00:00Z", raised_before: "2030-01-01T00:00:00Z" },
						],
					},
				},
			}),
		);
		const { code, stderr } = await replay("killed-run.jsonl", "never-beats.jsonl", "--expect");
		expect(code).toBe(10);
		expect(stderr).toMatch(/^never-beats: missing: .*zombie between .*\n1 of 2 as expected\n$/u);
	});

	test.each([
		[
			"a file that is not there",
			"nowhere.jsonl",
			/^zombied: \S*nowhere\.jsonl: cannot be read \(ENOENT.*\): is the path right\?\n$/u,
		],
		["a line that is no JSON", "broken.jsonl", /^zombied: .*broken\.jsonl:2: .*expected one JSON object a line\n$/u],
	])("%s is the operator's to mend: one line that says where", async (_what, name, words) => {
		writeFileSync(folder.file("broken.jsonl"), '{"at":"2026-01-01T00:00:00Z","text":"x"}\n{"at":\n');
		const { code, stderr } = await replay(name);
		expect(code).toBe(1);
		expect(stderr).toMatch(words);
	});

	test("--expect without an expectation says so", async () => {
		const { code, stderr } = await replay("never-beats.jsonl", "--expect");
		expect(code).toBe(1);
		expect(stderr).toMatch(/^zombied: .*never-beats\.expect\.json.*--expect needs the verdicts to compare with\n$/u);
	});
});
