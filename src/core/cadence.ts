import type { CadenceSource } from "./episode.ts";
import { usOf } from "./micros.ts";

/** Nine beats give the eight deltas that a cadence is learned from. */
export const cadenceBeatsMax = 9;

/**
 * Prefect's minimum is 30 s between beats and a stall only lengthens an interval, so anything clearly shorter is a retry's
 * first beat, or two loops of one run, and says nothing of the cadence.
 */
export const deltaMinMs = 25_000;
/** From so many on a run's own intervals speak for themselves. */
export const ownIntervalsMin = 3;
/** An interval this near to a multiple of the prior is the prior, with the beats between lost. */
const priorTolerance = 0.05;
/** One whole interval, and those with one or two beats lost. */
const priorMultiples = [1, 2, 3] as const;

export interface Cadence {
	readonly tauMs: number | null;
	readonly source: CadenceSource;
}

/** What a run's own beats say of its cadence. */
export interface OwnCadence {
	readonly tauMs: number;
	/** How many intervals it was taken from: 1 to 8. */
	readonly intervals: number;
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
 * The time between a run's beats, by these beats alone. Intervals are N plus non-negative noise, and a lost beat doubles
 * one: so the second smallest of three or more is the cadence, whereas a mean is inflated by every loss. Of one or two
 * it is the smallest. Null without an interval of 25 s.
 *
 * @param occurredMs distinct, ascending; all of them count
 */
export function ownCadence(occurredMs: readonly number[]): OwnCadence | null {
	return seenIn(occurredMs).own;
}

interface Seen {
	readonly own: OwnCadence | null;
	readonly settled: Cadence | null;
}

/** A sweep asks several times for each run, and a ring changes with a beat only. */
const seen = new WeakMap<readonly number[], Seen>();

function seenIn(occurredMs: readonly number[]): Seen {
	const known = seen.get(occurredMs);
	if (known !== undefined) return known;
	const own = computedCadence(occurredMs);
	const isSettled = own !== null && own.intervals >= ownIntervalsMin;
	const computed: Seen = { own, settled: isSettled ? { tauMs: own.tauMs, source: "learned" } : null };
	seen.set(occurredMs, computed);
	return computed;
}

function computedCadence(occurredMs: readonly number[]): OwnCadence | null {
	const deltasMs: number[] = [];
	for (const [index, beatMs] of occurredMs.entries()) {
		const previousMs = occurredMs[index - 1];
		if (previousMs === undefined) continue;
		// In whole microseconds, as the run table keeps them: both are to say the same.
		const deltaMs = (usOf(beatMs) - usOf(previousMs)) / 1000;
		if (deltaMs >= deltaMinMs) deltasMs.push(deltaMs);
	}
	deltasMs.sort((a, b) => a - b);
	const tauMs = deltasMs.length >= ownIntervalsMin ? deltasMs[1] : deltasMs[0];
	return tauMs === undefined ? null : { tauMs, intervals: deltasMs.length };
}

/** The cadence of a run whose own intervals are enough, so that no prior matters to `cadenceOf`; null for the others. */
export function settledCadence(occurredMs: readonly number[]): Cadence | null {
	return seenIn(occurredMs).settled;
}

/**
 * The time between a run's beats, with what is firmly known of its deployment where its own intervals are too few: one
 * or two of them may both have lost beats in them, and none says nothing.
 *
 * @param firmPriorMs `Priors.firmPrior`; matters for fewer than three intervals only
 */
export function cadenceOf(occurredMs: readonly number[], firmPriorMs: number | null): Cadence {
	const { own, settled } = seenIn(occurredMs);
	return settled ?? unsettledCadence(own, firmPriorMs);
}

/** The same for a run of fewer than three intervals. */
export function unsettledCadence(own: { readonly tauMs: number } | null, firmPriorMs: number | null): Cadence {
	if (firmPriorMs === null) {
		return own === null ? { tauMs: null, source: "unknown" } : { tauMs: own.tauMs, source: "learned" };
	}
	// Where they disagree the longer is believed: it only delays a verdict, and three intervals settle it.
	if (own !== null && own.tauMs > firmPriorMs && !isMultiple(own.tauMs, firmPriorMs)) {
		return { tauMs: own.tauMs, source: "learned" };
	}
	return { tauMs: firmPriorMs, source: "prior" };
}

function isMultiple(deltaMs: number, priorMs: number): boolean {
	return priorMultiples.some((times) => Math.abs(deltaMs - times * priorMs) <= priorTolerance * times * priorMs);
}
