import type { InquiryStage } from "./input.ts";
import type { Passed } from "./slot.ts";

/** The first of the two confirmations comes this long before the deadline. */
const eveMs = 10_000;

/** A beat that is due has come, and is stored as well, by so long after; on a very busy server it may take longer. */
const missedAfterMs = 15_000;

interface SilenceLimits {
	readonly cadenceMs: number | null;
	readonly suspectAfterMs: number;
	readonly dueAfterMs: number;
}

/** The counted silence up to which `nextQuestion` has none to ask. */
export function nothingAskedForMs(passed: Passed, limits: SilenceLimits): number {
	const { cadenceMs, suspectAfterMs, dueAfterMs } = limits;
	const suspectMs = Math.min(suspectAfterMs, dueAfterMs - eveMs);
	switch (passed) {
		case "nothing":
			return Math.min(suspectMs, (cadenceMs ?? Number.POSITIVE_INFINITY) + missedAfterMs);
		case "missed":
			return suspectMs;
		case "suspect":
			return dueAfterMs - eveMs;
		case "eve":
		case "due":
			return dueAfterMs;
	}
	return passed satisfies never;
}

/**
 * The question that a silence calls for now; null when it calls for none. Each stage is asked once a silence, in order,
 * so that a verdict has been confirmed twice even when the deadline had already passed (after a blind spell).
 */
export function nextQuestion(
	passed: Passed,
	countedMs: number,
	limits: SilenceLimits,
): Exclude<InquiryStage, "identify"> | null {
	const isSuspect = countedMs >= Math.min(limits.suspectAfterMs, limits.dueAfterMs - eveMs);
	switch (passed) {
		case "nothing": {
			if (isSuspect) return "suspect";
			return limits.cadenceMs !== null && countedMs >= limits.cadenceMs + missedAfterMs ? "missed" : null;
		}
		case "missed":
			return isSuspect ? "suspect" : null;
		case "suspect":
			return countedMs >= limits.dueAfterMs - eveMs ? "eve" : null;
		case "eve":
		case "due":
			return countedMs >= limits.dueAfterMs ? "due" : null;
	}
	return passed satisfies never;
}
