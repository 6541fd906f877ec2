import { setTimeout as delay } from "node:timers/promises";

/**
 * One reading of both clocks, taken at the same moment. Elapsed time is judged on `monoMs` only: the wall clock is
 * stepped by operators and NTP, and serves records alone.
 */
export interface Instant {
	/** Milliseconds on a monotonic clock with an arbitrary zero (negative for instants before the process started). */
	readonly monoMs: number;
	/** Milliseconds since the Unix epoch on this machine's wall clock. */
	readonly wallMs: number;
}

/** The only source of time outside tests, replay and simulation. Always passed in, never a default. */
export interface Clock {
	now(): Instant;
	/** Resolves after `ms`; rejects with the signal's reason when aborted first. */
	sleep(ms: number, signal: AbortSignal): Promise<void>;
}

export const systemClock: Clock = {
	now: () => ({ monoMs: performance.now(), wallMs: Date.now() }),
	sleep: async (ms, signal) => {
		await delay(ms, undefined, { signal });
	},
};
