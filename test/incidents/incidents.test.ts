import { readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { LiveSettings } from "../../src/config/live-settings.ts";
import { loadConfig } from "../../src/config/load.ts";
import { replayStory } from "../../src/daemon/replay.ts";
import { createSilentReporter } from "../../src/observe/silent-reporter.ts";
import { differences, readExpectation } from "../../src/replay/expectation.ts";
import { openIncident } from "../../src/replay/incident-file.ts";
import type { ReplayLine } from "../../src/replay/replay-line.ts";
import { TempFolder } from "../_util/temp-folder.ts";

const folder = import.meta.dirname;
const names = readdirSync(folder)
	.filter((file) => file.endsWith(".jsonl"))
	.map((file) => file.replace(/\.jsonl$/u, ""));

async function linesOf(path: string): Promise<readonly ReplayLine[]> {
	const loaded = loadConfig({ env: {}, folder: "/", file: null, flags: new Map() });
	const lines: ReplayLine[] = [];
	await replayStory(await openIncident(path), {
		settings: loaded.settings,
		live: new LiveSettings(loaded.settings, () => loaded),
		reporter: createSilentReporter(),
		signal: new AbortController().signal,
		onLine: (line) => lines.push(line),
	});
	return lines;
}

async function differencesOf(name: string, path = join(folder, `${name}.jsonl`)): Promise<readonly string[]> {
	return differences(await readExpectation(join(folder, `${name}.expect.json`)), await linesOf(path));
}

describe("every reported incident gets its correct verdict", () => {
	it.each(names)("%s", async (name) => {
		expect(await differencesOf(name)).toEqual([]);
	});
});

describe("a recording of a real server, without a word of REST in it", () => {
	it("is judged by what its events tell: a killed run, and one that beats on after Prefect called it crashed", async () => {
		const lines = await linesOf(join(folder, "..", "recordings", "prefect-3.8.8.jsonl"));
		const told = lines.map((line) =>
			"group" in line ? line.transition : `${line.flow_run_id.slice(-4)} ${line.condition} ${line.outcome ?? "raised"}`,
		);
		// Three runs were killed together; Prefect's automation called them crashed within half a minute of the incident.
		expect(told).toEqual([
			"8fdc zombie raised",
			"group_raised",
			"group_resolved",
			"3c45 undead raised",
			"3c45 undead quiet",
		]);
	});
});

describe("a replay", () => {
	it("says the same twice, byte for byte (O8)", async () => {
		const path = join(folder, "frozen-dies-later.jsonl");
		const once = JSON.stringify(await linesOf(path));
		expect(once).toContain('"transition":"resolved"');
		expect(JSON.stringify(await linesOf(path))).toBe(once);
	});

	it("tells a group incident in lines of their own, the keys in the order of the contract", async () => {
		const lines = await linesOf(join(folder, "pool-dies-restart.jsonl"));
		const groups = lines.filter(({ transition }) => transition.startsWith("group_"));
		expect(groups).toMatchObject([
			{ transition: "group_raised", group_kind: "work_pool", group: "etl-pool", outcome: null },
			{ transition: "group_resolved", runs: 4, outcome: "ended" },
		]);
		expect(groups[1]).toMatchObject({ group_id: "group_id" in groups[0]! ? groups[0].group_id : null });
		for (const line of groups) {
			expect(Object.keys(line).join(" ")).toBe("incident at transition group_id group_kind group runs outcome");
		}
		const own = lines.filter((line) => !groups.includes(line));
		expect(own.map(({ transition }) => transition)).toEqual(["raised", "raised", "raised", "raised"]);
	});

	it("is compared with the group incidents that are expected", async () => {
		const lines = await linesOf(join(folder, "pool-dies-restart.jsonl"));
		const expected = await readExpectation(join(folder, "pool-dies-restart.expect.json"));
		const atLeast = (count: number) => differences({ ...expected, group_incidents: { at_least: count } }, lines);
		expect([atLeast(0), atLeast(1)]).toEqual([[], []]);
		expect(atLeast(2)).toEqual(["missing: 2 group incidents, got 1"]);
	});

	it("goes through the parser: frames that no longer parse change the verdict", async () => {
		await using temp = await TempFolder.make("replay");
		const path = join(temp.path, "killed-run.jsonl");
		const text = await import("node:fs/promises").then((fs) => fs.readFile(join(folder, "killed-run.jsonl"), "utf8"));
		writeFileSync(path, text.replaceAll('"prefect.resource.id"', '"prefect.resource.ID"'));
		expect(await differencesOf("killed-run", path)).not.toEqual([]);
	});
});
