import type { TrippedGroup } from "./disruption-group.ts";
import { pipeHoldMs } from "./group-incident.ts";

/** Between two readings of the proof of life of one silence: what mapping it to the server's clock and back can do. */
export const sameSilenceMs = 5_000;

/** One run's silence, from its lapse in a tripped group on. Instants on our monotonic clock. */
export interface RunSilence {
	readonly aliveAtMonoMs: number;
	/** Last seen lapsed and without a verdict. */
	lapsedMonoMs: number;
	/** Null while nothing has held it: every hold was over before it lapsed. */
	held: { readonly sinceMonoMs: number; readonly untilMonoMs: number } | null;
	groupId: string | null;
	seenMonoMs: number;
}

/** A later proof of life begins another silence; A never goes back. */
export function isSame(silence: RunSilence, aliveAtMonoMs: number): boolean {
	return aliveAtMonoMs <= silence.aliveAtMonoMs + sameSilenceMs;
}

export function newSilence(aliveAtMonoMs: number): RunSilence {
	const never = Number.NEGATIVE_INFINITY;
	return { aliveAtMonoMs, lapsedMonoMs: never, held: null, groupId: null, seenMonoMs: never };
}

/** Moves the end of a hold that still runs; one that is over stays over. */
export function hold(silence: RunSilence, untilMonoMs: number, nowMonoMs: number): void {
	const { held } = silence;
	if (held === null ? untilMonoMs <= nowMonoMs : held.untilMonoMs <= nowMonoMs) return;
	const sinceMonoMs = held?.sinceMonoMs ?? nowMonoMs;
	silence.held = { sinceMonoMs, untilMonoMs: Math.min(untilMonoMs, sinceMonoMs + pipeHoldMs) };
}

/** Has this silence been seen lapsed in this group? */
export function isMember(silence: RunSilence, { openedAt }: TrippedGroup): boolean {
	return silence.lapsedMonoMs >= openedAt.monoMs;
}
