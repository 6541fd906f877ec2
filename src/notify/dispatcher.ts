import {
	type DeliveryHold,
	type DeliveryKey,
	type DeliverySettlement,
	deliveredToSink,
	type Hold,
	type HoldReason,
} from "../core/delivery.ts";
import type { Transition } from "../core/episode.ts";
import { backoffMs } from "../lib/backoff.ts";
import { called } from "../lib/called.ts";
import type { Clock } from "../lib/clock.ts";
import { messageOf, OutsideError } from "../lib/errors.ts";
import type { Random } from "../lib/random.ts";
import type { Reporter } from "../observe/reporter.ts";
import { Lane, type Pace } from "./lane.ts";
import type { Notice, Sink } from "./sink.ts";

/** A committed outbox row: what is owed to whom. */
export interface Delivery {
	readonly sink: string;
	readonly transition: Transition;
}

export interface DispatcherOptions {
	readonly sinks: readonly Sink[];
	/** `limits.outboxRows`: rows held in memory, of which each sink has an equal part. */
	readonly outboxRowsMax: number;
	readonly paceOf: (sink: Sink) => Pace;
	/** Why a sink is not to be told of a raise just now; null: it is. Asked before each try. */
	readonly holdOf: (sink: Sink, transition: Transition) => Hold | null;
	/** The row is kept from its sink: whoever is told commits it, and offers the row again when that has ended. */
	readonly hold: (hold: DeliveryHold) => void;
	/**
	 * The rows must not be offered again: the sink has them, or has refused them for good (which the reporter was told), or
	 * they were over before it was to be told. Whoever is told commits it, all or nothing.
	 */
	readonly settle: (settlements: readonly DeliverySettlement[]) => void;
	readonly reporter: Reporter;
	readonly clock: Clock;
	readonly random: Random;
}

/** A receiver that is down for a while is found again within 5 minutes of its return. */
const retryBounds = { minMs: 1000, maxMs: 300_000 };
/**
 * An alert that its receiver has not taken so long after it happened (or was held no longer) is given up, and counted: nobody
 * acts on it any more, and those behind it wait. But for the alert log on stdout, which is the record.
 */
export const givenUpAfterMs = 24 * 60 * 60_000;

/**
 * A receiver that takes the alert and does not answer is told after so long, and each time as long again. The delivery goes
 * on: whether a second one would be a repeated alert only the sink can know.
 */
const hungAfterMs = 60_000;

interface Sending {
	readonly lane: Lane;
	/** Wakes the loop that waits for rows; null while it is busy. */
	wake: (() => void) | null;
	idleWaiters: (() => void)[];
}

/**
 * Sends committed outbox rows: for each sink one at a time and in order, so that a resolve never overtakes its raise. A
 * failure that may pass is tried again, when the receiver says or with full jitter, for a day (the alert log: for ever); one
 * that cannot pass is reported and settled. Sinks do not wait for one another.
 */
export class Dispatcher {
	readonly #options: DispatcherOptions;
	readonly #sendings: ReadonlyMap<string, Sending>;

	constructor(options: DispatcherOptions) {
		this.#options = options;
		for (const { name } of options.sinks) options.reporter.sinkConfigured(name);
		this.#sendings = new Map(options.sinks.map((sink) => [sink.name, this.#sendingOf(sink)]));
	}

