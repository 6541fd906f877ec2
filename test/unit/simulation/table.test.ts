import { describe, expect, it } from "vitest";
import type { DetectorSettings } from "../../../src/core/settings.ts";
import { OperatorError } from "../../../src/lib/errors.ts";
import { defaultSettings } from "../../_util/core-world.ts";
import { goalsOf, isReached } from "../../simulation/table/goals.ts";
import { detectorNames, type Job, playJob } from "../../simulation/table/job.ts";
import { readOptions } from "../../simulation/table/options.ts";
import { playJobs } from "../../simulation/table/play-jobs.ts";
import { renderTable } from "../../simulation/table/render.ts";
import { scenarioNames } from "../../simulation/table/scenario.ts";

function small(scenario: Job["scenario"], changes: Partial<Job> = {}): Job {
	return { scenario, cadenceSeconds: 30, detectors: ["zombied"], runs: 100, beats: 40, seed: "1", ...changes };
}

function falseOf(job: Job, settings = defaultSettings): number {
	return playJob(job, settings).cells[0]!.falsePer1000;
}

const minuteMs = 60_000;

function withThreshold(thresholdMs: number): DetectorSettings {
	return { ...defaultSettings, rules: [{ match: {}, k: null, thresholdMs, overrunMs: null, off: [] }] };
}

describe("a small table", () => {
	it.each(scenarioNames)("%s: zombied reaches what it is to reach", { timeout: minuteMs }, (scenario) => {
		const job = small(scenario);
		const goals = goalsOf([job], [playJob(job)]);
		expect(goals.length).toBeGreaterThan(0);
		expect(goals.filter((goal) => !isReached(goal))).toEqual([]);
	});

	it("is the same twice, and whoever plays it", { timeout: minuteMs }, async () => {
		const few = { detectors: detectorNames, runs: 40 };
		const jobs = [small("nominal", few), small("stall-2", few)];
		const alone = jobs.map((job) => playJob(job));
		const among = await playJobs(jobs, () => undefined);
		expect(JSON.stringify(among)).toBe(JSON.stringify(alone));
		expect(
			renderTable(
				among.flatMap((one) => one.cells),
				[],
			),
		).toContain("| **zombied** | 0 | 0 |");
	});

	it("differs with another seed", () => {
		const one = playJob(small("stall-2", { detectors: ["prefect-automation"] }));
		const other = playJob(small("stall-2", { detectors: ["prefect-automation"], seed: "2" }));
		expect(JSON.stringify(one)).not.toBe(JSON.stringify(other));
	});

	it("shows a detector that speaks after two cadences", { timeout: minuteMs }, () => {
		expect(falseOf(small("stall-2", { runs: 40 }), withThreshold(61_000))).toBeGreaterThan(500);
	});

	it("shows a detector that misses deaths", { timeout: minuteMs }, () => {
		const { missed } = playJob(small("death", { runs: 40 }), withThreshold(24 * 60 * minuteMs)).cells[0]!;
		expect(missed).toBe(40);
	});

	it.each([
		["prefect-automation", "beat-after-completed"],
		["learned-mean-3", "stall-2"],
		["phi-rescaled", "stream-loss-bursts"],
	] as const)("shows that %s is wrong in %s, and right in the nominal world", (detector, scenario) => {
		expect(falseOf(small(scenario, { detectors: [detector] }))).toBeGreaterThan(50);
		expect(falseOf(small("nominal", { detectors: [detector] }))).toBe(0);
	});
});

describe("options of the table", () => {
	it("are everything at full size by default", () => {
		expect(readOptions([])).toEqual({
			json: false,
			seed: "1",
			runs: 1_000,
			beats: 200,
			scenarios: scenarioNames,
			detectors: detectorNames,
			cadencesSeconds: [30, 180],
			report: null,
		});
	});

	it("choose by name, several times or with commas, in the table's order", () => {
		const { scenarios, cadencesSeconds } = readOptions(["--scenario", "death,nominal", "--cadence", "180", "--json"]);
		expect(scenarios).toEqual(["nominal", "death"]);
		expect(cadencesSeconds).toEqual([180]);
	});

	it.each([
		[["--runs", "20", "--beats", "40"], null],
		[["--runs", "19"], "--runs 19: it is a whole number from 20 to 100000"],
		[["--beats", "39"], "--beats 39: it is a whole number from 40 to 100000"],
		[["--runs", "many"], "--runs many: it is a whole number from 20 to 100000"],
		[["--scenario", "calm"], "--scenario calm: it is one of nominal, jitter"],
		[["--cadence", "60"], "--cadence 60: it is one of 30, 180"],
		[["--sead", "1"], "Unknown option '--sead'"],
	] as const)("%j: %s", (args, message) => {
		if (message === null) expect(readOptions(args).runs).toBe(20);
		else expect(() => readOptions(args)).toThrow(message);
		if (message !== null) expect(() => readOptions(args)).toThrow(OperatorError);
	});
});
