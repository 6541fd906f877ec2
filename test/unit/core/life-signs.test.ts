import { describe, expect, it } from "vitest";
import { claimsOf } from "../../../src/core/claims.ts";
import { Family } from "../../../src/core/family.ts";
import { Learning } from "../../../src/core/learning.ts";
import { signInstant, vouchedAt, waitsForDescendant } from "../../../src/core/life-signs.ts";
import { Observation } from "../../../src/core/observation.ts";
import { newRun, type Run } from "../../../src/core/run.ts";
import { RunTable } from "../../../src/core/run-table.ts";
import { Yardstick } from "../../../src/core/yardstick.ts";
import { uuid } from "../../_util/core-server.ts";
import { defaultSettings } from "../../_util/core-world.ts";

const beating: Run = {
	...newRun(uuid(1, 1)),
	state: { id: uuid(2, 1), type: "RUNNING", name: "Running", timestampMs: 0, scheduledTimeMs: null, fromRest: true },
	aliveAtMonoMs: 9_000,
	// Its worker's clock is an hour ahead.
	lastBeat: { eventId: uuid(3, 1), occurredMs: 3_605_000, receivedMs: 5_000 },
	beatAtMonoMs: 5_000,
	occurredMs: [3_575_000],
};

describe("a log line", () => {
	it.each<{ rule: string; run: Run; signMs: number | null; expected: number | null }>([
		{ rule: "is placed by its distance from the last beat", run: beating, signMs: 3_607_000, expected: 7_000 },
		{ rule: "may be older than the last beat", run: beating, signMs: 3_601_000, expected: 1_000 },
		{ rule: "is never in the future", run: beating, signMs: 3_705_000, expected: 60_000 },
		{ rule: "that is missing is nowhere", run: beating, signMs: null, expected: null },
		{
			rule: "is placed by the proof of life where the beat's own instant is not known",
			run: { ...beating, beatAtMonoMs: null },
			signMs: 3_607_000,
			expected: 11_000,
		},
		{
			rule: "is placed by an earlier beat where the last one's time made no sense",
			run: { ...beating, lastBeat: { ...beating.lastBeat!, occurredMs: null } },
			signMs: 3_577_000,
			expected: 7_000,
		},
		{
			rule: "of a run whose beats bear no time is nowhere",
			run: { ...beating, lastBeat: { ...beating.lastBeat!, occurredMs: null }, occurredMs: [] },
			signMs: 3_607_000,
			expected: null,
		},
		{ rule: "of a run never heard is nowhere", run: newRun(uuid(1, 2)), signMs: 3_607_000, expected: null },
		{
			rule: "of a run whose life is not mapped yet is nowhere",
			run: { ...beating, aliveAtMonoMs: null, beatAtMonoMs: null },
			signMs: 3_607_000,
			expected: null,
		},
	])("$rule", ({ run, signMs, expected }) => {
		expect(signInstant(run, signMs, 60_000)).toBe(expected);
	});
});

describe("descendants", () => {
	const ended = { ...beating.state!, type: "COMPLETED", timestampMs: 10_000 } as const;
	const relatives: readonly { rule: string; run: Run | null; vouchedMs: number | null; waits: boolean }[] = [
		{ rule: "that beat vouch, and are waited for", run: beating, vouchedMs: 9_000, waits: true },
		{ rule: "that have left memory do neither", run: null, vouchedMs: null, waits: false },
		{ rule: "never heard do neither", run: { ...beating, lastBeat: null }, vouchedMs: null, waits: false },
		{
			rule: "whose life is not mapped yet do neither",
			run: { ...beating, aliveAtMonoMs: null },
			vouchedMs: null,
			waits: false,
		},
		{
			rule: "that have ended vouch for when they lived, and are not waited for",
			run: { ...beating, state: ended, endedAtMs: 10_000 },
			vouchedMs: 9_000,
			waits: false,
		},
	];

	it.each(relatives)("$rule", ({ run, vouchedMs, waits }) => {
		const parent = newRun(uuid(1, 9));
		const family = new Family();
		const table = new RunTable();
		expect(waitsForDescendant(parent, family, table)).toBe(false);
		family.link(beating.runId, parent.runId);
		if (run !== null) table.add(run, 0);
		expect(vouchedAt(parent, family, table)).toBe(vouchedMs);
		expect(waitsForDescendant(parent, family, table)).toBe(waits);
	});

	it("vouch by the latest of them", () => {
		const parent = newRun(uuid(1, 9));
		const family = new Family();
		const table = new RunTable();
		for (const [number, aliveAtMonoMs] of [7_000, 8_000, 6_000].entries()) {
			const runId = uuid(1, 20 + number);
			table.add({ ...beating, runId, aliveAtMonoMs }, 0);
			family.link(runId, parent.runId);
		}
		expect(vouchedAt(parent, family, table)).toBe(8_000);
	});
});

describe("time in a state", () => {
	it("is not known before the server's clock is", () => {
		const observation = new Observation({ monoMs: 0, wallMs: 0 });
		const yardstick = new Yardstick({ live: { current: defaultSettings }, observation, learning: new Learning() });
		const pending: Run = { ...newRun(uuid(1, 1)), state: { ...beating.state!, type: "PENDING" } };
		expect(claimsOf(pending, yardstick, 60_000)).toEqual([]);
		observation.restAnswered({ monoMs: 60_000, wallMs: 0 }, 61_000);
		expect(claimsOf(pending, yardstick, 60_000)).toMatchObject([{ condition: "stuck_pending", elapsedMs: 61_000 }]);
	});
});