	#sendingOf(sink: Sink): Sending {
		const { paceOf, holdOf, hold, settle } = this.#options;
		const lane = new Lane({
			sink,
			pace: paceOf(sink),
			holdOf: (transition) => holdOf(sink, transition),
			hold,
			settle,
		});
		return { lane, wake: null, idleWaiters: [] };
	}

	/** Rows not settled yet, in flight included; held ones are not. */
	get pendingCount(): number {
		let count = 0;
		for (const { lane } of this.#sendings.values()) count += lane.size;
		return count;
	}

	/** Who is told, and how many rows wait to be sent, or are held. */
	get figures(): readonly { readonly name: string; readonly pending: number; readonly held: number }[] {
		return [...this.#sendings].map(([name, { lane }]) => ({ name, pending: lane.size, held: lane.heldCount }));
	}

	/** What an earlier process held, and its keys: neither they nor their resolves are sent until they are offered again. */
	expectHeld(held: readonly (DeliveryKey & { readonly reason: HoldReason })[]): void {
		for (const { sink, key, reason } of held) this.#sendings.get(sink)?.lane.addHeld(key, reason);
	}

	/** It waits to be sent to that sink, or is held. */
	owes({ sink, key }: DeliveryKey): boolean {
		return this.#sendings.get(sink)?.lane.owes(key) ?? false;
	}

	/**
	 * Takes rows over, oldest first; rows that are pending already, or for a sink that is not configured, are passed over.
	 *
	 * @returns how many found no room: they are still in the store, and have to be read from there once `idle` resolves
	 */
	offer(rows: readonly Delivery[]): number {
		const { reporter, clock } = this.#options;
		const now = clock.now();
		let refused = 0;
		const touched = new Set<Sending>();
		for (const { sink, transition } of rows) {
			const sending = this.#sendings.get(sink);
			if (sending === undefined || sending.lane.isPending(transition.key)) continue;
			if (sending.lane.size >= this.#rowsMaxOfSink()) {
				refused += 1;
				reporter.deliveryFailed(sink, "overflow", "the outbox in memory is full; the rest waits in the database");
				continue;
			}
			sending.lane.add(transition, null, now);
			touched.add(sending);
		}
		for (const sending of touched) this.#changed(sending);
		return refused;
	}

	/** A sink that floods leaves the others their room. */
	#rowsMaxOfSink(): number {
		return Math.max(1, Math.floor(this.#options.outboxRowsMax / this.#sendings.size));
	}

	/** Tells a sink again of what it was told, which is open still. The last reminder that waits is the one that is sent. */
	remind(sink: string, transition: Transition, reminder: number): void {
		const sending = this.#sendings.get(sink);
		if (sending === undefined || sending.lane.size >= this.#rowsMaxOfSink()) return;
		sending.lane.add(transition, reminder, this.#options.clock.now());
		this.#changed(sending);
	}

	/** An operator has dropped what is owed. Null: whatever the sink; whatever the key. What is in flight may arrive. */
	drop({ sink, key }: { readonly sink: string | null; readonly key: string | null }): void {
		for (const [name, sending] of this.#sendings) {
			if (sink !== null && sink !== name) continue;
			sending.lane.drop(key);
			this.#changed(sending);
		}
	}

	/**
	 * Resolves when nothing is pending; rejects with the signal's reason when aborted first.
	 *
	 * @param sink of that sink alone
	 */
	async idle(signal: AbortSignal, sink: string | null = null): Promise<void> {
		for (const [name, sending] of this.#sendings) {
			if (sink !== null && sink !== name) continue;
			while (sending.lane.size > 0) await called((wake) => sending.idleWaiters.push(wake), signal);
		}
	}

	/** Called with every tick: tells of sinks that have had a row for `hungAfterMs` without a word. */
	tellHung(): void {
		const { monoMs } = this.#options.clock.now();
		for (const { lane } of this.#sendings.values()) {
			if (lane.silentSinceMonoMs === null || monoMs - lane.silentSinceMonoMs < hungAfterMs) continue;
			lane.silentSinceMonoMs = monoMs;
			const detail = `no answer for ${hungAfterMs / 1000} s; this alert and those behind it wait`;
			this.#options.reporter.deliveryFailed(lane.sink.name, "hung", detail);
		}
	}

	/**
	 * Sends until the signal is aborted, then resolves; what is in flight is given up and stays owed.
	 *
	 * @throws whatever a sink throws that is no `OutsideError`: a bug
	 */
	async run(signal: AbortSignal): Promise<void> {
		// One lane's bug ends the others too: none of them may go on sending unobserved.
		const stop = new AbortController();
		const both = AbortSignal.any([signal, stop.signal]);
		const loops = [...this.#sendings.values()].map(async (sending) => {
			try {
				await this.#runLane(sending, both);
			} catch (error) {
				stop.abort(error);
				throw error;
			}
		});
		const ends = await Promise.allSettled(loops);
		const bug = ends.find((end) => end.status === "rejected");
		if (bug !== undefined) throw stop.signal.aborted ? stop.signal.reason : bug.reason;
	}

	async #runLane(sending: Sending, signal: AbortSignal): Promise<void> {
		const { lane } = sending;
		let failures = 0;
		while (!signal.aborted) {
			if (lane.size > 0) await this.#sleep(lane.waitMs(this.#options.clock.now().monoMs), signal);
			if (signal.aborted) return;
			const [first, ...others] = lane.next();
			this.#told(sending);
			if (first === undefined) {
				// Until rows are offered.
				await called((wake) => (sending.wake = wake), signal).catch((error) => unlessAborted(error, signal));
				sending.wake = null;
				continue;
			}
			const retry = await this.#try(lane, [first, ...others], signal);
			this.#told(sending);
			failures = retry === null ? 0 : failures + 1;
			if (retry !== null) await this.#pause(failures, retry.afterMs, signal);
		}
	}

	/** One try. Null: nothing of it has to be tried again. */
	async #try(lane: Lane, notices: readonly [Notice, ...Notice[]], signal: AbortSignal): Promise<Retry | null> {
		const { reporter, clock } = this.#options;
		lane.silentSinceMonoMs = clock.now().monoMs;
		try {
			await lane.sink.send(notices, signal);
		} catch (error) {
			if (signal.aborted) return null;
			if (!(error instanceof OutsideError)) throw error;
			return this.#failed(lane, notices, error);
		} finally {
			lane.silentSinceMonoMs = null;
			lane.sent(clock.now().monoMs);
		}
		for (const _ of notices) reporter.delivered(lane.sink.name);
		lane.settle(notices, deliveredToSink);
		return null;
	}

	#failed(lane: Lane, notices: readonly Notice[], error: OutsideError): Retry | null {
		const { reporter, clock } = this.#options;
		const detail = messageOf(error);
		const { name, givesUp } = lane.sink;
		reporter.deliveryFailed(name, error.retryable ? "retryable" : "final", detail);
		if (!error.retryable) {
			lane.settle(notices, { fate: "refused", detail });
			return null;
		}
		const old = givesUp ? lane.owedSinceBefore(notices, clock.now().wallMs - givenUpAfterMs) : [];
		for (const _ of old) reporter.deliveryFailed(name, "given_up", `after a day: ${detail}`);
		lane.settle(old, { fate: "given_up", detail });
		return { afterMs: error.retryAfterMs };
	}

	/** Ends early, without an error, when the signal is aborted. */
	async #pause(failures: number, retryAfterMs: number | null, signal: AbortSignal): Promise<void> {
		const ownMs = backoffMs(failures, retryBounds, this.#options.random);
		await this.#sleep(retryAfterMs === null ? ownMs : Math.max(retryAfterMs, retryBounds.minMs), signal);
	}

	async #sleep(ms: number, signal: AbortSignal): Promise<void> {
		if (ms > 0) await this.#options.clock.sleep(ms, signal).catch((error) => unlessAborted(error, signal));
	}

	/** There may be something to send. */
	#changed(sending: Sending): void {
		this.#told(sending);
		sending.wake?.();
	}

	/** There may be less to send. */
	#told(sending: Sending): void {
		const { lane, idleWaiters } = sending;
		this.#options.reporter.outboxPending(lane.sink.name, lane.size);
		if (lane.size > 0) return;
		sending.idleWaiters = [];
		for (const wake of idleWaiters) wake();
	}
}

interface Retry {
	/** When the receiver wants to be asked again; null: it did not say. */
	readonly afterMs: number | null;
}

function unlessAborted(error: unknown, signal: AbortSignal): void {
	if (!signal.aborted) throw error;
}
