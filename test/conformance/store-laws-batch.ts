import { expect, test } from "vitest";
import type { CommitBatch } from "../../src/store/store.ts";
import { StoreError } from "../../src/store/store-error.ts";
import { runsIn } from "../_util/store-runs.ts";
import {
	bareRowOf,
	batchOf,
	deliveryOf,
	emptyWorld,
	episodeOf,
	groupDeliveryOf,
	groupOf,
	heldRunOf,
	learnedSamples,
	rowOf,
	runIdOf,
	StandingClock,
	trippedGroup,
	workspace,
} from "../_util/store-samples.ts";
import type { BuildHouse } from "./store-laws.ts";

const sight = { workspace, coveredUntilServerMs: 5, blindSpans: [], healthScore: 1, trippedGroups: [trippedGroup] };

/** A batch of good rows, one of every kind. */
function goodBatch(): CommitBatch {
	const episode = episodeOf(1, "alert-1");
	return batchOf({
		runs: [{ row: rowOf(1), version: 0 }],
		episodes: [episode],
		outbox: [deliveryOf(episode), groupDeliveryOf(groupOf("group-1"))],
		workspaces: [sight],
		groups: [{ workspace, incident: groupOf("group-1") }],
		heldRuns: [{ workspace, runId: runIdOf(1), row: heldRunOf(1) }],
		learned: learnedSamples.map((row) => ({ ...row, workspace })),
	});
}

const spoiled: Record<string, (good: CommitBatch) => CommitBatch> = {
	"a second open episode": (good) => ({ ...good, episodes: [...good.episodes, episodeOf(1, "alert-2")] }),
	"a run id that is no UUID": (good) => ({
		...good,
		runs: [...good.runs, { row: rowOf(2, { runId: "run-2" }), version: 0 }],
	}),
	"a run id in upper case": (good) => ({
		...good,
		runs: [...good.runs, { row: rowOf(2, { runId: runIdOf(2).toUpperCase() }), version: 0 }],
	}),
	"an episode of no UUID": (good) => ({
		...good,
		episodes: [...good.episodes, episodeOf(2, "alert-2", { runId: "" })],
	}),
	"a held run of no UUID": (good) => ({
		...good,
		heldRuns: [...good.heldRuns, { workspace, runId: "x", row: null }],
	}),
	"a delivery about no UUID": (good) => ({
		...good,
		outbox: [...good.outbox, deliveryOf(episodeOf(2, "alert-2", { runId: "x" }))],
	}),
};

