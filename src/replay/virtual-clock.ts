import type { Clock, Instant } from "../lib/clock.ts";

interface Sleeper {
	readonly untilMs: number;
	readonly order: number;
	readonly wake: () => void;
}

/** Time that moves only when it is told to. Both clocks run alike: the monotonic one counts from the beginning. */
export class VirtualClock implements Clock {
	readonly #startsMs: number;
	#nowMs: number;
	#order = 0;
	readonly #sleepers = new Set<Sleeper>();

	/** @param startsMs wall clock at the beginning, milliseconds since the epoch */
	constructor(startsMs: number) {
		this.#startsMs = startsMs;
		this.#nowMs = startsMs;
	}

	now(): Instant {
		return { wallMs: this.#nowMs, monoMs: this.#nowMs - this.#startsMs };
	}

	async sleep(ms: number, signal: AbortSignal): Promise<void> {
		signal.throwIfAborted();
		const { promise, resolve, reject } = Promise.withResolvers<void>();
		const sleeper: Sleeper = { untilMs: this.#nowMs + ms, order: this.#order++, wake: resolve };
		const onAbort = () => reject(signal.reason);
		this.#sleepers.add(sleeper);
		signal.addEventListener("abort", onAbort, { once: true });
		try {
			await promise;
		} finally {
			this.#sleepers.delete(sleeper);
			signal.removeEventListener("abort", onAbort);
		}
	}

	/** When the first sleeper wakes; infinity when nobody sleeps. Wall clock. */
	get nextWakeMs(): number {
		let nextMs = Number.POSITIVE_INFINITY;
		for (const sleeper of this.#sleepers) nextMs = Math.min(nextMs, sleeper.untilMs);
		return nextMs;
	}

	/** Moves to `ms` (never back) and wakes those whose time has come, the earliest first. */
	advanceTo(ms: number): void {
		this.#nowMs = Math.max(this.#nowMs, ms);
		const due = [...this.#sleepers].filter((sleeper) => sleeper.untilMs <= this.#nowMs);
		due.sort((a, b) => a.untilMs - b.untilMs || a.order - b.order);
		for (const sleeper of due) {
			this.#sleepers.delete(sleeper);
			sleeper.wake();
		}
	}
}
