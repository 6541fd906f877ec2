import { afterEach, beforeEach, expect, test } from "vitest";
import { Backlog } from "../../../src/daemon/backlog.ts";
import { plainTelling } from "../../../src/daemon/telling.ts";
import { Dispatcher } from "../../../src/notify/dispatcher.ts";
import type { Notice, Sink } from "../../../src/notify/sink.ts";
import type { OutboxRow } from "../../../src/store/store.ts";
import { HandClock, settle } from "../../_util/daemon-clock.ts";
import { changesOf, PersisterUnderTest, workspace } from "../../_util/daemon-core.ts";
import { batchOf, closedOf, deliveryOf, episodeOf } from "../../_util/store-samples.ts";

/** Takes a turn of the event loop for each row, or waits while held. */
class PatientSink implements Sink {
	readonly name = "log";
	readonly noticesMax = 1;
	readonly givesUp = false;
	readonly wants = (): boolean => true;
	readonly sent: string[] = [];
	#held: PromiseWithResolvers<void> | null = null;

	hold(): void {
		this.#held = Promise.withResolvers();
	}

	release(): void {
		this.#held?.resolve();
		this.#held = null;
	}

	async send([{ transition }]: readonly [Notice, ...Notice[]]): Promise<void> {
		await this.#held?.promise;
		await new Promise(setImmediate);
		this.sent.push(transition.key);
	}
}

let under: PersisterUnderTest;
let sink: PatientSink;
let dispatcher: Dispatcher;
let backlog: Backlog;
let stop: AbortController;
let running: Promise<unknown>;

function rowsOf(from: number, until: number): OutboxRow[] {
	return Array.from({ length: until - from }, (_, n) =>
		deliveryOf(episodeOf(from + n, `alert-${from + n}`, { workspace }), { createdAtMs: from + n }),
	);
}

function keysOf(rows: readonly OutboxRow[]): string[] {
	return rows.map(({ transition }) => transition.key);
}

/** Committed, and then sendable, as decisions of the core are. */
function decided(rows: readonly OutboxRow[]): void {
	under.persister.record(changesOf({ outbox: rows }));
}

/** Until all that is owed has been sent, and committed as delivered. */
async function untilSent(count: number): Promise<void> {
	for (let turn = 0; turn < 10_000 && sink.sent.length < count; turn++) await new Promise(setImmediate);
	await settle();
}

function start(outboxRowsMax: number): void {
	sink = new PatientSink();
	const clock = new HandClock();
	under = new PersisterUnderTest({ clock, onSendable: (rows) => backlog.offer(rows) });
	dispatcher = new Dispatcher({
		sinks: [sink],
		outboxRowsMax,
		paceOf: () => plainTelling,
		holdOf: () => null,
		hold: (hold) => under.persister.hold(hold),
		settle: (settlements) => under.persister.settle(settlements),
		reporter: under.told.reporter,
		clock,
		random: () => 1,
	});
	backlog = new Backlog({
		store: under.store,
		persister: under.persister,
		dispatcher,
		reporter: under.told.reporter,
		clock,
		workspace,
		outboxRowsMax,
		sinks: ["log"],
	});
	stop = new AbortController();
	running = Promise.all([dispatcher.run(stop.signal), backlog.run(stop.signal)]);
	running.catch(() => undefined);
}

beforeEach(() => start(3));
afterEach(async () => {
	stop.abort();
	await running.catch(() => undefined);
});

test("rows that find room are sent without a look into the store", async () => {
	const rows = rowsOf(0, 3);
	decided(rows);
	await untilSent(3);
	expect(sink.sent).toEqual(keysOf(rows));
	expect(under.store.outboxReads).toBe(0);
});

test("rows that found no room are read from the store and sent once each, in order", async () => {
	const rows = rowsOf(0, 10);
	decided(rows);
	await untilSent(10);
	expect(sink.sent).toEqual(keysOf(rows));
	expect((await under.store.load(workspace)).outbox).toEqual([]);
});

test("what was owed at the start is sent, however much it is", async () => {
	stop.abort();
	await running;
	start(1_200);
	const rows = rowsOf(0, 2_500);
	await under.store.commit(batchOf({ outbox: rows }));
	backlog.offer((await under.store.load(workspace)).outbox);
	await untilSent(2_500);
	expect(sink.sent).toEqual(keysOf(rows));
	// 1,000, the 300 that are left, and none.
	expect(under.store.outboxReads).toBe(3);
	expect((await under.store.load(workspace)).outbox).toEqual([]);
});

