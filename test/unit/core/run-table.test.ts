import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { putId } from "../../../src/core/id-words.ts";
import { mergeView } from "../../../src/core/liveness.ts";
import { newRun, noLabels, type Run } from "../../../src/core/run.ts";
import { bits } from "../../../src/core/run-columns.ts";
import { RunTable } from "../../../src/core/run-table.ts";
import { anyRun } from "../../_util/core-runs.ts";
import { uuid } from "../../_util/core-server.ts";

describe("the columns of the table", () => {
	it("give each run back as it was written, field by field, whatever was written there before", {
		timeout: 60_000,
	}, () => {
		fc.assert(
			fc.property(fc.array(anyRun, { minLength: 1, maxLength: 4 }), fc.uuid(), (runs, other) => {
				const table = new RunTable();
				const neighbour = table.add(newRun(other), 0).run;
				const { runId } = runs[0]!;
				if (runId === other) return;
				for (const [index, written] of runs.entries()) {
					const run = { ...written, runId };
					if (index === 0) table.add(run, 0);
					else table.get(runId)!.run = run;
					expect(table.get(runId)!.run).toEqual(run);
				}
				expect(table.get(other)!.run).toStrictEqual(neighbour);
			}),
			{ numRuns: 1_000 },
		);
	});

	it("take a next beat in place, as the run with that beat would be written", () => {
		const anyUs = fc.integer({ min: -3_000_000, max: 90_000_000_000 });
		const beats = fc.record({
			deltasUs: fc.array(fc.integer({ min: 1_000_000, max: 200_000_000 }), { minLength: 9, maxLength: 9 }),
			gapsUs: fc.tuple(anyUs, anyUs),
			transitUs: fc.option(anyUs),
		});
		fc.assert(
			fc.property(beats, ({ deltasUs, gapsUs: [gapUs, nextGapUs], transitUs }) => {
				const table = new RunTable();
				const baseUs = 1_790_000_000_000_000;
				const sumsUs = deltasUs.map((_, beat) => deltasUs.slice(0, beat + 1).reduce((sum, us) => sum + us, baseUs));
				const occurredMs = [baseUs, ...sumsUs.slice(0, 8)].map((us) => us / 1000);
				const [lastUs, nextUs] = [sumsUs[7]!, sumsUs[8]!];
				const lastBeat = { eventId: uuid(3, 1), occurredMs: lastUs / 1000, receivedMs: (lastUs + gapUs) / 1000 };
				const beat = { eventId: uuid(3, 2), occurredMs: nextUs / 1000, receivedMs: (nextUs + nextGapUs) / 1000 };
				if (beat.receivedMs <= lastBeat.receivedMs) return;
				const transitMsMin = transitUs === null ? null : transitUs / 1000;
				const run = { ...newRun(uuid(1, 1)), lastBeat, occurredMs, aliveAtMonoMs: 5, beatAtMonoMs: 5, transitMsMin };
				const { index } = table.add(run, 0);
				const view = { runId: run.runId, attempt: null, state: null, beat, labels: noLabels };
				const { run: merged } = mergeView(run, view, { monoMs: 7, toMonoMs: () => 7 });
				const words = { runId: new Uint32Array(4), eventId: new Uint32Array(4) };
				putId(words.eventId, 0, beat.eventId);
				const heard = { ...words, ...beat, eventId: words.eventId };
				const deltaUs = table.packing.nextDeltaUs(index, heard);
				expect(deltaUs).toBe(deltasUs[8]);
				table.packing.putNextBeat(index, heard, deltaUs, 7);
				expect(table.packing.read(index)).toEqual(merged);
			}),
		);
	});

	it("hold an ordinary run without an object beside them", () => {
		const table = new RunTable();
		const state = { id: uuid(2, 1), type: "RUNNING", name: "Running", scheduledTimeMs: null, fromRest: false } as const;
		const occurredMs = Array.from({ length: 9 }, (_, beat) => 1_790_000_000_000.123 + beat * 180_000.25);
		const lastBeat = { eventId: uuid(3, 1), occurredMs: occurredMs[8]!, receivedMs: occurredMs[8]! + 1.5 };
		const beats = { lastBeat, occurredMs, aliveAtMonoMs: 17.3, beatAtMonoMs: 17.3, transitMsMin: 1.25 };
		const run: Run = {
			...newRun(uuid(1, 1)),
			attempt: 1,
			state: { ...state, timestampMs: 1_790_000_000_000.5 },
			...beats,
		};
		const { index } = table.add(run, 0);
		expect(table.columns.has(index, bits.whole)).toBe(false);
		expect(table.columns.has(index, bits.settled)).toBe(true);
		table.get(run.runId)!.run = { ...run, occurredMs: [1, 2] };
		expect(table.columns.has(index, bits.whole)).toBe(true);
	});

	it("keep each type and name of a state, and a run by itself once there are more than 255 of them", () => {
		const table = new RunTable();
		const runs = Array.from({ length: 300 }, (_, index): Run => {
			const state = {
				id: uuid(2, index),
				type: "PAUSED",
				timestampMs: 0,
				scheduledTimeMs: null,
				fromRest: true,
			} as const;
			return { ...newRun(uuid(1, index)), state: { ...state, name: `Paused ${index}` } };
		});
		for (const run of runs) table.add(run, 0);
		expect(Array.from(table.values(), ({ run }) => run)).toStrictEqual(runs);
		expect(table.columns.has(table.indexOf(uuid(1, 254)), bits.whole)).toBe(false);
		expect(table.columns.has(table.indexOf(uuid(1, 255)), bits.whole)).toBe(true);
	});

	it("share surroundings, and forget those that nobody has", () => {
		const table = new RunTable();
		const labels = { ...noLabels, workPool: "p", tags: ["x"] };
		table.add({ ...newRun(uuid(1, 1)), labels }, 0);
		table.add({ ...newRun(uuid(1, 2)), labels: { ...labels, name: "n", tags: ["x"] } }, 0);
		expect(table.columns.shared.length).toBe(1);
		table.get(uuid(1, 2))!.run = { ...newRun(uuid(1, 2)), labels: { ...labels, tags: ["y"] } };
		expect(table.columns.shared.length).toBe(2);
		table.remove(uuid(1, 2));
		table.add({ ...newRun(uuid(1, 3)), labels: { ...labels, tags: ["x", "y"] } }, 0);
		expect(table.columns.shared.length).toBe(2);
		expect(table.get(uuid(1, 1))!.run.labels).toStrictEqual(labels);
	});
});

