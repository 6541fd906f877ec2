/** Why a beat could not have been heard: see `observation.ts`, which decides. */
export const blindCauses = ["socket", "own_pause", "silent_stream", "lag", "server_outage"] as const;
export type BlindCause = (typeof blindCauses)[number];

/** A span of our monotonic clock in which silence does not count. */
export interface BlindSpan {
	readonly fromMonoMs: number;
	readonly untilMonoMs: number;
	readonly cause: BlindCause;
}

/** Enough for a week of bad nights; beyond it the two oldest become one, which errs towards patience. */
const blindSpansMax = 64;

/** Adds a span, in order of beginning. */
export function withSpan(spans: readonly BlindSpan[], span: BlindSpan): readonly BlindSpan[] {
	if (span.untilMonoMs <= span.fromMonoMs) return spans;
	const sorted = [...spans, span].sort((a, b) => a.fromMonoMs - b.fromMonoMs);
	const [oldest, second, ...rest] = sorted;
	if (sorted.length <= blindSpansMax || oldest === undefined || second === undefined) return sorted;
	return [
		{
			...second,
			fromMonoMs: oldest.fromMonoMs,
			untilMonoMs: Math.max(oldest.untilMonoMs, second.untilMonoMs),
		},
		...rest,
	];
}

/**
 * How much of [fromMonoMs, nowMonoMs] was blind, overlaps counted once.
 *
 * @param spans ordered by their beginning
 * @param cadenceMs the run's: after an outage of the server its client resends only at its next beat, so that an outage
 *   lasts one cadence longer for the run
 */
export function blindMs(spans: readonly BlindSpan[], fromMonoMs: number, nowMonoMs: number, cadenceMs: number): number {
	let totalMs = 0;
	let countedUntilMs = fromMonoMs;
	for (const span of spans) {
		const extraMs = span.cause === "server_outage" ? cadenceMs : 0;
		const startMs = Math.max(span.fromMonoMs, countedUntilMs);
		const endMs = Math.min(span.untilMonoMs + extraMs, nowMonoMs);
		if (endMs <= startMs) continue;
		totalMs += endMs - startMs;
		countedUntilMs = endMs;
	}
	return totalMs;
}
