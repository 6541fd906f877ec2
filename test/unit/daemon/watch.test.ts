import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { type MemoryDisk, newMemoryDisk } from "../../../src/store/memory-disk.ts";
import { walToldBytesMin } from "../../../src/store/open-sqlite.ts";
import { minute, second } from "../../_util/core-world.ts";
import { settle } from "../../_util/daemon-clock.ts";
import { stateView, workspace } from "../../_util/daemon-core.ts";
import { WatchUnderTest } from "../../_util/daemon-watch.ts";
import { batchOf, deliveryOf, episodeOf, learnedSamples, rowOf, runIdOf } from "../../_util/store-samples.ts";

let disk: MemoryDisk;
let under: WatchUnderTest;

beforeEach(() => {
	disk = newMemoryDisk();
	under = new WatchUnderTest(disk);
});
afterEach(async () => {
	under.stop.abort();
	await under.running.catch(() => undefined);
});

describe("the start", () => {
	test("only a database that has not had its lesson gets it", async () => {
		await under.start();
		const { sleepers } = under.clock;
		const [row] = learnedSamples.filter(({ kind }) => kind === "lesson");
		const taught = new WatchUnderTest(newMemoryDisk());
		await taught.store.commit(batchOf({ learned: [{ ...row!, workspace }] }));
		await taught.start();
		// Whoever is to be taught waits for its turn.
		expect(taught.clock.sleepers).toBe(sleepers - 1);
		taught.stop.abort();
		await taught.running;
	});

	test("what was still owed is delivered, however much it is", async () => {
		const rows = Array.from({ length: 250 }, (_, n) =>
			deliveryOf(episodeOf(n, `alert-${n}`, { workspace }), { createdAtMs: n }),
		);
		await under.store.commit(batchOf({ outbox: rows }));
		await under.start();
		for (let turn = 0; turn < 100; turn++) await settle();
		expect(under.sink.sent).toEqual(rows.map(({ transition }) => transition.key));
		expect((await under.store.load(workspace)).outbox).toEqual([]);
	});

	test("what is owed to a sink that is not there any more is given up after a day", async () => {
		const nowMs = under.clock.now().wallMs;
		const day = 24 * 60 * minute;
		const rows = [nowMs - day - 1, nowMs - day + minute].map((createdAtMs, n) =>
			deliveryOf(episodeOf(n, `alert-${n}`, { workspace }), { sink: "gone", createdAtMs }),
		);
		await under.store.commit(batchOf({ outbox: rows }));
		await under.start();
		await under.tick();
		const detail = "its sink is not in the settings any more";
		expect([...disk.outbox.values()].map(({ fate }) => fate)).toEqual(["given_up", null]);
		expect(under.told.told("deliveriesGivenUp")).toEqual([[{ sink: "gone", rows: 1, detail }]]);
	});

	test("it is ready from the first tick on, although the server is away (O1)", async () => {
		await under.start();
		expect(under.watch.readiness()).toEqual({ loaded: true, storeFailing: false, lastTickMonoMs: null });
		await under.tick();
		expect(under.watch.readiness().lastTickMonoMs).toBe(under.clock.now().monoMs);
		expect(under.told.told("waitingForServer").length).toBeGreaterThan(0);
	});
});

describe("a store that fails", () => {
	test("makes it unready, ends nothing, and is tried again; retention at its next turn", async () => {
		await under.start();
		under.store.failingWith = "SQLITE_FULL";
		under.listener.event(under.clock.now(), stateView(1, "RUNNING", 0), null, null);
		await under.tick();
		expect(under.watch.readiness().storeFailing).toBe(true);
		// Once by the commit, once by retention.
		expect(under.told.told("storeFailed").map(([code]) => code)).toEqual(["SQLITE_FULL", "SQLITE_FULL"]);
		under.store.failingWith = null;
		await under.tick();
		expect(under.watch.readiness().storeFailing).toBe(false);
		expect(disk.runs.size).toBe(1);
		expect(under.told.told("retained")).toEqual([]);
		for (let turn = 0; turn < 600; turn++) await under.tick();
		expect(under.told.told("retained")).toHaveLength(1);
		under.stop.abort();
		await expect(under.running).resolves.toBeUndefined();
	});
});

