import { describe, expect, it } from "vitest";
import { Observation } from "../../../src/core/observation.ts";
import { newRun, type Run } from "../../../src/core/run.ts";
import { RunTable } from "../../../src/core/run-table.ts";
import { expectedEventsPerMs, runSilence } from "../../../src/core/silence.ts";
import { uuid } from "../../_util/core-server.ts";
import { defaultSettings } from "../../_util/core-world.ts";

const observation = new Observation({ monoMs: 0, wallMs: 0 });
const beating: Run = {
	...newRun(uuid(1, 1)),
	state: { id: uuid(2, 1), type: "RUNNING", name: "Running", timestampMs: 0, fromRest: true },
	aliveAtMonoMs: 1_000,
	lastBeat: { eventId: uuid(3, 1), occurredMs: 30_000, receivedMs: 30_000 },
	occurredMs: [0, 30_000],
};

describe("the silence of a run", () => {
	it("is the time since its proof of life, less what was blind", () => {
		const paused = new Observation({ monoMs: 0, wallMs: 0 });
		paused.tick({ monoMs: 5_000, wallMs: 5_000 }, 0);
		paused.tick({ monoMs: 25_000, wallMs: 25_000 }, 0);
		expect(runSilence(beating, paused, defaultSettings, 61_000)).toEqual({
			totalMs: 60_000,
			blindMs: 20_000,
			countedMs: 40_000,
		});
	});

	it("is none for a run never heard, or heard a moment ahead of us", () => {
		const none = { totalMs: 0, blindMs: 0, countedMs: 0 };
		expect(runSilence(newRun(uuid(1, 2)), observation, defaultSettings, 61_000)).toEqual(none);
		expect(runSilence(beating, observation, defaultSettings, 500)).toEqual(none);
	});
});

describe("the rate at which beats should arrive", () => {
	function rateOf(run: Run, nowMonoMs: number): number {
		const table = new RunTable();
		table.add(run, 0);
		table.add({ ...beating, runId: uuid(1, 3), occurredMs: [0, 60_000], aliveAtMonoMs: nowMonoMs }, 0);
		return expectedEventsPerMs(table, observation, defaultSettings, nowMonoMs) - 1 / 60_000;
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
