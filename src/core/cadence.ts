import type { CadenceSource } from "./episode.ts";

/** Nine beats give the eight deltas that a cadence is learned from. */
export const cadenceBeatsMax = 9;

/**
 * Prefect's minimum is 30 s between beats and a stall only lengthens an interval, so anything clearly shorter is a retry's
 * first beat, or two loops of one run, and says nothing of the cadence.
 */
const deltaMinMs = 25_000;

export interface Cadence {
	readonly tauMs: number | null;
	readonly source: CadenceSource;
}

/**
 * The newest distinct `occurred` of a run's beats, ascending. A set, not a sequence: the order in which beats arrive,
 * and how often each does, makes no difference.
 */
export function withOccurred(occurredMs: readonly number[], beatMs: number): readonly number[] {
	const after = occurredMs.findLastIndex((known) => known <= beatMs);
	if (occurredMs[after] === beatMs) return occurredMs;
	if (after === -1 && occurredMs.length >= cadenceBeatsMax) return occurredMs;
	return occurredMs.toSpliced(after + 1, 0, beatMs).slice(-cadenceBeatsMax);
}

/**
 * The time between a run's beats. Intervals are N plus non-negative noise, and a lost beat doubles one: so the second
 * smallest of three or more is the cadence, whereas a mean is inflated by every loss.
 */
export function cadenceOf(occurredMs: readonly number[]): Cadence {
	const deltasMs: number[] = [];
	for (const [index, beatMs] of occurredMs.entries()) {
		const previousMs = occurredMs[index - 1];
		if (previousMs !== undefined && beatMs - previousMs >= deltaMinMs) deltasMs.push(beatMs - previousMs);
	}
	deltasMs.sort((a, b) => a - b);
	const tauMs = deltasMs.length >= 3 ? deltasMs[1] : deltasMs[0];
	return tauMs === undefined ? { tauMs: null, source: "unknown" } : { tauMs, source: "learned" };
}
