import { type BlindSpan, withSpan } from "./blindness.ts";

/** A restart that comes later finds the doubt settled, but for runs whose cadence is longer: they are rare. */
const rememberedMs = 15 * 60_000;

/**
 * The time before this process in which nobody listened. What the server stored in it has been read by the first
 * catch-up; but the server may have been away too, and its clients resend only at their next beat. So it stays blind
 * for one cadence of the run after the catch-up, though for no longer than it was: a short one hides no outage that
 * matters.
 */
export class Downtime {
	#span: BlindSpan | null = null;

	/** The first catch-up is in. @param fromMonoMs up to there an earlier process had seen everything; null: there was none */
	isOver(fromMonoMs: number | null, nowMonoMs: number): void {
		if (fromMonoMs !== null) this.#span = { fromMonoMs, untilMonoMs: nowMonoMs, cause: "socket" };
	}

	/** The spans, with this one as long as it may hide an outage from a run of this cadence. */
	addedTo(spans: readonly BlindSpan[], nowMonoMs: number, cadenceMs: number): readonly BlindSpan[] {
		if (this.#span === null) return spans;
		const { fromMonoMs, untilMonoMs } = this.#span;
		const isSettled = nowMonoMs - untilMonoMs >= Math.min(cadenceMs, untilMonoMs - fromMonoMs);
		return isSettled ? spans : withSpan(spans, this.#span);
	}

	/** Where a process that starts soon should think that nobody listened; null: nothing is in doubt any more. */
	doubtfulFrom(nowMonoMs: number): number | null {
		if (this.#span === null || nowMonoMs - this.#span.untilMonoMs >= rememberedMs) return null;
		return this.#span.fromMonoMs;
	}
}
