import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { type DeliveryHold, type DeliverySettlement, deliveredToSink, type Hold } from "../../../src/core/delivery.ts";
import type { Transition } from "../../../src/core/episode.ts";
import { OutsideError } from "../../../src/lib/errors.ts";
import { Dispatcher } from "../../../src/notify/dispatcher.ts";
import type { Pace } from "../../../src/notify/lane.ts";
import type { Notice, Sink } from "../../../src/notify/sink.ts";
import { SkippingClock } from "../../_util/prefect-clock.ts";
import { ToldReporter } from "../../_util/prefect-reporter.ts";
import { sampleTransition } from "../../_util/sample-episode.ts";

/** A sink whose answers are scripted; what it was sent is kept. */
class ScriptedSink implements Sink {
	readonly name: string;
	noticesMax = 1;
	givesUp = false;
	readonly wants = (): boolean => true;
	readonly sent: string[] = [];
	inFlight = 0;
	inFlightMost = 0;
	/** One for each send, in order; afterwards everything succeeds. */
	readonly answers: (() => Promise<void> | void)[] = [];

	constructor(name: string) {
		this.name = name;
	}

	async send([{ transition }]: readonly [Notice, ...Notice[]], signal: AbortSignal): Promise<void> {
		signal.throwIfAborted();
		this.inFlight += 1;
		this.inFlightMost = Math.max(this.inFlightMost, this.inFlight);
		try {
			// A turn of the event loop, so that a second send at the same time would be seen.
			await new Promise(setImmediate);
			this.sent.push(transition.key);
			await this.answers.shift()?.();
		} finally {
			this.inFlight -= 1;
		}
	}
}

function transitions(count: number): Transition[] {
	return Array.from({ length: count }, (_, index) => sampleTransition({ runId: `run-${index}` }));
}

function rows(sink: string, of: readonly Transition[]): { sink: string; transition: Transition }[] {
	return of.map((transition) => ({ sink, transition }));
}

function failure(retryable: boolean): () => never {
	return () => {
		throw new OutsideError("no answer", { retryable });
	};
}

let clock: SkippingClock;
let told: ToldReporter;
let settled: DeliverySettlement[];
let held: DeliveryHold[];
let holds: Map<string, Hold>;
let log: ScriptedSink;
let stop: AbortController;
let running: Promise<void>;

function dispatcher(
	options: { sinks?: Sink[]; outboxRowsMax?: number; start?: boolean; pace?: Pace } = {},
): Dispatcher {
	const made = new Dispatcher({
		sinks: options.sinks ?? [log],
		outboxRowsMax: options.outboxRowsMax ?? 100,
		paceOf: () => options.pace ?? { groupWaitMs: 0, perMinuteMax: null },
		holdOf: (_sink, raise) => holds.get(raise.key) ?? null,
		hold: (hold) => held.push(hold),
		settle: (settlements) => settled.push(...settlements),
		reporter: told.reporter,
		clock,
		random: () => 1,
	});
	if (options.start !== false) running = made.run(stop.signal);
	return made;
}

beforeEach(() => {
	clock = new SkippingClock();
	told = new ToldReporter();
	settled = [];
	held = [];
	holds = new Map();
	log = new ScriptedSink("log");
	stop = new AbortController();
	running = Promise.resolve();
});
afterEach(async () => {
	stop.abort();
	await running.catch(() => undefined);
});

const patience = (): AbortSignal => AbortSignal.timeout(5000);

describe("a receiver that does not take it", () => {
	test("is left alone as long as it asks, and no longer than its own pace otherwise", async () => {
		log.answers.push(() => {
			throw new OutsideError("busy", { retryable: true, retryAfterMs: 120_000 });
		}, failure(true));
		const sender = dispatcher();
		sender.offer(rows("log", transitions(1)));
		await sender.idle(patience());
		expect(clock.sleptMs).toEqual([120_000, 4_000]);
	});

	test.each([
		[true, 1],
		[false, 0],
	])("within a day is given up (%s), and what came later goes on", async (givesUp, lost) => {
		log.givesUp = givesUp;
		// The clock of the test is on 22 November 2026: the first alert is of long ago.
		const old = sampleTransition({ runId: "run-old" });
		const young = sampleTransition({ runId: "run-young", alertId: "young", raisedAtMs: Date.UTC(2026, 10, 22) });
		log.answers.push(failure(true));
		const sender = dispatcher();
		sender.offer(rows("log", [old, young]));
		await sender.idle(patience());
		expect(log.sent).toEqual(givesUp ? [old.key, young.key] : [old.key, old.key, young.key]);
		expect(told.calls.filter(([name, , reason]) => name === "deliveryFailed" && reason === "given_up")).toHaveLength(
			lost,
		);
	});
});

