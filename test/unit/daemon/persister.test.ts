import { describe, expect, test } from "vitest";
import { deliveredToSink } from "../../../src/core/delivery.ts";
import type { RunView } from "../../../src/core/run.ts";
import { epochMs } from "../../_util/core-server.ts";
import { minute, second } from "../../_util/core-world.ts";
import { settle } from "../../_util/daemon-clock.ts";
import { beatView, changesOf, PersisterUnderTest, stateView, verdictOf, workspace } from "../../_util/daemon-core.ts";
import { runsIn } from "../../_util/store-runs.ts";
import { deliveryOf, episodeOf, groupOf, runIdOf } from "../../_util/store-samples.ts";

const verdict = episodeOf(1, "alert-1", { workspace });
const raised = deliveryOf(verdict);
const raisedKey = { sink: "log", key: "alert-1:raised", ...deliveredToSink };

describe("when things are written", () => {
	test("a transition is committed at once, with its episode and its deliveries, in one durable batch", async () => {
		const under = new PersisterUnderTest();
		under.tracker.apply({ kind: "stored", at: under.clock.now(), views: [stateView(1, "RUNNING", 0)] });
		under.persister.record(changesOf({ changedRuns: [runIdOf(1)], episodes: [verdict], outbox: [raised] }));
		expect(under.store.tried).toHaveLength(1);
		expect(under.store.tried[0]).toMatchObject({
			runs: [{ row: { runId: runIdOf(1) }, version: 0 }],
			episodes: [verdict],
			outbox: [raised],
			durable: true,
		});
		expect(under.sent).toEqual([]);
		await settle();
		expect(under.sent).toEqual([raised]);
	});

	test("a run's beats are written once a minute, however many there are, by themselves and without an fsync", async () => {
		const under = new PersisterUnderTest();
		under.learn(stateView(1, "RUNNING", 0));
		await settle();
		const beaten = () => under.store.committed.filter(({ beats }) => beats.places.length > 0);
		for (let atMs = second; atMs <= 3 * minute - second; atMs += second) {
			under.clock.moveTo(atMs);
			under.learn(beatView(1, atMs));
			await settle();
			expect(beaten()).toHaveLength(Math.floor(atMs / minute));
		}
		expect(under.commits.flat()).toEqual([runIdOf(1)]);
		expect(beaten().map(({ durable, beats }) => [durable, [...beats.places], [...beats.versions]])).toEqual([
			[false, [1], [1]],
			[false, [1], [2]],
		]);
		const { row, version } = (await under.store.loadRun({ workspace, runId: runIdOf(1) }))!;
		expect(row.lastBeat?.receivedMs).toBe(epochMs + 2 * minute);
		expect(version).toBe(3);
	});

	test("beats of many runs are written in the order of their places, a part of them at a time", async () => {
		const under = new PersisterUnderTest();
		const ids = Array.from({ length: 600 }, (_, n) => n);
		const tell = (views: readonly RunView[]) => under.tracker.apply({ kind: "stored", at: under.clock.now(), views });
		tell(ids.map((n) => stateView(n, "RUNNING", 0)));
		under.record();
		await settle();
		under.clock.moveTo(second);
		tell(ids.toReversed().map((n) => beatView(n, second)));
		const parts: number[][] = [];
		for (let atMs = 2 * second; atMs <= minute; atMs += second) {
			under.clock.moveTo(atMs);
			under.record();
			await settle();
			parts.push([...(under.store.committed.at(-1)?.beats.places ?? [])]);
		}
		expect(parts.flat()).toEqual(ids.map((n) => n + 1));
		expect(Math.max(...parts.map(({ length }) => length))).toBe(20);
	});

	test("what a run has beaten goes with its row when that is written whole", async () => {
		const under = new PersisterUnderTest();
		under.learn(stateView(1, "RUNNING", 0));
		under.learn(beatView(1, second));
		under.learn({ ...stateView(1, "COMPLETED", 2 * second) });
		await settle();
		under.clock.moveTo(2 * minute);
		under.record();
		await settle();
		expect(under.store.committed.flatMap(({ beats }) => [...beats.places])).toEqual([]);
		const stored = await under.store.loadRun({ workspace, runId: runIdOf(1) });
		expect(stored?.row.lastBeat?.receivedMs).toBe(epochMs + second);
	});

	test("beats that a failing store did not take are written when it is back", async () => {
		const under = new PersisterUnderTest();
		under.learn(stateView(1, "RUNNING", 0));
		await settle();
		under.learn(beatView(1, second));
		under.store.failingWith = "SQLITE_FULL";
		under.clock.moveTo(minute);
		under.record();
		await settle();
		expect(under.persister.isFailing).toBe(true);
		under.store.failingWith = null;
		under.clock.moveTo(2 * minute);
		under.record();
		await settle();
		const stored = await under.store.loadRun({ workspace, runId: runIdOf(1) });
		expect(stored?.row.lastBeat?.receivedMs).toBe(epochMs + second);
	});

	test("one commit is in flight, and what comes meanwhile is in the next", async () => {
		const under = new PersisterUnderTest();
		under.store.hold();
		under.learn(stateView(1, "RUNNING", 0));
		under.learn(stateView(2, "RUNNING", 0));
		under.learn(stateView(3, "RUNNING", 0));
		await settle();
		expect(under.store.tried).toHaveLength(1);
		under.store.release();
		await settle();
		expect(under.commits).toEqual([[runIdOf(1)], [runIdOf(2), runIdOf(3)]]);
	});

	test("a run that changes while its commit is in flight is written again, on the version of that commit", async () => {
		const under = new PersisterUnderTest();
		under.store.hold();
		under.learn(stateView(1, "PENDING", 0));
		under.learn(stateView(1, "RUNNING", 1));
		under.store.release();
		await settle();
		const written = under.store.committed.map(({ runs }) => [runs[0]?.row.state?.type, runs[0]?.version]);
		expect(written).toEqual([
			["PENDING", 0],
			["RUNNING", 1],
		]);
	});

	test("a burst is written in batches of at most 1,000 runs", async () => {
		const under = new PersisterUnderTest();
		const views = Array.from({ length: 1_001 }, (_, n) => stateView(n, "RUNNING", 0));
		under.tracker.apply({ kind: "stored", at: under.clock.now(), views });
		under.record();
		await settle();
		expect(under.commits.map((runs) => runs.length)).toEqual([1_000, 1]);
	});

	test("the workspace's own record is written every 10 s, once the server's clock is known", async () => {
		const under = new PersisterUnderTest();
		under.record();
		expect(under.store.tried).toEqual([]);
		under.tracker.apply({ kind: "rest_answered", at: under.clock.now(), serverDateMs: epochMs });
		for (let atMs = 0; atMs <= 20 * second; atMs += second) {
			under.clock.moveTo(atMs);
			under.record();
			await settle();
		}
		expect(under.store.committed.map(({ workspaces, durable }) => [workspaces.length, durable])).toEqual([
			[1, false],
			[1, false],
		]);
	});

	test("the records of held runs go with what is written next, or alone after 10 s, without an fsync", async () => {
		const under = new PersisterUnderTest();
		const held = () => under.store.committed.flatMap(({ heldRuns }) => heldRuns.map(({ runId }) => runId));
		under.persister.record(changesOf({ heldRuns: [runIdOf(1)], episodes: [verdict], outbox: [raised] }));
		await settle();
		expect(held()).toEqual([runIdOf(1)]);
		under.persister.record(changesOf({ heldRuns: [runIdOf(2)] }));
		under.clock.pass(5 * second);
		// Changed again meanwhile it is due no later.
		under.persister.record(changesOf({ heldRuns: [runIdOf(2)] }));
		under.clock.pass(5 * second - 1);
		under.record();
		await settle();
		expect(held()).toEqual([runIdOf(1)]);
		under.clock.pass(1);
		under.record();
		await settle();
		expect(held()).toEqual([runIdOf(1), runIdOf(2)]);
		expect(under.store.committed.at(-1)).toMatchObject({ durable: false });
	});

	test("a mass lapse of many is written in batches of at most 1,000 records, one after the other", async () => {
		const under = new PersisterUnderTest();
		const heldRuns = Array.from({ length: 2_001 }, (_, n) => runIdOf(n));
		under.persister.record(changesOf({ heldRuns, groups: [groupOf("group-1")] }));
		await settle();
		under.clock.pass(10 * second);
		under.record();
		await settle();
		expect(under.store.committed.map((batch) => batch.heldRuns.length)).toEqual([1_000, 1_000, 1]);
		expect(under.store.committed[0]).toMatchObject({ durable: true, groups: [{ workspace }] });
	});

	test("nothing is written when nothing has happened", async () => {
		const under = new PersisterUnderTest();
		under.record();
		await under.persister.flush();
		expect(under.store.tried).toEqual([]);
	});

	test("deliveries are committed by their keys", async () => {
		const under = new PersisterUnderTest();
		under.persister.record(changesOf({ episodes: [verdict], outbox: [raised] }));
		await settle();
		expect((await under.store.load(workspace)).outbox).toEqual([raised]);
		under.persister.settle([raisedKey]);
		await settle();
		expect(under.store.committed.at(-1)).toMatchObject({ settled: [raisedKey], durable: true });
		expect((await under.store.load(workspace)).outbox).toEqual([]);
	});
});