test("the size of the store's log is told at each retention, and when it has outgrown its bound", async () => {
	const sizes = [walToldBytesMin - 1, walToldBytesMin];
	under.store.retain = async () => ({ runs: 0, episodes: 0, logBytes: sizes.shift() ?? 0 });
	await under.start();
	for (let turn = 0; turn < 601; turn++) await under.tick();
	expect(under.told.told("storeLog")).toEqual([
		[{ bytes: walToldBytesMin - 1, isHeld: false }],
		[{ bytes: walToldBytesMin, isHeld: true }],
	]);
});

test("a run that another writer changed is merged before it is written again", async () => {
	const stored = rowOf(1, { workspace, ...idle(stateView(1, "PENDING", 0)) });
	await under.store.commit(batchOf({ runs: [{ row: stored, version: 0 }] }));
	await under.start();
	const { state } = stateView(1, "COMPLETED", minute);
	await under.store.commit(batchOf({ runs: [{ row: { ...stored, state }, version: 1 }] }));
	under.listener.event(under.clock.now(), stateView(1, "PAUSED", second), null, null);
	await under.tick();
	const written = under.store.committed.flatMap(({ runs }) =>
		runs.map(({ row, version }) => [version, row.state?.type]),
	);
	expect(written).toEqual([
		[0, "PENDING"],
		[1, "COMPLETED"],
		[1, "PAUSED"],
		[2, "COMPLETED"],
	]);
	expect(await under.store.loadRun({ workspace, runId: runIdOf(1) })).toMatchObject({
		row: { state: { type: "COMPLETED" } },
		version: 3,
	});
});

function idle({ state }: ReturnType<typeof stateView>) {
	return { state, attempt: 1, endedAtMs: null, aliveAtServerMs: null, lastBeat: null, occurredMs: [] };
}

describe("the end", () => {
	test("what came last is saved", async () => {
		await under.start();
		under.listener.event(under.clock.now(), stateView(1, "RUNNING", 0), null, null);
		under.stop.abort();
		await under.running;
		expect(disk.runs.size).toBe(1);
		expect(under.slots.isStopped).toBe(true);
	});

	test("what can be delivered within 5 s is, and what a hung sink holds stays owed", async () => {
		const row = deliveryOf(episodeOf(1, "alert-1", { workspace }));
		await under.store.commit(batchOf({ outbox: [row] }));
		under.sink.answer = () => new Promise(() => undefined);
		await under.start();
		const stoppedMs = performance.now();
		under.stop.abort();
		await expect(under.running).resolves.toBeUndefined();
		expect(performance.now() - stoppedMs).toBeLessThan(9_000);
		expect((await under.store.load(workspace)).outbox).toEqual([row]);
	}, 15_000);

	test("a store that fails at the end does not hold it up", async () => {
		await under.start();
		under.store.failingWith = "SQLITE_FULL";
		under.listener.event(under.clock.now(), stateView(1, "RUNNING", 0), null, null);
		under.stop.abort();
		await expect(under.running).resolves.toBeUndefined();
	});
});

describe("a bug", () => {
	test("in a part of the core stops the others, is thrown with the part's name, and what is known is saved", async () => {
		await under.store.commit(batchOf({ outbox: [deliveryOf(episodeOf(1, "alert-1", { workspace }))] }));
		const { promise, reject } = Promise.withResolvers<void>();
		under.sink.answer = () => promise;
		await under.start();
		under.listener.event(under.clock.now(), stateView(1, "RUNNING", 0), null, null);
		reject(new TypeError("a bug"));
		await expect(under.running).rejects.toMatchObject({
			message: "the dispatcher loop failed",
			cause: new TypeError("a bug"),
		});
		expect(under.slots.isStopped).toBe(true);
		expect(disk.runs.size).toBe(1);
	});

	test("in a job is thrown with the schedule's name", async () => {
		await under.start();
		under.store.retain = () => Promise.reject(new TypeError("a bug"));
		await under.tick();
		await expect(under.running).rejects.toMatchObject({
			message: "the schedule loop failed",
			cause: new TypeError("a bug"),
		});
	});
});
