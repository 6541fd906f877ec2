import type { Clock } from "../lib/clock.ts";
import type { JobName, Reporter } from "../observe/reporter.ts";

/** Something done again and again. */
export interface Job {
	readonly name: JobName;
	/** From one start to the next; at least the slot of a second. */
	readonly everyMs: number;
	/** Never called again before it has settled. Rejecting is a bug, and ends the daemon. */
	run(signal: AbortSignal): Promise<void>;
}

interface Running {
	readonly job: Job;
	startedMonoMs: number;
	busy: boolean;
}

/** A slot may fire this much early by the monotonic clock, since cron fires by the wall clock's seconds. */
const slotToleranceMs = 500;

/** Where the slots of a second come from: cron-slots.ts, or a virtual clock. */
export interface Slots {
	/** Calls `fire` once a second from now on. What it gives back ends that: after it has resolved nothing fires. */
	start(fire: () => void): () => Promise<void>;
}

export interface ScheduleOptions {
	readonly slots: Slots;
	readonly reporter: Reporter;
	readonly clock: Clock;
}

/**
 * Starts jobs in slots of one second. A job that is still busy when its next slot comes misses it: counted, never run
 * twice at once.
 */
export class Schedule {
	readonly #running: readonly Running[];
	readonly #slots: Slots;
	readonly #reporter: Reporter;
	readonly #clock: Clock;

	constructor(jobs: readonly Job[], { slots, reporter, clock }: ScheduleOptions) {
		this.#running = jobs.map((job) => ({ job, startedMonoMs: Number.NEGATIVE_INFINITY, busy: false }));
		this.#slots = slots;
		this.#reporter = reporter;
		this.#clock = clock;
	}

	/** Resolves when the signal aborts and every started job has settled; rejects when a job does, and aborts the others. */
	async run(signal: AbortSignal): Promise<void> {
		const failed = new AbortController();
		const running = AbortSignal.any([signal, failed.signal]);
		const started = new Set<Promise<void>>();
		const { promise: over, resolve, reject } = Promise.withResolvers<void>();
		const fire = () => {
			for (const one of this.#running) {
				const work = this.#fire(one, running)?.catch((error: unknown) => {
					reject(error);
					failed.abort();
				});
				if (work === undefined) continue;
				started.add(work);
				void work.finally(() => started.delete(work));
			}
		};
		const stop = this.#slots.start(fire);
		signal.addEventListener("abort", () => resolve(), { once: true });
		if (signal.aborted) resolve();
		try {
			await over;
		} finally {
			await stop();
			await Promise.all(started);
		}
	}

	#fire(running: Running, signal: AbortSignal): Promise<void> | undefined {
		if (signal.aborted) return undefined;
		const nowMonoMs = this.#clock.now().monoMs;
		if (nowMonoMs - running.startedMonoMs < running.job.everyMs - slotToleranceMs) return undefined;
		running.startedMonoMs = nowMonoMs;
		if (running.busy) {
			this.#reporter.scheduleMissed(running.job.name);
			return undefined;
		}
		running.busy = true;
		return running.job.run(signal).finally(() => {
			running.busy = false;
		});
	}
}
