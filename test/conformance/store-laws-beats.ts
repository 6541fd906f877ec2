import { expect, test } from "vitest";
import { type BeatRows, beatRows, eventIdBytes } from "../../src/core/beat-rows.ts";
import type { RunRow } from "../../src/core/record.ts";
import { batchOf, rowOf, runIdOf, StandingClock, workspace } from "../_util/store-samples.ts";
import type { BuildHouse } from "./store-laws.ts";

const occurredMs = 1_790_000_059_000.25;
const ring = [1_789_999_999_000.25, 1_790_000_029_000.125, occurredMs];
const eventId = "0198c0de-ffff-7fff-8fff-0123456789ab";

/** The same beat of each of these rows. */
function beatsOf(rows: readonly { readonly place: number; readonly version: number }[]): BeatRows {
	const beats = beatRows(rows.length);
	for (const [index, { place, version }] of rows.entries()) {
		beats.places[index] = place;
		beats.versions[index] = version;
		beats.aliveAtServerMs[index] = occurredMs + 2;
		beats.eventIds.set(Buffer.from(eventId.replaceAll("-", ""), "hex"), index * eventIdBytes);
		beats.occurredMs[index] = occurredMs;
		beats.receivedMs[index] = occurredMs + 1;
		beats.rings.set(ring, index * 9);
		beats.ringLengths[index] = ring.length;
	}
	return beats;
}

const beaten: Partial<RunRow> = {
	aliveAtServerMs: occurredMs + 2,
	lastBeat: { eventId, occurredMs, receivedMs: occurredMs + 1 },
	occurredMs: ring,
};

export function beatLaws(build: BuildHouse): void {
	test("a beat changes what it says of its run, leaves the rest of the row, and counts one version, through a restart", async () => {
		await using house = await build(new StandingClock());
		{
			await using store = await house.open();
			const { places } = await store.commit(batchOf({ runs: [1, 2].map((n) => ({ row: rowOf(n), version: 0 })) }));
			const beats = beatsOf([{ place: places[1] ?? 0, version: 1 }]);
			expect(await store.commit(batchOf({ beats }))).toStrictEqual({ lost: [], lostBeats: [], places: [] });
		}
		await using store = await house.open();
		expect(await store.loadRun(rowOf(1))).toMatchObject({ row: rowOf(1), version: 1 });
		expect(await store.loadRun(rowOf(2))).toStrictEqual({ row: rowOf(2, beaten), version: 2, place: 2 });
	});

	test("what is not known of a beat is null, and a ring may be empty", async () => {
		await using house = await build(new StandingClock());
		await using store = await house.open();
		const { places } = await store.commit(batchOf({ runs: [{ row: rowOf(1), version: 0 }] }));
		const beats = beatsOf([{ place: places[0] ?? 0, version: 1 }]);
		for (const column of [beats.aliveAtServerMs, beats.occurredMs, beats.receivedMs]) column[0] = Number.NaN;
		beats.ringLengths[0] = 0;
		await store.commit(batchOf({ beats }));
		const lastBeat = { eventId, occurredMs: null, receivedMs: null };
		const row = rowOf(1, { aliveAtServerMs: null, lastBeat, occurredMs: [] });
		expect(await store.loadRun(rowOf(1))).toMatchObject({ row, version: 2 });
	});

	test.for([0, 1, 3])("a beat on a run stored at version 2 is lost when version %i is named", async (version) => {
		await using house = await build(new StandingClock());
		await using store = await house.open();
		const { places } = await store.commit(batchOf({ runs: [1, 2].map((n) => ({ row: rowOf(n), version: 0 })) }));
		await store.commit(batchOf({ runs: [{ row: rowOf(1, { attempt: 3 }), version: 1 }] }));
		const beats = beatsOf([
			{ place: places[0] ?? 0, version },
			{ place: places[1] ?? 0, version: 1 },
		]);
		expect(await store.commit(batchOf({ beats }))).toMatchObject({ lost: [], lostBeats: [0] });
		expect(await store.loadRun(rowOf(1))).toMatchObject({ row: rowOf(1, { attempt: 3 }), version: 2 });
		expect(await store.loadRun(rowOf(2))).toMatchObject({ row: rowOf(2, beaten), version: 2 });
	});

	test("a place is never another run's: not that of a run that was deleted, and whose beat comes late", async () => {
		await using house = await build(new StandingClock());
		const ended = rowOf(1, { state: { ...rowOf(1).state!, type: "COMPLETED" }, updatedAtMs: 0 });
		await using store = await house.open();
		const { places } = await store.commit(batchOf({ runs: [{ row: ended, version: 0 }] }));
		expect(await store.retain({ runsBeforeMs: 1, episodesBeforeMs: 1 })).toMatchObject({ runs: 1 });
		await store.commit(batchOf({ runs: [{ row: rowOf(2), version: 0 }] }));
		const beats = beatsOf([{ place: places[0] ?? 0, version: 1 }]);
		expect(await store.commit(batchOf({ beats }))).toMatchObject({ lostBeats: [0] });
		expect(await store.loadRun({ workspace, runId: runIdOf(2) })).toMatchObject({ row: rowOf(2), version: 1 });
	});

	test("runs are written before beats, and a run and its place are known from its first commit on", async () => {
		await using house = await build(new StandingClock());
		await using store = await house.open();
		const runs = [2, 1].map((n) => ({ row: rowOf(n), version: 0 }));
		expect(await store.commit(batchOf({ runs }))).toMatchObject({ places: [1, 2] });
		const changed = [{ row: rowOf(2, { attempt: 3 }), version: 1 }];
		const beats = beatsOf([{ place: 1, version: 2 }]);
		expect(await store.commit(batchOf({ runs: changed, beats }))).toStrictEqual({
			lost: [],
			lostBeats: [],
			places: [0],
		});
		expect(await store.loadRun(rowOf(2))).toMatchObject({ row: rowOf(2, { attempt: 3, ...beaten }), version: 3 });
	});
}
