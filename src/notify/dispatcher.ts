import { isOfEpisode, type Transition } from "../core/episode.ts";
import { backoffMs } from "../lib/backoff.ts";
import type { Clock } from "../lib/clock.ts";
import { messageOf, OutsideError } from "../lib/errors.ts";
import type { Random } from "../lib/random.ts";
import type { Reporter } from "../observe/reporter.ts";
import { type Notice, noticeOf, type Sink } from "./sink.ts";

/** A committed outbox row: what is owed to whom. */
export interface Delivery {
	readonly sink: string;
	readonly transition: Transition;
}

export interface DeliveryKey {
	readonly sink: string;
	/** `Transition.key`. */
	readonly key: string;
}

export interface DispatcherOptions {
	readonly sinks: readonly Sink[];
	/** `limits.outboxRows`: rows held in memory, all sinks together. */
	readonly outboxRowsMax: number;
	/**
	 * The row is settled and must not be offered again: the sink has it, or has refused it for good (which the reporter
	 * was told). Whoever is told commits it.
	 */
	readonly delivered: (key: DeliveryKey) => void;
	readonly reporter: Reporter;
	readonly clock: Clock;
	readonly random: Random;
}

/** A receiver that is down for a while is found again within 5 minutes of its return. */
const retryBounds = { minMs: 1000, maxMs: 300_000 };
/**
 * An alert that its receiver has not taken so long after it happened is given up, and counted: nobody acts on it any more, and
 * those behind it wait. But for the alert log on stdout, which is the record.
 */
const givenUpAfterMs = 24 * 60 * 60_000;

/**
 * A receiver that takes the alert and does not answer is told after so long, and each time as long again. The delivery goes
 * on: whether a second one would be a repeated alert only the sink can know.
 */
const hungAfterMs = 60_000;

/** The deliveries owed to one sink, in order. */
interface Lane {
	readonly sink: Sink;
	/** By key: the order is that of insertion, and a row that is offered twice is sent once. */
	readonly rows: Map<string, Transition>;
	/** Wakes the loop that waits for rows; null while it is busy. */
	wake: (() => void) | null;
	/** Since when the sink has had a row without a word, or since that was told last; null: it has none. */
	silentSinceMonoMs: number | null;
}

/**
 * Sends committed outbox rows: for each sink one at a time and in order, so that a resolve never overtakes its raise. A
 * failure that may pass is tried again, when the receiver says or with full jitter, for a day (the alert log: for ever); one
 * that cannot pass is reported and settled. Sinks do not wait for one another.
 */
export class Dispatcher {
	readonly #options: DispatcherOptions;
	readonly #lanes: ReadonlyMap<string, Lane>;
	#idleWaiters: (() => void)[] = [];

