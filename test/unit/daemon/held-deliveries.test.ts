import { beforeEach, expect, test } from "vitest";
import { HeldDeliveries } from "../../../src/daemon/held-deliveries.ts";
import { newMemoryDisk } from "../../../src/store/memory-disk.ts";
import { MemoryStore } from "../../../src/store/memory-store.ts";
import { HandClock } from "../../_util/daemon-clock.ts";
import { ToldReporter } from "../../_util/prefect-reporter.ts";
import { batchOf, deliveryOf, episodeOf, workspace } from "../../_util/store-samples.ts";

let clock: HandClock;
let store: MemoryStore;
let held: HeldDeliveries;
let reread: string[];
/** What the commit in flight comes to, when the test says so. */
let commit: PromiseWithResolvers<boolean>;

beforeEach(() => {
	clock = new HandClock();
	store = new MemoryStore({ disk: newMemoryDisk(), clock });
	reread = [];
	commit = Promise.withResolvers();
	commit.resolve(true);
	held = new HeldDeliveries({
		store,
		persister: { settled: () => commit.promise },
		backlog: { reread: (sink) => reread.push(sink) },
		openGroupIds: () => new Set(),
		workspace,
		reporter: new ToldReporter().reporter,
		clock,
	});
});

/** A row of the sink, in the store, as it was held. */
async function hold(sink: string, untilMs: number): Promise<void> {
	const row = deliveryOf(episodeOf(1, `alert-${sink}`), { sink });
	const { key } = row.transition;
	await store.commit(batchOf({ outbox: [row], held: [{ sink, key, reason: "silenced", detail: "why", untilMs }] }));
}

const inMs = (ms: number): number => clock.now().wallMs + ms;

test("what is due is pending again, when it is and no sooner", async () => {
	await hold("soon", inMs(1_000));
	await hold("late", inMs(5_000));
	held.note(await store.outbox.held(workspace));
	await held.round();
	clock.pass(999);
	await held.round();
	expect(reread).toEqual([]);
	clock.pass(1);
	await held.round();
	expect(reread).toEqual(["soon"]);
	clock.pass(4_000);
	await held.round();
	expect(reread).toEqual(["soon", "late"]);
});

test("what is asked for while the store is at work is done in the next round", async () => {
	await hold("soon", inMs(0));
	await hold("late", inMs(60_000));
	held.note(await store.outbox.held(workspace));
	commit = Promise.withResolvers();
	const round = held.round();
	held.askAll();
	commit.resolve(true);
	await round;
	expect(reread).toEqual(["soon"]);
	await held.round();
	expect(reread).toEqual(["soon", "late"]);
});

test("what is held while the store is at work, and not in it yet, is not forgotten", async () => {
	await hold("soon", inMs(0));
	held.note(await store.outbox.held(workspace));
	commit = Promise.withResolvers();
	const round = held.round();
	held.note([{ untilMs: inMs(1_000) }]);
	commit.resolve(true);
	await round;
	await hold("later", inMs(1_000));
	clock.pass(1_000);
	await held.round();
	expect(reread).toEqual(["soon", "later"]);
});

test("while commits fail nothing is lost: it is done once they succeed", async () => {
	await hold("soon", inMs(0));
	await hold("late", inMs(60_000));
	held.note(await store.outbox.held(workspace));
	held.askAll();
	commit = Promise.withResolvers();
	commit.resolve(false);
	await held.round();
	expect(reread).toEqual([]);
	commit = Promise.withResolvers();
	commit.resolve(true);
	await held.round();
	expect(reread).toEqual(["late", "soon"]);
});