test("a resolve does not overtake its raise that waits in the store", async () => {
	const rows = rowsOf(0, 5);
	const closed = closedOf(episodeOf(4, "alert-4", { workspace }), 5_000);
	sink.hold();
	decided(rows);
	await settle();
	sink.release();
	sink.hold();
	await untilSent(1);
	// One of the three that had room is sent: there is room for the resolve, yet not for its raise, which waits.
	expect(dispatcher.pendingCount).toBe(2);
	decided([deliveryOf(closed, { createdAtMs: 5_000 })]);
	await settle();
	sink.release();
	await untilSent(6);
	expect(sink.sent).toEqual([...keysOf(rows), "alert-4:resolved"]);
});

test("once it has caught up, rows are sent without a look into the store again", async () => {
	decided(rowsOf(0, 5));
	await untilSent(5);
	const reads = under.store.outboxReads;
	expect(reads).toBeGreaterThan(0);
	decided(rowsOf(5, 7));
	await untilSent(7);
	expect(under.store.outboxReads).toBe(reads);
	expect(sink.sent).toEqual(keysOf(rowsOf(0, 7)));
});

test("a row that is committed while the store is found empty is not forgotten", async () => {
	const { promise: looked, resolve: look } = Promise.withResolvers<void>();
	const { promise: opened, resolve: open } = Promise.withResolvers<void>();
	const read = under.store.loadOutbox.bind(under.store);
	under.store.loadOutbox = async (owed) => {
		const rows = await read(owed);
		if (rows.length === 0) {
			look();
			await opened;
		}
		return rows;
	};
	decided(rowsOf(0, 5));
	await looked;
	decided(rowsOf(5, 6));
	await settle();
	expect(sink.sent).toHaveLength(5);
	open();
	await untilSent(6);
	expect(sink.sent).toEqual(keysOf(rowsOf(0, 6)));
});

test("rows for a sink that is not configured stay in the store and hold nobody up", async () => {
	const foreign = rowsOf(0, 5).map((row) => ({ ...row, sink: "pager" }));
	decided([...foreign, ...rowsOf(5, 10)]);
	await untilSent(5);
	expect(sink.sent).toEqual(keysOf(rowsOf(5, 10)));
	const reads = under.store.outboxReads;
	await settle();
	expect(under.store.outboxReads).toBe(reads);
	expect((await under.store.load(workspace)).outbox).toEqual(foreign);
});

test("a store that cannot be read is told, and read again a second later", async () => {
	sink.hold();
	decided(rowsOf(0, 5));
	await settle();
	under.store.loadOutboxFailingWith = "SQLITE_IOERR";
	sink.release();
	await untilSent(3);
	await under.told.until("storeFailed", 1);
	expect(under.told.told("storeFailed")).toEqual([["SQLITE_IOERR", "the disk says SQLITE_IOERR"]]);
	under.store.loadOutboxFailingWith = null;
	await settle();
	expect(sink.sent).toHaveLength(3);
	under.clock.pass(1_000);
	await untilSent(5);
	expect(sink.sent).toEqual(keysOf(rowsOf(0, 5)));
});

test("while commits fail nothing is read, since what was delivered still counts as owed", async () => {
	sink.hold();
	decided(rowsOf(0, 5));
	await settle();
	under.store.failingWith = "SQLITE_FULL";
	sink.release();
	await untilSent(3);
	under.clock.pass(1_000);
	await settle();
	expect(under.store.outboxReads).toBe(0);
	under.store.failingWith = null;
	under.clock.pass(1_000);
	under.record();
	await settle();
	under.clock.pass(1_000);
	await untilSent(5);
	expect(sink.sent).toEqual(keysOf(rowsOf(0, 5)));
});

test("while the store fails rows are sent from memory even when older ones wait in it (D1)", async () => {
	sink.hold();
	decided(rowsOf(0, 5));
	await settle();
	under.store.failingWith = "SQLITE_FULL";
	sink.release();
	await untilSent(3);
	decided(rowsOf(5, 6));
	await untilSent(4);
	expect(sink.sent).toEqual(keysOf([...rowsOf(0, 3), ...rowsOf(5, 6)]));
});

test("abort ends it, idle or behind", async () => {
	sink.hold();
	decided(rowsOf(0, 5));
	await settle();
	stop.abort();
	sink.release();
	await expect(running).resolves.toEqual([undefined, undefined]);
	start(3);
	stop.abort();
	await expect(running).resolves.toEqual([undefined, undefined]);
});

test("anything but a failure of the store is a bug, and ends it", async () => {
	under.store.loadOutbox = () => Promise.reject(new TypeError("a bug"));
	decided(rowsOf(0, 5));
	await expect(running).rejects.toThrow(new TypeError("a bug"));
});