function played(steps: readonly { id: string; adds: number }[]): { table: RunTable; known: ReadonlySet<string> } {
	const table = new RunTable();
	const known = new Set<string>();
	for (const { id, adds } of steps) {
		if (adds === 0) {
			table.remove(id);
			known.delete(id);
		} else if (!known.has(id)) known.add(table.add(newRun(id), 0).run.runId);
	}
	return { table, known };
}

describe("the index of the table", () => {
	it("finds the runs that are there and no others, however they come and go", { timeout: 60_000 }, () => {
		const ids = [...Array.from({ length: 12 }, (_, index) => uuid(1, index)), "odd", "", uuid(1, 1).toUpperCase()];
		const step = fc.record({ id: fc.constantFrom(...ids), adds: fc.integer({ min: 0, max: 2 }) });
		fc.assert(
			fc.property(fc.array(step, { maxLength: 100 }), (steps) => {
				const { table, known } = played(steps);
				expect(table.size).toBe(known.size);
				for (const id of ids) expect(table.get(id)?.run.runId).toBe(known.has(id) ? id : undefined);
				expect(new Set(Array.from(table.values(), ({ index }) => table.runIdAt(index)))).toEqual(known);
			}),
			{ numRuns: 200 },
		);
	});

	it("is not confused by runs that leave while it is nearly full", () => {
		const ids = fc.uniqueArray(fc.uuid(), { minLength: 70, maxLength: 76 });
		fc.assert(
			fc.property(ids, fc.nat(75), (all, gone) => {
				const table = new RunTable();
				for (const id of all) table.add(newRun(id), 0);
				for (const id of all.slice(0, gone)) table.remove(id);
				for (const [index, id] of all.entries()) expect(table.indexOf(id) !== -1).toBe(index >= gone);
			}),
			{ numRuns: 300 },
		);
	});

	it("knows ids in lower-case hexadecimal digits with dashes in their places, and no others, as UUIDs", () => {
		const table = new RunTable();
		const before = table.bytes;
		const odd = [
			"0000000g-0000-4000-8000-000000000000",
			"00000000x0000-4000-8000-000000000000",
			"00000000-0000-4000-8000-0000000000é0",
		];
		for (const id of odd) table.add(newRun(id), 0);
		for (const id of odd) expect(table.columns.has(table.indexOf(id), bits.whole)).toBe(true);
		expect(table.bytes).toBe(before);
	});
});

describe("the name of a run", () => {
	const run: Run = { ...newRun(uuid(1, 1)), labels: { ...noLabels, name: "quaint-owl" } };

	it("is kept until it is stored, and again when another state may have brought another one", () => {
		const table = new RunTable();
		const nameNow = () => table.get(run.runId)!.run.labels.name;
		table.add(run, 0);
		expect(nameNow()).toBe("quaint-owl");
		table.packing.forgetName(table.indexOf(run.runId));
		expect(nameNow()).toBeNull();
		table.get(run.runId)!.run = { ...run, attempt: 1 };
		expect(nameNow()).toBeNull();
		const state = {
			id: uuid(2, 1),
			type: "RUNNING",
			name: "Running",
			timestampMs: 0,
			scheduledTimeMs: null,
			fromRest: true,
		} as const;
		table.get(run.runId)!.run = { ...run, state };
		expect(nameNow()).toBe("quaint-owl");
		table.startAfresh(["not there"], 0);
		expect(nameNow()).toBe("quaint-owl");
	});

	it("goes alone: who its parents are stays", () => {
		const table = new RunTable();
		const labels = { ...run.labels, parentRunId: uuid(1, 2) };
		table.add({ ...run, labels }, 0);
		table.packing.forgetName(table.indexOf(run.runId));
		expect(table.get(run.runId)!.run.labels).toStrictEqual({ ...labels, name: null });
	});
});
