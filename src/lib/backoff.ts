import type { Random } from "./random.ts";

export interface BackoffBounds {
	readonly minMs: number;
	readonly maxMs: number;
}

/**
 * Full jitter over an exponential ceiling ("Exponential Backoff and Jitter", AWS Architecture Blog, 2015): uniform in
 * [minMs, min(maxMs, minMs * 2^failures)]. The floor keeps a client from hammering when chance is small.
 *
 * @param failures consecutive failures so far, 1 or more
 */
export function backoffMs(failures: number, bounds: BackoffBounds, random: Random): number {
	const ceilingMs = Math.min(bounds.maxMs, bounds.minMs * 2 ** Math.min(failures, 30));
	return bounds.minMs + random() * (ceilingMs - bounds.minMs);
}
