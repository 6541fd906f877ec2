import type { Clock, Instant } from "../../src/lib/clock.ts";

/** Time passes only in sleeps, and those at once: waits of an hour are tested in no time, and their lengths are seen. */
export class SkippingClock implements Clock {
	readonly sleptMs: number[] = [];
	#monoMs = 0;
	readonly #wallZeroMs: number;

	constructor(wallZeroMs = Date.UTC(2026, 10, 22)) {
		this.#wallZeroMs = wallZeroMs;
	}

	now(): Instant {
		return { monoMs: this.#monoMs, wallMs: this.#wallZeroMs + this.#monoMs };
	}

	async sleep(ms: number, signal: AbortSignal): Promise<void> {
		signal.throwIfAborted();
		this.sleptMs.push(ms);
		this.#monoMs += ms;
	}
}
