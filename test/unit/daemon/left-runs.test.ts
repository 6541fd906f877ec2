import { describe, expect, test } from "vitest";
import { newMemoryDisk } from "../../../src/store/memory-disk.ts";
import { epochMs } from "../../_util/core-server.ts";
import { hour, minute, second } from "../../_util/core-world.ts";
import { settle } from "../../_util/daemon-clock.ts";
import { beatView, PersisterUnderTest, stateView, workspace } from "../../_util/daemon-core.ts";
import { placedRunsIn, runsIn } from "../../_util/store-runs.ts";
import { batchOf, emptyWorld, rowOf, runIdOf } from "../../_util/store-samples.ts";

async function storedIds({ store }: PersisterUnderTest): Promise<readonly string[]> {
	return (await runsIn(store, workspace)).map(({ row }) => row.runId);
}

/** Events have told of runs 1 to 3, and room is left for two that REST has not told of. */
async function crowded(under: PersisterUnderTest): Promise<void> {
	under.live.current = { ...under.live.current, unconfirmedRunsMax: 2 };
	for (const n of [1, 2]) under.learn(stateView(n, "RUNNING", 0));
	await settle();
	under.clock.pass(second);
	under.learn(stateView(3, "RUNNING", second));
}

describe("R10: runs that leave because too many are unconfirmed", () => {
	test("leave the store as well", async () => {
		const under = new PersisterUnderTest();
		await crowded(under);
		await settle();
		expect(await storedIds(under)).toEqual([runIdOf(2), runIdOf(3)]);
	});

	test("but not those that have ended", async () => {
		const under = new PersisterUnderTest();
		under.learn(stateView(1, "COMPLETED", 0));
		await crowded(under);
		await settle();
		expect(await storedIds(under)).toEqual([1, 2, 3].map((n) => runIdOf(n)));
	});

	test("although their row is on its way to the store when they leave", async () => {
		const under = new PersisterUnderTest();
		under.store.hold();
		await crowded(under);
		under.store.release();
		await settle();
		expect(await storedIds(under)).toEqual([runIdOf(2), runIdOf(3)]);
	});

	test("also when the store fails meanwhile", async () => {
		const under = new PersisterUnderTest();
		under.learn(stateView(1, "RUNNING", 0));
		await settle();
		under.store.failingWith = "SQLITE_FULL";
		await crowded(under);
		await settle();
		expect(under.persister.isFailing).toBe(true);
		under.store.failingWith = null;
		under.clock.pass(second);
		under.record();
		await settle();
		expect(await storedIds(under)).toEqual([runIdOf(2), runIdOf(3)]);
	});

	test("and one that is heard of again is stored again", async () => {
		const under = new PersisterUnderTest();
		await crowded(under);
		under.learn(stateView(1, "RUNNING", 0));
		await settle();
		expect(new Set(await storedIds(under))).toEqual(new Set([runIdOf(1), runIdOf(3)]));
	});
});

test("a run that the server does not know leaves the store with memory, an hour later", async () => {
	const under = new PersisterUnderTest();
	under.learn(beatView(1, 0));
	under.tracker.apply({ kind: "tick", at: under.clock.now() });
	const [inquiry] = under.tracker.drain().inquiries;
	const answer = { inquiry: inquiry!, view: null, newestBeat: null, earlierBeats: [], newestSignMs: null };
	under.tracker.apply({ kind: "rest_answered", at: under.clock.now(), serverDateMs: epochMs });
	under.tracker.apply({ kind: "answered", at: under.clock.now(), answers: [answer] });
	under.record();
	await settle();
	under.clock.pass(hour - minute);
	under.tracker.apply({ kind: "tick", at: under.clock.now() });
	under.record();
	await settle();
	expect(await storedIds(under)).toEqual([runIdOf(1)]);
	under.clock.pass(2 * minute);
	under.tracker.apply({ kind: "tick", at: under.clock.now() });
	under.record();
	await settle();
	expect(await storedIds(under)).toEqual([]);
});

test("one that had gone an hour before a start leaves the store then, and not a later one", async () => {
	const disk = newMemoryDisk();
	const before = new PersisterUnderTest({ disk });
	const goneAt = (n: number, endedAtMs: number) => ({
		row: rowOf(n, { workspace, state: null, endedAtMs }),
		version: 0,
	});
	const { wallMs } = before.clock.now();
	await before.store.commit(batchOf({ runs: [goneAt(1, wallMs - hour - minute), goneAt(2, wallMs - hour + minute)] }));
	const after = new PersisterUnderTest({ disk });
	after.tracker.restoreRuns(await placedRunsIn(after.store, workspace), after.clock.now());
	after.tracker.restore({ ...emptyWorld, workspace: null }, after.clock.now());
	after.record();
	await settle();
	expect(await storedIds(after)).toEqual([runIdOf(2)]);
});
