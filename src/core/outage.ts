import type { BlindSpan } from "./blindness.ts";

/** An outage of the server: socket and REST are both away. */
export class Outage {
	#open: { readonly sinceMonoMs: number; endedMonoMs: number | null } | null = null;

	get isOpen(): boolean {
		return this.#open !== null;
	}

	/** Begins, or takes back that it has ended. */
	goesOn(coveredUntilMonoMs: number): void {
		this.#open = { sinceMonoMs: this.#open?.sinceMonoMs ?? coveredUntilMonoMs, endedMonoMs: null };
	}

	/** REST is back; it is over for good when what came since has been read. */
	restIsBack(nowMonoMs: number): void {
		if (this.#open !== null) this.#open.endedMonoMs ??= nowMonoMs;
	}

	/** What is known up to then says nothing of the time after REST came back. */
	lasts(coveredMonoMs: number): boolean {
		return this.#open !== null && coveredMonoMs < (this.#open.endedMonoMs ?? Number.POSITIVE_INFINITY);
	}

	/** Null when there was none. */
	take(nowMonoMs: number): BlindSpan | null {
		if (this.#open === null) return null;
		const { sinceMonoMs, endedMonoMs } = this.#open;
		this.#open = null;
		return { fromMonoMs: sinceMonoMs, untilMonoMs: endedMonoMs ?? nowMonoMs, cause: "server_outage" };
	}
}
