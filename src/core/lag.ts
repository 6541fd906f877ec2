import type { BlindSpan } from "./blindness.ts";

const lagBlindMs = 30_000;
const lagClearMs = 10_000;
/** A lag that no further late event confirms has ended. */
const lagForgottenMs = 60_000;

/** Whether live events come late: from more than 30 s until less than 10 s. */
export class Lag {
	#open: { readonly sinceMonoMs: number; lastLateMonoMs: number } | null = null;
	#lastPromptMonoMs = Number.NEGATIVE_INFINITY;

	/** Null while events come in time. */
	get sinceMonoMs(): number | null {
		return this.#open?.sinceMonoMs ?? null;
	}

	/** @returns whether lag begins with this event */
	begins(nowMonoMs: number, lagMs: number): boolean {
		if (lagMs <= lagClearMs) this.#lastPromptMonoMs = nowMonoMs;
		else if (this.#open !== null) this.#open.lastLateMonoMs = nowMonoMs;
		else if (lagMs > lagBlindMs) {
			this.#open = { sinceMonoMs: Math.max(nowMonoMs - lagMs, this.#lastPromptMonoMs), lastLateMonoMs: nowMonoMs };
			return true;
		}
		return false;
	}

	/** @returns the lag that is over: an event came in time since, or none came late for long; null: there is none */
	takeEnded(nowMonoMs: number): BlindSpan | null {
		if (this.#open === null) return null;
		const { sinceMonoMs, lastLateMonoMs } = this.#open;
		if (this.#lastPromptMonoMs < lastLateMonoMs && nowMonoMs - lastLateMonoMs <= lagForgottenMs) return null;
		this.#open = null;
		return { fromMonoMs: sinceMonoMs, untilMonoMs: nowMonoMs, cause: "lag" };
	}
}
