import { describe, expect, test } from "vitest";
import type { KnownWorld } from "../../../src/core/restoration.ts";
import { newMemoryDisk } from "../../../src/store/memory-disk.ts";
import type { RunChange } from "../../../src/store/store.ts";
import { epochMs } from "../../_util/core-server.ts";
import { hour, minute, second } from "../../_util/core-world.ts";
import { settle } from "../../_util/daemon-clock.ts";
import { beatView, changesOf, PersisterUnderTest, stateView, workspace } from "../../_util/daemon-core.ts";
import { placedRunsIn, runsIn } from "../../_util/store-runs.ts";
import { batchOf, deliveryOf, episodeOf, runIdOf } from "../../_util/store-samples.ts";

const verdict = episodeOf(1, "alert-1", { workspace });
const raised = deliveryOf(verdict);

const knownNothing: KnownWorld = {
	openEpisodes: [],
	workspace: null,
	learned: [],
	openGroups: [],
	heldRuns: [],
	spentAlerts: [],
};

describe("a run that somebody else wrote", () => {
	/** The run is stored as pending by us, and then as completed by another writer. */
	async function overtaken(under: PersisterUnderTest): Promise<void> {
		under.learn(stateView(1, "PENDING", 0));
		await settle();
		const [stored] = await runsIn(under.store, workspace);
		const state = { ...stateView(1, "COMPLETED", minute).state!, name: "by another" };
		await under.store.commit(batchOf({ runs: [{ row: { ...stored!.row, state }, version: 1 }] }));
	}

	test("is loaded again, merged into ours, and written again", async () => {
		const under = new PersisterUnderTest();
		await overtaken(under);
		under.learn(stateView(1, "RUNNING", second));
		await settle();
		expect(under.reloaded.map(({ state }) => state?.name)).toEqual(["by another"]);
		const stored = await under.store.loadRun({ workspace, runId: runIdOf(1) });
		expect(stored?.row.state?.name).toBe("by another");
		under.learn(stateView(1, "FAILED", hour));
		await settle();
		expect((await under.store.loadRun({ workspace, runId: runIdOf(1) }))?.row.state?.type).toBe("FAILED");
	});

	test("is never overwritten by what we knew before the merge", async () => {
		const under = new PersisterUnderTest();
		await overtaken(under);
		under.learn(stateView(1, "RUNNING", second));
		await settle();
		// Ours on version 1, which is lost, and the merged one.
		const ours = under.store.committed.slice(2).flatMap(({ runs }) => runs);
		expect(ours.map(({ row, version }) => [version, row.state?.name])).toEqual([
			[1, "RUNNING"],
			[2, "by another"],
		]);
	});

	test("does not hold up the rest of its batch", async () => {
		const under = new PersisterUnderTest();
		await overtaken(under);
		const views = [stateView(1, "RUNNING", second), stateView(2, "RUNNING", second)];
		under.tracker.apply({ kind: "stored", at: under.clock.now(), views });
		under.persister.record(changesOf({ changedRuns: [runIdOf(1), runIdOf(2)], episodes: [verdict], outbox: [raised] }));
		await settle();
		expect(under.sent).toEqual([raised]);
		expect((await runsIn(under.store, workspace)).map(({ row }) => row.runId)).toEqual([runIdOf(1), runIdOf(2)]);
	});

	test("is written anew when it is gone from the store", async () => {
		const under = new PersisterUnderTest();
		under.learn(stateView(1, "RUNNING", 0));
		await settle();
		under.disk.runs.clear();
		under.learn(stateView(1, "COMPLETED", second));
		await settle();
		expect(await under.store.loadRun({ workspace, runId: runIdOf(1) })).toMatchObject({
			row: { state: { type: "COMPLETED" } },
			version: 1,
		});
	});

	test("is reloaded later when the store fails just then, and its batch's alerts are sent once", async () => {
		const under = new PersisterUnderTest();
		await overtaken(under);
		under.store.loadRunFailingWith = "SQLITE_IOERR";
		under.tracker.apply({ kind: "stored", at: under.clock.now(), views: [stateView(1, "RUNNING", second)] });
		under.persister.record(changesOf({ changedRuns: [runIdOf(1)], episodes: [verdict], outbox: [raised] }));
		await settle();
		expect(under.persister.isFailing).toBe(true);
		under.store.loadRunFailingWith = null;
		under.clock.pass(1_000);
		under.record();
		await settle();
		expect(under.persister.isFailing).toBe(false);
		expect(under.sent).toEqual([raised]);
		expect((await under.store.loadRun({ workspace, runId: runIdOf(1) }))?.row.state?.name).toBe("by another");
	});
});