describe("sending", () => {
	test("rows go out in order, one at a time, and each is told once as delivered", async () => {
		const sent = transitions(5);
		const sender = dispatcher();
		expect(sender.offer(rows("log", sent))).toBe(0);
		expect(sender.pendingCount).toBe(5);
		await sender.idle(patience());
		const keys = sent.map(({ key }) => key);
		expect(log.sent).toEqual(keys);
		expect(log.inFlightMost).toBe(1);
		expect(settled).toEqual(keys.map((key) => ({ sink: "log", key, ...deliveredToSink })));
		expect(told.told("delivered")).toHaveLength(5);
		expect(told.told("outboxPending").at(-1)).toEqual(["log", 0]);
	});

	test("rows offered later wake it up", async () => {
		const sender = dispatcher();
		const [first, second] = transitions(2);
		for (const transition of [first, second]) {
			sender.offer(rows("log", transition === undefined ? [] : [transition]));
			await sender.idle(patience());
		}
		expect(log.sent).toHaveLength(2);
	});

	test("a sink that takes nothing leaves the others their part of the room", async () => {
		const hung = new ScriptedSink("hung");
		const answer = Promise.withResolvers<void>();
		hung.answers.push(() => answer.promise);
		const sender = dispatcher({ sinks: [log, hung], outboxRowsMax: 4 });
		expect(sender.offer(rows("hung", transitions(4)))).toBe(2);
		expect(sender.offer(rows("log", transitions(2)))).toBe(0);
		await sender.idle(patience(), "log");
		expect([log.sent.length, hung.sent.length]).toEqual([2, 1]);
		answer.resolve();
	});

	test("a row that is pending already is not sent twice", async () => {
		const sender = dispatcher({ start: false });
		const sent = transitions(2);
		sender.offer(rows("log", sent));
		sender.offer(rows("log", sent));
		expect(sender.pendingCount).toBe(2);
		running = sender.run(stop.signal);
		await sender.idle(patience());
		expect(log.sent).toHaveLength(2);
	});

	test("a row for a sink that is not configured stays in the store", () => {
		const sender = dispatcher();
		expect(sender.offer(rows("pager", transitions(1)))).toBe(0);
		expect(sender.pendingCount).toBe(0);
	});

	test("a sink that fails does not hold up another", async () => {
		const slow = new ScriptedSink("slow");
		slow.answers.push(() => new Promise(() => undefined));
		const sender = dispatcher({ sinks: [slow, log] });
		sender.offer([...rows("slow", transitions(1)), ...rows("log", transitions(3))]);
		await told.until("delivered", 3);
		expect(log.sent).toHaveLength(3);
		expect(sender.pendingCount).toBe(1);
		// The hung send ignores the signal, as a bad sink might; nothing waits for it here.
		running = Promise.resolve();
	});
});

describe("failures", () => {
	test("one that may pass is tried again with growing waits, from 1 s to 5 min, and nothing overtakes it", async () => {
		for (let time = 0; time < 10; time++) log.answers.push(failure(true));
		const sender = dispatcher();
		const [first, second] = transitions(2);
		sender.offer(
			rows(
				"log",
				[first, second].filter((transition) => transition !== undefined),
			),
		);
		await sender.idle(patience());
		expect(log.sent).toEqual([...Array.from({ length: 11 }, () => first?.key), second?.key]);
		expect(clock.sleptMs).toEqual([2, 4, 8, 16, 32, 64, 128, 256, 300, 300].map((seconds) => seconds * 1000));
		expect(settled).toHaveLength(2);
		expect(told.told("deliveryFailed")).toEqual(Array.from({ length: 10 }, () => ["log", "retryable", "no answer"]));
	});

	test("the waits begin anew after a success", async () => {
		log.answers.push(failure(true), () => undefined, failure(true));
		const sender = dispatcher();
		sender.offer(rows("log", transitions(2)));
		await sender.idle(patience());
		expect(clock.sleptMs).toEqual([2000, 2000]);
	});

	test("one that cannot pass is reported, settled, and not tried again", async () => {
		log.answers.push(failure(false));
		const sender = dispatcher();
		sender.offer(rows("log", transitions(2)));
		await sender.idle(patience());
		expect(log.sent).toHaveLength(2);
		expect(settled).toHaveLength(2);
		expect(told.told("deliveryFailed")).toEqual([["log", "final", "no answer"]]);
		expect(told.told("delivered")).toHaveLength(1);
	});

	test("a bug in a sink ends the dispatcher, the other sinks with it", async () => {
		log.answers.push(() => {
			throw new TypeError("a bug");
		});
		const sender = dispatcher({ sinks: [log, new ScriptedSink("other")] });
		sender.offer(rows("log", transitions(1)));
		await expect(running).rejects.toThrow(new TypeError("a bug"));
		expect(settled).toEqual([]);
	});
});

describe("bounds and stopping", () => {
	test("rows beyond the limit are refused, counted and told; rows up to it are taken", async () => {
		const sender = dispatcher({ outboxRowsMax: 3, start: false });
		expect(sender.offer(rows("log", transitions(3)))).toBe(0);
		expect(sender.offer(rows("log", transitions(5)))).toBe(2);
		expect(sender.pendingCount).toBe(3);
		expect(told.told("deliveryFailed").map(([, reason]) => reason)).toEqual(["overflow", "overflow"]);
		running = sender.run(stop.signal);
		await sender.idle(patience());
		expect(sender.offer(rows("log", transitions(5).slice(3)))).toBe(0);
		await sender.idle(patience());
		expect(new Set(log.sent).size).toBe(5);
	});

	test("a stop ends the wait for rows", async () => {
		dispatcher();
		stop.abort(new Error("stop"));
		await expect(running).resolves.toBeUndefined();
	});

	test("a stop during a send leaves the row owed", async () => {
		log.answers.push(() => {
			stop.abort(new Error("stop"));
			throw new OutsideError("cut off", { retryable: true });
		});
		const sender = dispatcher();
		sender.offer(rows("log", transitions(1)));
		await running;
		expect(sender.pendingCount).toBe(1);
		expect(settled).toEqual([]);
	});

	test("waiting for idle can be given up", async () => {
		const sender = dispatcher({ start: false });
		await sender.idle(patience());
		sender.offer(rows("log", transitions(1)));
		const grace = new AbortController();
		const waiting = sender.idle(grace.signal);
		grace.abort(new Error("too late"));
		await expect(waiting).rejects.toThrow("too late");
	});
});