describe("flush", () => {
	test("writes everything, beats and the workspace's record included", async () => {
		const under = new PersisterUnderTest();
		under.tracker.apply({ kind: "rest_answered", at: under.clock.now(), serverDateMs: epochMs });
		under.learn(stateView(1, "RUNNING", 0));
		await settle();
		under.tracker.apply({ kind: "stream_opened", at: under.clock.now() });
		under.clock.pass(second);
		under.tracker.apply({ kind: "caught_up", at: under.clock.now() });
		under.learn(beatView(1, second));
		await under.persister.flush();
		const world = await under.store.load(workspace);
		expect((await runsIn(under.store, workspace))[0]?.row.lastBeat?.receivedMs).toBe(epochMs + second);
		expect(world.workspaces[0]?.coveredUntilServerMs).toBe(epochMs + second);
	});

	test("writes how far everything has been seen, when that is all that has changed", async () => {
		const under = new PersisterUnderTest();
		under.tracker.apply({ kind: "rest_answered", at: under.clock.now(), serverDateMs: epochMs });
		under.tracker.apply({ kind: "stream_opened", at: under.clock.now() });
		under.tracker.apply({ kind: "caught_up", at: under.clock.now() });
		under.record();
		await settle();
		under.clock.pass(second);
		under.tracker.apply({ kind: "stream_heard", at: under.clock.now() });
		under.record();
		await under.persister.flush();
		expect((await under.store.load(workspace)).workspaces[0]?.coveredUntilServerMs).toBe(epochMs + second);
	});

	test("waits for the commit in flight, and writes what gathered meanwhile", async () => {
		const under = new PersisterUnderTest();
		under.store.hold();
		under.learn(stateView(1, "RUNNING", 0));
		under.learn(stateView(2, "RUNNING", 0));
		const flushed = under.persister.flush();
		under.store.release();
		await flushed;
		expect(under.commits).toEqual([[runIdOf(1)], [runIdOf(2)]]);
	});

	test("writes more than one batch holds", async () => {
		const under = new PersisterUnderTest();
		const views = Array.from({ length: 10_001 }, (_, n) => stateView(n, "RUNNING", 0));
		under.tracker.apply({ kind: "stored", at: under.clock.now(), views });
		under.record();
		await under.persister.flush();
		expect(under.disk.runs.size).toBe(10_001);
	});

	test("gives up when the store fails, without waiting for it to come back", async () => {
		const under = new PersisterUnderTest();
		under.store.failingWith = "SQLITE_FULL";
		under.learn(stateView(1, "RUNNING", 0));
		await under.persister.flush();
		expect(under.persister.isFailing).toBe(true);
		expect(under.clock.sleepers).toBe(0);
	});

	test("tries once more what failed just before", async () => {
		const under = new PersisterUnderTest();
		under.store.failingWith = "SQLITE_FULL";
		under.persister.record(changesOf(verdictOf(1)));
		await settle();
		expect(under.persister.isFailing).toBe(true);
		under.store.failingWith = null;
		await under.persister.flush();
		expect(under.persister.isFailing).toBe(false);
		expect((await under.store.load(workspace)).openEpisodes).toHaveLength(1);
	});
});