describe("runs that left memory", () => {
	test("are not written any more, and one that comes back is merged with what is stored", async () => {
		const under = new PersisterUnderTest();
		under.learn(stateView(1, "COMPLETED", 0));
		await settle();
		under.clock.pass(hour + 1);
		under.tracker.apply({ kind: "tick", at: under.clock.now() });
		expect(under.tracker.stored.takeRun(runIdOf(1), under.clock.now())?.row ?? null).toBeNull();
		under.record();
		under.learn(beatView(1, hour));
		await settle();
		under.clock.pass(minute);
		under.record();
		await settle();
		expect(under.reloaded.map(({ state }) => state?.type)).toEqual(["COMPLETED"]);
		expect(await under.store.loadRun({ workspace, runId: runIdOf(1) })).toMatchObject({
			row: { state: { type: "COMPLETED" }, lastBeat: { receivedMs: epochMs + hour } },
			version: 2,
		});
	});

	test("one that comes back loses nothing of what is stored: ring, attempt, end, proof of life", async () => {
		const under = new PersisterUnderTest();
		under.learn({ ...stateView(1, "RUNNING", 0), attempt: 2 });
		for (const seconds of [1, 31, 61]) under.learn(beatView(1, seconds * second));
		under.learn({ ...stateView(1, "COMPLETED", 2 * minute), attempt: 2 });
		await settle();
		const before = (await under.store.loadRun({ workspace, runId: runIdOf(1) }))!.row;
		under.clock.pass(hour + 1);
		under.tracker.apply({ kind: "tick", at: under.clock.now() });
		under.record();
		under.learn(stateView(1, "RUNNING", 0));
		await settle();
		const after = (await under.store.loadRun({ workspace, runId: runIdOf(1) }))!;
		expect(after).toEqual({ row: { ...before, updatedAtMs: after.row.updatedAtMs }, version: 3, place: 1 });
		expect(before).toMatchObject({ attempt: 2, endedAtMs: epochMs + 2 * minute });
		expect(before.occurredMs).toHaveLength(3);
	});

	test("one that comes back while it is being written is merged with what was written", async () => {
		const under = new PersisterUnderTest();
		under.learn(stateView(1, "COMPLETED", 0));
		await settle();
		under.clock.pass(hour + 1);
		under.store.hold();
		under.persister.record(changesOf({ changedRuns: [runIdOf(1)] }));
		under.tracker.apply({ kind: "tick", at: under.clock.now() });
		under.record();
		under.learn(stateView(1, "RUNNING", -minute));
		under.store.release();
		await settle();
		expect((await under.store.loadRun({ workspace, runId: runIdOf(1) }))?.row.state?.type).toBe("COMPLETED");
	});

	test("a run evicted before its change could be written is passed over", async () => {
		const under = new PersisterUnderTest();
		under.persister.record(changesOf({ changedRuns: [runIdOf(9)], evictedRuns: [runIdOf(9)] }));
		await settle();
		expect(under.commits.flat()).toEqual([]);
		expect(under.persister.isFailing).toBe(false);
	});
});

test("a run that the server did not know, and that is heard of after a restart, is merged with what is stored", async () => {
	const disk = newMemoryDisk();
	const before = new PersisterUnderTest({ disk });
	before.learn({ ...stateView(1, "RUNNING", 0), attempt: 1 });
	before.learn(beatView(1, minute));
	await before.persister.flush();
	const [stored] = await runsIn(before.store, workspace);
	const gone: RunChange = { ...stored!, row: { ...stored!.row, state: null, endedAtMs: epochMs + 2 * minute } };
	await before.store.commit(batchOf({ runs: [gone] }));
	const after = new PersisterUnderTest({ disk });
	after.tracker.restoreRuns(await placedRunsIn(before.store, workspace), after.clock.now());
	after.tracker.restore(knownNothing, after.clock.now());
	after.learn(beatView(1, second));
	await settle();
	after.clock.pass(minute);
	after.record();
	await settle();
	const { row } = (await after.store.loadRun({ workspace, runId: runIdOf(1) }))!;
	expect(row).toMatchObject({
		attempt: 1,
		endedAtMs: epochMs + 2 * minute,
		lastBeat: { receivedMs: epochMs + minute },
	});
});

test("versions as loaded are those that changes are made on", async () => {
	const disk = newMemoryDisk();
	const before = new PersisterUnderTest({ disk });
	before.learn(stateView(1, "PENDING", 0));
	await settle();
	const after = new PersisterUnderTest({ disk });
	after.tracker.restoreRuns(await placedRunsIn(before.store, workspace), after.clock.now());
	after.tracker.restore(knownNothing, after.clock.now());
	after.learn(stateView(1, "RUNNING", second));
	await settle();
	expect(after.reloaded).toEqual([]);
	expect(await after.store.loadRun({ workspace, runId: runIdOf(1) })).toMatchObject({ version: 2 });
});
