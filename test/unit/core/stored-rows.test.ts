import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { mergeView } from "../../../src/core/liveness.ts";
import { newRun, noLabels, type RunView } from "../../../src/core/run.ts";
import { RunTable } from "../../../src/core/run-table.ts";
import { ServerClock } from "../../../src/core/server-clock.ts";
import { StoredRows } from "../../../src/core/stored-rows.ts";
import { runIdOfBytes } from "../../../src/store/run-id.ts";
import { uuid } from "../../_util/core-server.ts";

const at = { monoMs: 1_000_000, wallMs: 1_790_000_000_000 };
const everything = { everything: true, rowsMax: 100 };

function world() {
	const table = new RunTable();
	const clock = new ServerClock();
	clock.observeEvent(0, 500);
	return { table, clock, stored: new StoredRows({ table, workspace: "w", clock }) };
}

/** A run that has beaten at these times, in the table, stored at a place of its own. */
function beaten({ table, stored }: ReturnType<typeof world>, n: number, timesMs: readonly (number | null)[]): string {
	const runId = uuid(1, n);
	let run = newRun(runId);
	for (const [index, occurredMs] of timesMs.entries()) {
		const beat = { eventId: uuid(3, index), occurredMs, receivedMs: (occurredMs ?? 700_000) + 20 };
		const view: RunView = { runId, attempt: 1, state: null, beat, labels: noLabels };
		run = mergeView(run, view, { monoMs: at.monoMs, toMonoMs: (serverMs) => serverMs - 500 }).run;
	}
	const slot = table.add(run, 0);
	table.unstoredBeats.mark(slot.index);
	stored.runWritten(runId, 4, 100 + n);
	return runId;
}

describe("beats that are to be stored", () => {
	it("say what the whole row says, field by field", () => {
		const times = fc.array(fc.integer({ min: 0, max: 10_000_000 }), { minLength: 1, maxLength: 12 });
		fc.assert(
			fc.property(times, fc.boolean(), (seconds, isStamped) => {
				const here = world();
				const sorted = [...new Set(seconds)].toSorted((one, other) => one - other).map((second) => second / 8 + 0.001);
				const runId = beaten(here, 1, isStamped ? sorted : [null]);
				const { rows, slots, wholeRuns } = here.stored.takeBeats(everything, at);
				const taken = here.stored.takeRun(runId, at)!;
				expect(taken.version).toBe(4);
				if (wholeRuns.length > 0) return;
				expect([slots.length, rows.places[0], rows.versions[0]]).toEqual([1, 101, 4]);
				const { lastBeat, occurredMs, aliveAtServerMs } = taken.row;
				expect(runIdOfBytes(rows.eventIds)).toBe(lastBeat?.eventId);
				expect(rows.occurredMs[0]).toBe(lastBeat?.occurredMs ?? Number.NaN);
				expect(rows.receivedMs[0]).toBe(lastBeat?.receivedMs);
				expect(rows.aliveAtServerMs[0]).toBe(aliveAtServerMs);
				expect([...rows.rings.subarray(0, rows.ringLengths[0])]).toEqual(occurredMs);
			}),
		);
	});

	it("of a run that nobody has stored, or that is not of the usual form, are written with its whole row", () => {
		const here = world();
		const usual = beaten(here, 1, [1_000]);
		const unplaced = beaten(here, 2, [1_000]);
		here.stored.runReloaded(unplaced, null);
		const odd = here.table.add({ ...newRun("no uuid"), lastBeat: { eventId: "x", occurredMs: 1, receivedMs: 1 } }, 0);
		here.table.unstoredBeats.mark(odd.index);
		const { slots, wholeRuns } = here.stored.takeBeats(everything, at);
		expect([...slots].map((slot) => here.table.runIdAt(slot))).toEqual([usual]);
		expect(wholeRuns).toEqual([unplaced, "no uuid"]);
		expect(here.stored.takeBeats(everything, at).slots).toHaveLength(0);
	});

	it("count one version once they are written, those of a run that has left meanwhile excepted", () => {
		const here = world();
		const [stays, leaves, lost] = [beaten(here, 1, [1_000]), beaten(here, 2, [1_000]), beaten(here, 3, [1_000])];
		const taken = here.stored.takeBeats(everything, at);
		here.table.remove(leaves);
		const back = here.table.add(newRun(leaves), 0);
		expect(here.stored.beatsWritten(taken, [1, 2])).toEqual([lost]);
		expect(here.stored.takeRun(stays, at)?.version).toBe(5);
		expect(here.table.storedPlaces.versionAt(back.index)).toBe(0);
	});

	it("are unstored again when the store has failed, those of a run that has left meanwhile excepted", () => {
		const here = world();
		const [stays, leaves] = [beaten(here, 1, [1_000]), beaten(here, 2, [1_000])];
		const taken = here.stored.takeBeats(everything, at);
		here.table.remove(leaves);
		here.table.add(newRun(leaves), 0);
		here.stored.beatsNotWritten(taken);
		const { slots } = here.stored.takeBeats(everything, at);
		expect([...slots].map((slot) => here.table.runIdAt(slot))).toEqual([stays]);
	});

	it("go with the run's row when that is written whole", () => {
		const here = world();
		const runId = beaten(here, 1, [1_000]);
		here.stored.takeRun(runId, at);
		expect(here.stored.takeBeats(everything, at)).toMatchObject({ wholeRuns: [], slots: new Int32Array() });
	});
});

describe("where a run is stored", () => {
	it("is known from its first commit on, keeps its place, and is what the store says after a reload", () => {
		const { table, stored } = world();
		const runId = uuid(1, 1);
		const { index } = table.add(newRun(runId), 0);
		expect(stored.takeRun(runId, at)?.version).toBe(0);
		stored.runWritten(runId, 1, 7);
		stored.runWritten(runId, 2, 0);
		expect([table.storedPlaces.placeAt(index), table.storedPlaces.versionAt(index)]).toEqual([7, 2]);
		stored.runReloaded(runId, { place: 9, version: 5 });
		expect([table.storedPlaces.placeAt(index), table.storedPlaces.versionAt(index)]).toEqual([9, 5]);
	});

	it("is nothing of a run that is not in memory", () => {
		const { stored } = world();
		stored.runWritten(uuid(1, 9), 1, 7);
		stored.runReloaded(uuid(1, 9), null);
		expect(stored.takeRun(uuid(1, 9), at)).toBeNull();
	});
});