export function batchLaws(build: BuildHouse): void {
	test.for(Object.keys(spoiled))("a batch with %s fails for good and leaves nothing behind", async (fault) => {
		await using house = await build(new StandingClock());
		await using store = await house.open();
		const batch = spoiled[fault]?.(goodBatch()) ?? goodBatch();
		await expect(store.commit(batch)).rejects.toSatisfy(
			(error: unknown) => error instanceof StoreError && !error.retryable,
		);
		expect(await store.load(workspace)).toStrictEqual(emptyWorld);
		await store.commit(goodBatch());
		expect(await runsIn(store, workspace)).toHaveLength(1);
	});

	test("a run begins with version 1, and each commit that changes it counts one more", async () => {
		await using house = await build(new StandingClock());
		await using store = await house.open();
		for (const version of [0, 1, 2]) {
			const row = rowOf(1, { attempt: version });
			expect(await store.commit(batchOf({ runs: [{ row, version }] }))).toMatchObject({ lost: [], lostBeats: [] });
			expect(await store.loadRun(row)).toStrictEqual({ row, version: version + 1, place: 1 });
		}
	});

	test.for([0, 1, 3])("a run stored at version 2 is left as it is when version %i is named", async (version) => {
		await using house = await build(new StandingClock());
		await using store = await house.open();
		await store.commit(batchOf({ runs: [{ row: bareRowOf(1), version: 0 }] }));
		await store.commit(batchOf({ runs: [{ row: rowOf(1), version: 1 }] }));
		const { lost } = await store.commit(batchOf({ runs: [{ row: rowOf(1, { attempt: 9 }), version }] }));
		expect(lost).toStrictEqual([{ workspace, runId: runIdOf(1) }]);
		expect(await store.loadRun(rowOf(1))).toStrictEqual({ row: rowOf(1), version: 2, place: 1 });
	});

	test("a version of a run that is not stored is lost, and the run stays unknown", async () => {
		await using house = await build(new StandingClock());
		await using store = await house.open();
		const { lost } = await store.commit(batchOf({ runs: [{ row: rowOf(1), version: 1 }] }));
		expect(lost).toStrictEqual([{ workspace, runId: runIdOf(1) }]);
		expect(await store.loadRun(rowOf(1))).toBeNull();
	});

	test("a lost run holds back nothing else of its batch", async () => {
		await using house = await build(new StandingClock());
		await using store = await house.open();
		const batch = goodBatch();
		const { lost } = await store.commit({ ...batch, runs: [{ row: rowOf(2), version: 7 }, ...batch.runs] });
		expect(lost).toStrictEqual([{ workspace, runId: runIdOf(2) }]);
		expect(await store.load(workspace)).toStrictEqual({
			runsTotal: 1,
			openEpisodes: batch.episodes,
			spentAlerts: [],
			workspaces: [sight],
			outbox: batch.outbox,
			openGroups: [groupOf("group-1")],
			heldRuns: [heldRunOf(1)],
			learned: learnedSamples,
		});
	});

	test("a run that comes twice in a batch is judged in turn", async () => {
		await using house = await build(new StandingClock());
		await using store = await house.open();
		const [first, second, late] = [bareRowOf(1), rowOf(1), rowOf(1, { attempt: 9 })];
		const runs = [
			{ row: first, version: 0 },
			{ row: second, version: 1 },
			{ row: late, version: 1 },
		];
		expect(await store.commit(batchOf({ runs }))).toMatchObject({
			lost: [{ workspace, runId: runIdOf(1) }],
			lostBeats: [],
		});
		expect(await store.loadRun(first)).toStrictEqual({ row: second, version: 2, place: 1 });
	});

	test("a run that is forgotten is as one that was never stored, and one that begins in the same batch stays", async () => {
		await using house = await build(new StandingClock());
		{
			await using store = await house.open();
			const stored = await store.commit(batchOf({ runs: [1, 2, 3].map((n) => ({ row: rowOf(n), version: 0 })) }));
			const forgottenRuns = [1, 3, 9].map((n) => ({ workspace, runId: runIdOf(n) }));
			const runs = [{ row: rowOf(3, { attempt: 5 }), version: 0 }];
			const { lost, places } = await store.commit(batchOf({ forgottenRuns, runs }));
			expect(lost).toEqual([]);
			expect(stored.places).not.toContain(places[0]);
			await store.commit(batchOf({ forgottenRuns: [{ workspace: "other", runId: runIdOf(2) }] }));
		}
		await using store = await house.open();
		expect(await store.loadRun(rowOf(1))).toBeNull();
		expect(await store.loadRun(rowOf(2))).toMatchObject({ row: rowOf(2), version: 1 });
		expect(await store.loadRun(rowOf(3))).toMatchObject({ row: rowOf(3, { attempt: 5 }), version: 1 });
	});

	test("the same run id in two workspaces is two runs", async () => {
		await using house = await build(new StandingClock());
		await using store = await house.open();
		const [here, there] = [rowOf(1), rowOf(1, { workspace: "other", attempt: 5 })];
		const runs = [here, there].map((row) => ({ row, version: 0 }));
		expect(await store.commit(batchOf({ runs }))).toMatchObject({ lost: [], lostBeats: [] });
		expect(await runsIn(store, workspace)).toStrictEqual([{ row: here, version: 1 }]);
		expect(await runsIn(store, "other")).toStrictEqual([{ row: there, version: 1 }]);
	});

	test("a closed store refuses everything, and may be closed twice", async () => {
		await using house = await build(new StandingClock());
		const store = await house.open();
		await store[Symbol.asyncDispose]();
		await store[Symbol.asyncDispose]();
		const refused = [
			store.load(workspace),
			store.loadRun(rowOf(1)),
			store.loadOutbox({ workspace, sink: "log", rowsMax: 1 }),
			store.commit(goodBatch()),
			store.retain({ runsBeforeMs: 0, episodesBeforeMs: 0 }),
		];
		for (const attempt of await Promise.allSettled(refused)) {
			expect(attempt).toMatchObject({ status: "rejected", reason: { name: "StoreError", code: "CLOSED" } });
		}
		await using next = await house.open();
		expect(await next.load(workspace)).toStrictEqual(emptyWorld);
	});
}
