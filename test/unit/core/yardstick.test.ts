import { describe, expect, it } from "vitest";
import { countArmed } from "../../../src/core/armed-runs.ts";
import { Learning } from "../../../src/core/learning.ts";
import { Observation } from "../../../src/core/observation.ts";
import { newRun, type Run } from "../../../src/core/run.ts";
import { RunTable } from "../../../src/core/run-table.ts";
import { ThresholdWatch } from "../../../src/core/threshold-watch.ts";
import { Yardstick } from "../../../src/core/yardstick.ts";
import { uuid } from "../../_util/core-server.ts";
import { defaultSettings } from "../../_util/core-world.ts";

const start = { monoMs: 0, wallMs: 0 };

function yardstickOf(observation = new Observation(start), live = { current: defaultSettings }): Yardstick {
	return new Yardstick({ live, observation, learning: new Learning() });
}

const beating: Run = {
	...newRun(uuid(1, 1)),
	state: { id: uuid(2, 1), type: "RUNNING", name: "Running", timestampMs: 0, scheduledTimeMs: null, fromRest: true },
	aliveAtMonoMs: 1_000,
	lastBeat: { eventId: uuid(3, 1), occurredMs: 30_000, receivedMs: 30_000 },
	occurredMs: [0, 30_000],
};

describe("the silence of a run", () => {
	it("is the time since its proof of life, less what was blind", () => {
		const paused = new Observation(start);
		paused.tick({ monoMs: 5_000, wallMs: 5_000 }, 0);
		paused.tick({ monoMs: 25_000, wallMs: 25_000 }, 0);
		expect(yardstickOf(paused).silence(beating, 61_000)).toEqual({
			totalMs: 60_000,
			blindMs: 20_000,
			countedMs: 40_000,
		});
	});

	it("is none for a run never heard, or heard a moment ahead of us", () => {
		const none = { totalMs: 0, blindMs: 0, countedMs: 0 };
		expect(yardstickOf().silence(newRun(uuid(1, 2)), 61_000)).toEqual(none);
		expect(yardstickOf().silence(beating, 500)).toEqual(none);
	});
});

describe("a threshold that nobody has set", () => {
	it("is not short", () => {
		const yardstick = yardstickOf();
		expect(new ThresholdWatch(yardstick).look(yardstick.treatment(beating), beating.labels, 30_000)).toBeNull();
	});
});

describe("the rate at which beats should arrive", () => {
	function rateOf(run: Run, nowMonoMs: number): number {
		const table = new RunTable();
		table.add(run, 0);
		table.add({ ...beating, runId: uuid(1, 3), occurredMs: [0, 60_000], aliveAtMonoMs: nowMonoMs }, 0);
		return countArmed(table, yardstickOf(), nowMonoMs).eventsPerMs - 1 / 60_000;
	}

	it.each<{ rule: string; run: Run; nowMonoMs: number; expected: number }>([
		{ rule: "counts an armed run", run: beating, nowMonoMs: 2_000, expected: 1 / 30_000 },
		{ rule: "counts it up to the line of suspicion", run: beating, nowMonoMs: 76_000, expected: 1 / 30_000 },
		{ rule: "counts it no longer beyond", run: beating, nowMonoMs: 76_001, expected: 0 },
		{ rule: "leaves out one of unknown cadence", run: { ...beating, occurredMs: [] }, nowMonoMs: 2_000, expected: 0 },
		{ rule: "leaves out one that is not armed", run: { ...beating, state: null }, nowMonoMs: 2_000, expected: 0 },
	])("$rule", ({ run, nowMonoMs, expected }) => {
		expect(rateOf(run, nowMonoMs)).toBeCloseTo(expected, 9);
	});
});

describe("a run never heard", () => {
	it("has not lapsed", () => {
		expect(yardstickOf().isLapsed(newRun(uuid(1, 2)), 3_600_000)).toBe(false);
		expect(yardstickOf().isLapsed(beating, 3_600_000)).toBe(true);
	});
});

describe("settings", () => {
	const patient = { ...defaultSettings, k: 5 };

	it("and rules that a reload changes hold from the next sweep on", () => {
		const live = { current: defaultSettings };
		const yardstick = yardstickOf(undefined, live);
		expect(yardstick.deadline(beating).dueAfterMs).toBe(105_000);
		live.current = patient;
		expect(yardstick.deadline(beating).dueAfterMs).toBe(105_000);
		yardstick.refresh(0);
		expect(yardstick.deadline(beating).dueAfterMs).toBe(165_000);
		expect(yardstick.settings).toBe(patient);
	});
});
