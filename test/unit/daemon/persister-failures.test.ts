import { describe, expect, test } from "vitest";
import { deliveredToSink } from "../../../src/core/delivery.ts";
import type { Persister } from "../../../src/daemon/persister.ts";
import { epochMs } from "../../_util/core-server.ts";
import { minute } from "../../_util/core-world.ts";
import { settle } from "../../_util/daemon-clock.ts";
import { changesOf, PersisterUnderTest, stateView, verdictOf, workspace } from "../../_util/daemon-core.ts";
import { runsIn } from "../../_util/store-runs.ts";
import { closedOf, deliveryOf, episodeOf, groupOf, learnedSamples, runIdOf } from "../../_util/store-samples.ts";

const verdict = episodeOf(1, "alert-1", { workspace });
const raised = deliveryOf(verdict);
const raisedKey = { sink: "log", key: "alert-1:raised", ...deliveredToSink };

describe("while the store fails", () => {
	test.each(["SQLITE_FULL", "SQLITE_BUSY", "SQLITE_IOERR"])(
		"%s: all stays dirty, and is written when it is back",
		async (code) => {
			const under = new PersisterUnderTest();
			under.store.failingWith = code;
			under.learn(stateView(1, "RUNNING", 0));
			under.persister.record(changesOf({ episodes: [verdict], outbox: [raised] }));
			await settle();
			expect(under.persister.isFailing).toBe(true);
			expect(under.told.told("storeFailed")).toEqual([[code, `the disk says ${code}`]]);
			under.store.failingWith = null;
			under.clock.pass(1_000);
			under.record();
			await settle();
			expect(under.persister.isFailing).toBe(false);
			expect(under.told.told("storeRecovered")).toHaveLength(1);
			const world = await under.store.load(workspace);
			expect((await runsIn(under.store, workspace)).map(({ row }) => row.runId)).toEqual([runIdOf(1)]);
			expect(world.openEpisodes).toEqual([verdict]);
			expect(world.outbox).toEqual([raised]);
		},
	);

	test("group incidents, held runs and lessons wait for it too, and the last word counts", async () => {
		const under = new PersisterUnderTest();
		const [lesson] = learnedSamples;
		const later = { ...lesson, row: { ...lesson.row, runs: [] } };
		under.store.failingWith = "SQLITE_FULL";
		const groups = [groupOf("group-1"), groupOf("group-2")];
		under.persister.record(changesOf({ groups, heldRuns: [runIdOf(1)], learned: [lesson, learnedSamples[1]] }));
		await settle();
		const closed = groupOf("group-1", { closed: { outcome: "ended", atMs: 5 } });
		under.persister.record(changesOf({ groups: [closed], learned: [later] }));
		under.store.failingWith = null;
		under.clock.pass(1_000);
		under.record();
		await settle();
		expect(under.store.committed[0]).toMatchObject({
			groups: [...groups, closed].map((incident) => ({ workspace, incident })),
			heldRuns: [{ workspace, runId: runIdOf(1), row: null }],
		});
		const world = await under.store.load(workspace);
		expect(world.openGroups).toEqual([groups[1]]);
		expect(new Set(world.learned)).toEqual(new Set([later, learnedSamples[1]]));
	});

	test("it is tried again after a second, not before", async () => {
		const under = new PersisterUnderTest();
		under.store.failingWith = "SQLITE_FULL";
		under.learn(stateView(1, "RUNNING", 0));
		await settle();
		under.clock.pass(999);
		under.learn(stateView(2, "RUNNING", 0));
		await settle();
		expect(under.store.tried).toHaveLength(1);
		under.clock.pass(1);
		under.record();
		await settle();
		expect(under.store.tried).toHaveLength(2);
		expect(under.store.tried[1]?.runs).toHaveLength(2);
	});

	test("alerts are sent from memory once each, and written when it is back (D1)", async () => {
		const under = new PersisterUnderTest();
		under.store.failingWith = "SQLITE_FULL";
		under.persister.record(changesOf(verdictOf(1)));
		await settle();
		expect(under.sentKeys).toEqual(["alert-1:raised"]);
		under.persister.record(changesOf(verdictOf(2)));
		expect(under.sentKeys).toEqual(["alert-1:raised", "alert-2:raised"]);
		for (let turn = 0; turn < 3; turn++) {
			under.clock.pass(1_000);
			under.record();
			await settle();
		}
		under.store.failingWith = null;
		under.clock.pass(1_000);
		under.record();
		await settle();
		expect(under.sentKeys).toEqual(["alert-1:raised", "alert-2:raised"]);
		expect((await under.store.load(workspace)).outbox).toHaveLength(2);
		under.persister.record(changesOf(verdictOf(3)));
		await settle();
		expect(under.sentKeys).toEqual(["alert-1:raised", "alert-2:raised", "alert-3:raised"]);
	});

	test("what was sent from memory and delivered is stored as delivered", async () => {
		const under = new PersisterUnderTest();
		under.store.failingWith = "SQLITE_FULL";
		under.persister.record(changesOf({ episodes: [verdict], outbox: [raised] }));
		await settle();
		under.persister.settle([raisedKey]);
		under.store.failingWith = null;
		under.clock.pass(1_000);
		under.record();
		await settle();
		const world = await under.store.load(workspace);
		expect(world.openEpisodes).toEqual([verdict]);
		expect(world.outbox).toEqual([]);
	});

	test("a delivery whose commit failed is committed later", async () => {
		const under = new PersisterUnderTest();
		under.persister.record(changesOf({ episodes: [verdict], outbox: [raised] }));
		await settle();
		under.store.failingWith = "SQLITE_BUSY";
		under.persister.settle([raisedKey]);
		await settle();
		expect(under.persister.isFailing).toBe(true);
		under.store.failingWith = null;
		under.clock.pass(1_000);
		under.record();
		await settle();
		expect((await under.store.load(workspace)).outbox).toEqual([]);
	});

	test("an episode that opened and closed meanwhile is stored as closed, and both were told in order", async () => {
		const under = new PersisterUnderTest();
		const closed = closedOf(verdict, epochMs + minute);
		under.store.failingWith = "SQLITE_FULL";
		under.persister.record(changesOf({ episodes: [verdict], outbox: [raised] }));
		await settle();
		under.persister.record(changesOf({ episodes: [closed], outbox: [deliveryOf(closed)] }));
		under.store.failingWith = null;
		under.clock.pass(1_000);
		under.record();
		await settle();
		expect(under.sentKeys).toEqual(["alert-1:raised", "alert-1:resolved"]);
		expect([...under.disk.episodes.values()]).toEqual([closed]);
	});

	test("deliveries beyond outboxRowsMax are sent all the same, and those up to it are written", async () => {
		const under = new PersisterUnderTest({ outboxRowsMax: 2 });
		const rows = [1, 2, 3].flatMap((n) => verdictOf(n).outbox);
		under.store.failingWith = "SQLITE_FULL";
		under.persister.record(changesOf({ outbox: rows }));
		await settle();
		expect(under.sent).toEqual(rows);
		under.clock.pass(1_000);
		under.persister.record(changesOf(verdictOf(4)));
		await settle();
		expect(under.sentKeys.at(-1)).toBe("alert-4:raised");
		under.store.failingWith = null;
		under.clock.pass(1_000);
		under.record();
		await settle();
		expect(under.sent).toHaveLength(4);
		expect((await under.store.load(workspace)).outbox).toEqual(rows.slice(0, 2));
	});

	test("deliveries up to outboxRowsMax are all written", async () => {
		const under = new PersisterUnderTest({ outboxRowsMax: 3 });
		const rows = [1, 2, 3].flatMap((n) => verdictOf(n).outbox);
		under.store.failingWith = "SQLITE_FULL";
		under.persister.record(changesOf({ outbox: rows }));
		await settle();
		under.store.failingWith = null;
		under.clock.pass(1_000);
		under.record();
		await settle();
		expect((await under.store.load(workspace)).outbox).toEqual(rows);
	});
});

