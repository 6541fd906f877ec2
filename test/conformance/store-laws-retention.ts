import { expect, test } from "vitest";
import { deliveredToSink } from "../../src/core/delivery.ts";
import { isTerminal, stateTypes } from "../../src/core/run.ts";
import { retentionSliceRows } from "../../src/store/sqlite-store.ts";
import { runsIn } from "../_util/store-runs.ts";
import {
	batchOf,
	closedOf,
	deliveryOf,
	episodeOf,
	fullLabels,
	groupOf,
	rowOf,
	runIdOf,
	StandingClock,
	stateOf,
	workspace,
} from "../_util/store-samples.ts";
import type { BuildHouse } from "./store-laws.ts";

const completed = stateOf("COMPLETED");

export function retentionLaws(build: BuildHouse): void {
	test.for(stateTypes)("an old run that is %s is deleted if and only if that is an end", async (type) => {
		await using house = await build(new StandingClock());
		await using store = await house.open();
		await store.commit(batchOf({ runs: [{ row: rowOf(1, { state: stateOf(type), updatedAtMs: 10 }), version: 0 }] }));
		const deleted = isTerminal(type) ? 1 : 0;
		expect(await store.retain({ runsBeforeMs: 11, episodesBeforeMs: 0 })).toMatchObject({ runs: deleted, episodes: 0 });
		expect(await runsIn(store, workspace)).toHaveLength(1 - deleted);
	});

	test("a run without a state stays, and an ended one goes only when it is older than the limit", async () => {
		await using house = await build(new StandingClock());
		await using store = await house.open();
		const rows = [
			rowOf(1, { state: null, updatedAtMs: 1 }),
			rowOf(2, { state: completed, updatedAtMs: 9.5 }),
			rowOf(3, { state: completed, updatedAtMs: 10 }),
			rowOf(4, { state: completed, updatedAtMs: 9, workspace: "other" }),
		];
		await store.commit(batchOf({ runs: rows.map((row) => ({ row, version: 0 })) }));
		expect(await store.retain({ runsBeforeMs: 10, episodesBeforeMs: 99 })).toMatchObject({ runs: 2, episodes: 0 });
		expect((await runsIn(store, workspace)).map(({ row }) => row.runId)).toStrictEqual([1, 3].map(runIdOf));
		expect(await runsIn(store, "other")).toStrictEqual([]);
	});

	test("a run that retention deleted is new when it comes again", async () => {
		await using house = await build(new StandingClock());
		await using store = await house.open();
		const row = rowOf(1, { state: completed, updatedAtMs: 1 });
		await store.commit(batchOf({ runs: [{ row, version: 0 }] }));
		await store.retain({ runsBeforeMs: 2, episodesBeforeMs: 0 });
		const { lost } = await store.commit(batchOf({ runs: [{ row, version: 1 }] }));
		expect(lost).toHaveLength(1);
		expect(await store.commit(batchOf({ runs: [{ row, version: 0 }] }))).toMatchObject({ lost: [], lostBeats: [] });
	});

	test("a run has its own labels, whatever was deleted since the runs were read last", async () => {
		await using house = await build(new StandingClock());
		await using store = await house.open();
		const rows = [1, 2].map((n) =>
			rowOf(n, { state: completed, lastBeat: null, updatedAtMs: n, labels: { ...fullLabels, flowName: `flow-${n}` } }),
		);
		for (const [index, row] of rows.entries()) {
			await store.commit(batchOf({ runs: [{ row, version: 0 }] }));
			expect((await runsIn(store, workspace)).map((run) => run.row)).toStrictEqual([row]);
			await store.retain({ runsBeforeMs: index + 1.5, episodesBeforeMs: 0 });
		}
		expect(await runsIn(store, workspace)).toStrictEqual([]);
	});

	test("an old ended run stays while its episode is open", async () => {
		await using house = await build(new StandingClock());
		await using store = await house.open();
		const episode = episodeOf(1, "alert-1");
		const row = rowOf(1, { state: completed, updatedAtMs: 1 });
		await store.commit(batchOf({ runs: [{ row, version: 0 }], episodes: [episode] }));
		const limits = { runsBeforeMs: 2, episodesBeforeMs: 2 };
		expect(await store.retain(limits)).toMatchObject({ runs: 0, episodes: 0 });
		await store.commit(batchOf({ episodes: [closedOf(episode, 2)] }));
		expect(await store.retain(limits)).toMatchObject({ runs: 1, episodes: 0 });
	});

	test("an episode goes when it closed before the limit, never while it is open", async () => {
		await using house = await build(new StandingClock());
		await using store = await house.open();
		const open = episodeOf(1, "alert-1", { raisedAtMs: 1 });
		const episodes = [open, closedOf(episodeOf(2, "alert-2"), 9.5), closedOf(episodeOf(3, "alert-3"), 10)];
		await store.commit(batchOf({ episodes }));
		const limits = { runsBeforeMs: 99, episodesBeforeMs: 10 };
		expect(await store.retain(limits)).toMatchObject({ runs: 0, episodes: 1 });
		expect(await store.retain(limits)).toMatchObject({ runs: 0, episodes: 0 });
		expect((await store.load(workspace)).openEpisodes).toStrictEqual([open]);
	});

	test("a group incident goes when it closed before the limit, and is new when it comes again", async () => {
		await using house = await build(new StandingClock());
		await using store = await house.open();
		const closed = (atMs: number) => ({ outcome: "ended", atMs }) as const;
		const open = groupOf("open", { openedAtMs: 1 });
		const incidents = [open, groupOf("old", { closed: closed(9.5) }), groupOf("young", { closed: closed(10) })];
		await store.commit(batchOf({ groups: incidents.map((incident) => ({ workspace, incident })) }));
		await store.retain({ runsBeforeMs: 99, episodesBeforeMs: 10 });
		const again = ["old", "young"].map((groupId) => groupOf(groupId));
		await store.commit(batchOf({ groups: again.map((incident) => ({ workspace, incident })) }));
		expect((await store.load(workspace)).openGroups).toStrictEqual([open, again[0]]);
	});

	test("a delivery is remembered until the limit passes the time it was made; one that is owed stays", async () => {
		const clock = new StandingClock();
		await using house = await build(clock);
		await using store = await house.open();
		const made = deliveryOf(episodeOf(1, "alert-1"), { createdAtMs: 1 });
		const owed = deliveryOf(episodeOf(2, "alert-2"), { createdAtMs: 1 });
		clock.wallMs = 50;
		await store.commit(
			batchOf({ outbox: [made, owed], settled: [{ sink: "log", key: made.transition.key, ...deliveredToSink }] }),
		);
		await store.retain({ runsBeforeMs: 0, episodesBeforeMs: 50 });
		await store.commit(batchOf({ outbox: [made] }));
		expect((await store.load(workspace)).outbox).toStrictEqual([owed]);
		await store.retain({ runsBeforeMs: 0, episodesBeforeMs: 51 });
		await store.commit(batchOf({ outbox: [made] }));
		expect((await store.load(workspace)).outbox).toStrictEqual([owed, made]);
	});

	test("the first delivery counts: one that is told again later is not remembered the longer for it", async () => {
		const clock = new StandingClock();
		await using house = await build(clock);
		await using store = await house.open();
		const row = deliveryOf(episodeOf(1, "alert-1"));
		const settled = [{ sink: "log", key: row.transition.key, ...deliveredToSink }];
		clock.wallMs = 50;
		await store.commit(batchOf({ outbox: [row], settled }));
		clock.wallMs = 70;
		await store.commit(batchOf({ settled }));
		await store.retain({ runsBeforeMs: 0, episodesBeforeMs: 51 });
		await store.commit(batchOf({ outbox: [row] }));
		expect((await store.load(workspace)).outbox).toStrictEqual([row]);
	});

	test("more than a slice holds is deleted whole, and a commit meanwhile goes through", async () => {
		await using house = await build(new StandingClock());
		await using store = await house.open();
		const rows = Array.from({ length: 2 * retentionSliceRows + 1 }, (_, n) => rowOf(n, { state: completed }));
		await store.commit(batchOf({ runs: rows.map((row) => ({ row, version: 0 })) }));
		const retained = store.retain({ runsBeforeMs: Number.MAX_SAFE_INTEGER, episodesBeforeMs: 0 });
		const live = rowOf(rows.length);
		expect(await store.commit(batchOf({ runs: [{ row: live, version: 0 }] }))).toMatchObject({
			lost: [],
			lostBeats: [],
		});
		expect(await retained).toMatchObject({ runs: rows.length, episodes: 0 });
		expect(await runsIn(store, workspace)).toStrictEqual([{ row: live, version: 1 }]);
	});
}
