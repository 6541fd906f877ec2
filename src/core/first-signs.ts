import { promptWithinMs } from "./habits.ts";
import type { BeatView, Run, StateView } from "./run.ts";

/** What a run's watching remembers for its deployment. Server's clock. */
export interface FirstSigns {
	/** The first RUNNING that was seen. */
	readonly runningAtMs: number | null;
	readonly firstBeatMs: number | null;
}

/**
 * First signs in three bits. Once both are known all that matters is whether the beat came promptly. Of a run that REST
 * showed amid its life the first beat alone is known, and its newest one stands for it: a RUNNING that is yet to come
 * is later than both.
 */
export const firstKinds = {
	none: 0,
	/** `runningAtMs` is the present state's. */
	running: 1,
	prompt: 2,
	tardy: 3,
	beaten: 4,
	/** Kept beside the columns. */
	apart: 5,
} as const;

const promptly: FirstSigns = { runningAtMs: 0, firstBeatMs: 0 };
const tardily: FirstSigns = { runningAtMs: 0, firstBeatMs: Number.POSITIVE_INFINITY };

export function kindOfFirst({ runningAtMs, firstBeatMs }: FirstSigns, { state, lastBeat }: Run): number {
	if (runningAtMs === null) {
		if (firstBeatMs === null) return firstKinds.none;
		return state === null || lastBeat?.receivedMs == null ? firstKinds.apart : firstKinds.beaten;
	}
	if (firstBeatMs !== null) {
		return firstBeatMs - runningAtMs <= promptWithinMs ? firstKinds.prompt : firstKinds.tardy;
	}
	return state?.timestampMs === runningAtMs ? firstKinds.running : firstKinds.apart;
}

/** @param kind any but `apart`; it was of this run, whose state and beat are there if it says so */
export function firstOfKind(kind: number, { state, lastBeat }: Run): FirstSigns {
	switch (kind) {
		case firstKinds.running:
			return { runningAtMs: (state as StateView).timestampMs, firstBeatMs: null };
		case firstKinds.prompt:
			return promptly;
		case firstKinds.tardy:
			return tardily;
		case firstKinds.beaten:
			return { runningAtMs: null, firstBeatMs: (lastBeat as BeatView).receivedMs };
		default:
			return { runningAtMs: null, firstBeatMs: null };
	}
}