describe("a commit that can never succeed ends the loop", () => {
	async function endOf(persister: Persister): Promise<unknown> {
		const stop = new AbortController();
		const ended = persister.run(stop.signal).then(
			() => "it goes on",
			(error: unknown) => error,
		);
		await settle();
		stop.abort();
		return ended;
	}

	test.each([
		["SQLITE_FULL", "it goes on"],
		["SQLITE_CORRUPT", expect.objectContaining({ code: "SQLITE_CORRUPT", isDamage: true })],
		["SQLITE_NOTADB", expect.objectContaining({ code: "SQLITE_NOTADB", isDamage: true })],
	])("%s", async (code, end) => {
		const under = new PersisterUnderTest();
		under.store.failingWith = code;
		under.persister.record(changesOf(verdictOf(1)));
		await settle();
		expect(await endOf(under.persister)).toEqual(end);
		// Whatever comes of the database: the alert is sent.
		expect(under.sentKeys).toEqual(["alert-1:raised"]);
		expect(under.persister.unsavedVerdicts).toBe(1);
	});

	test("a bug", async () => {
		const under = new PersisterUnderTest();
		const bug = new TypeError("a bug");
		under.store.commit = () => Promise.reject(bug);
		under.persister.record(changesOf(verdictOf(1)));
		await settle();
		expect(await endOf(under.persister)).toBe(bug);
	});

	test("a group incident that was not saved counts as well", async () => {
		const under = new PersisterUnderTest();
		under.store.failingWith = "SQLITE_FULL";
		under.persister.record(changesOf({ groups: [groupOf("group-1")] }));
		await settle();
		expect(under.persister.unsavedVerdicts).toBe(1);
	});

	test("and a commit that succeeds leaves nothing unsaved", async () => {
		const under = new PersisterUnderTest();
		under.persister.record(changesOf(verdictOf(1)));
		await settle();
		expect(await endOf(under.persister)).toBe("it goes on");
		expect(under.persister.unsavedVerdicts).toBe(0);
	});
});