	constructor(options: DispatcherOptions) {
		this.#options = options;
		for (const { name } of options.sinks) options.reporter.sinkConfigured(name);
		this.#lanes = new Map(
			options.sinks.map((sink) => [sink.name, { sink, rows: new Map(), wake: null, silentSinceMonoMs: null }]),
		);
	}

	/** Rows not settled yet, in flight included. */
	get pendingCount(): number {
		let count = 0;
		for (const lane of this.#lanes.values()) count += lane.rows.size;
		return count;
	}

	/**
	 * Takes rows over, oldest first; rows that are pending already, or for a sink that is not configured, are passed over.
	 *
	 * @returns how many found no room: they are still in the store, and have to be read from there once `idle` resolves
	 */
	offer(rows: readonly Delivery[]): number {
		let pending = this.pendingCount;
		let refused = 0;
		const touched = new Set<Lane>();
		for (const { sink, transition } of rows) {
			const lane = this.#lanes.get(sink);
			if (lane === undefined || lane.rows.has(transition.key)) continue;
			if (pending >= this.#options.outboxRowsMax) {
				refused += 1;
				this.#options.reporter.deliveryFailed(
					sink,
					"overflow",
					"the outbox in memory is full; the rest waits in the database",
				);
				continue;
			}
			lane.rows.set(transition.key, transition);
			pending += 1;
			touched.add(lane);
		}
		for (const lane of touched) {
			this.#reportPending(lane);
			lane.wake?.();
		}
		return refused;
	}

	/** Resolves when nothing is pending; rejects with the signal's reason when aborted first. */
	async idle(signal: AbortSignal): Promise<void> {
		while (this.pendingCount > 0) await called((wake) => this.#idleWaiters.push(wake), signal);
	}

	/** Called with every tick: tells of sinks that have had a row for `hungAfterMs` without a word. */
	tellHung(): void {
		const { monoMs } = this.#options.clock.now();
		for (const lane of this.#lanes.values()) {
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
		const loops = [...this.#lanes.values()].map(async (lane) => {
			try {
				await this.#runLane(lane, both);
			} catch (error) {
				stop.abort(error);
				throw error;
			}
		});
		const ends = await Promise.allSettled(loops);
		const bug = ends.find((end) => end.status === "rejected");
		if (bug !== undefined) throw stop.signal.aborted ? stop.signal.reason : bug.reason;
	}

	async #runLane(lane: Lane, signal: AbortSignal): Promise<void> {
		let failures = 0;
		while (!signal.aborted) {
			const [first, ...others] = firstOf(lane.rows, lane.sink.noticesMax);
			if (first === undefined) {
				await untilWoken(lane, signal);
				continue;
			}
			const all = [first, ...others] as const;
			const { settled, retryAfterMs } = await this.#try(lane, [noticeOf(first), ...others.map(noticeOf)], signal);
			for (const transition of all.slice(0, settled)) this.#settle(lane, transition);
			if (settled === all.length) failures = 0;
			else {
				failures += 1;
				await this.#pause(failures, retryAfterMs, signal);
			}
		}
	}

	/** One try. Of the notices as many as it says, from the first on, need not be tried again. */
	async #try(lane: Lane, notices: readonly [Notice, ...Notice[]], signal: AbortSignal): Promise<Tried> {
		const { reporter, clock } = this.#options;
		const { sink } = lane;
		lane.silentSinceMonoMs = clock.now().monoMs;
		try {
			await sink.send(notices, signal);
		} catch (error) {
			if (signal.aborted) return { settled: 0, retryAfterMs: null };
			if (!(error instanceof OutsideError)) throw error;
			return this.#failed(sink, notices, error);
		} finally {
			lane.silentSinceMonoMs = null;
		}
		for (const _ of notices) reporter.delivered(sink.name);
		return { settled: notices.length, retryAfterMs: null };
	}

	#failed(sink: Sink, notices: readonly Notice[], error: OutsideError): Tried {
		const { reporter, clock } = this.#options;
		const detail = messageOf(error);
		reporter.deliveryFailed(sink.name, error.retryable ? "retryable" : "final", detail);
		if (!error.retryable) return { settled: notices.length, retryAfterMs: null };
		const old = sink.givesUp ? tooOldOf(notices, clock.now().wallMs) : 0;
		for (const _ of notices.slice(0, old)) reporter.deliveryFailed(sink.name, "given_up", `after a day: ${detail}`);
		return { settled: old, retryAfterMs: error.retryAfterMs };
	}

	/** Ends early, without an error, when the signal is aborted. */
	async #pause(failures: number, retryAfterMs: number | null, signal: AbortSignal): Promise<void> {
		const { clock, random } = this.#options;
		const ownMs = backoffMs(failures, retryBounds, random);
		try {
			await clock.sleep(retryAfterMs === null ? ownMs : Math.max(retryAfterMs, retryBounds.minMs), signal);
		} catch (error) {
			if (!signal.aborted) throw error;
		}
	}

	#settle(lane: Lane, transition: Transition): void {
		lane.rows.delete(transition.key);
		this.#options.delivered({ sink: lane.sink.name, key: transition.key });
		this.#reportPending(lane);
		if (this.pendingCount > 0) return;
		const waiters = this.#idleWaiters;
		this.#idleWaiters = [];
		for (const wake of waiters) wake();
	}

	#reportPending(lane: Lane): void {
		this.#options.reporter.outboxPending(lane.sink.name, lane.rows.size);
	}
}

function firstOf(rows: ReadonlyMap<string, Transition>, rowsMax: number): Transition[] {
	const first: Transition[] = [];
	for (const transition of rows.values()) {
		first.push(transition);
		if (first.length >= rowsMax) break;
	}
	return first;
}

/** Our wall clock. */
function happenedAtMs(transition: Transition): number {
	if (isOfEpisode(transition)) return transition.episode.closed?.atMs ?? transition.episode.raisedAtMs;
	return transition.incident.closed?.atMs ?? transition.incident.openedAtMs;
}

interface Tried {
	readonly settled: number;
	readonly retryAfterMs: number | null;
}

/** How many from the first on are. */
function tooOldOf(notices: readonly Notice[], wallMs: number): number {
	const young = notices.findIndex(({ transition }) => wallMs - happenedAtMs(transition) <= givenUpAfterMs);
	return young === -1 ? notices.length : young;
}

/** Until rows are offered, or the signal is aborted. */
async function untilWoken(lane: Lane, signal: AbortSignal): Promise<void> {
	try {
		await called((wake) => {
			lane.wake = wake;
		}, signal);
	} catch (error) {
		if (!signal.aborted) throw error;
	} finally {
		lane.wake = null;
	}
}

/** Resolves when the function handed to `arm` is called; rejects with the signal's reason when aborted first. */
async function called(arm: (wake: () => void) => void, signal: AbortSignal): Promise<void> {
	signal.throwIfAborted();
	const { promise, resolve, reject } = Promise.withResolvers<void>();
	const onAbort = (): void => reject(signal.reason);
	signal.addEventListener("abort", onAbort, { once: true });
	arm(resolve);
	try {
		await promise;
	} finally {
		signal.removeEventListener("abort", onAbort);
	}
}
