import type { RunRow } from "../core/record.ts";
import { isTerminal } from "../core/run.ts";
import type { Changes } from "./changes.ts";

/** Rows that one batch deletes: a few milliseconds of the thread; the others go with the next ones. */
const forgottenRunsMax = 500;

/** Runs that have left memory, and what that means for their rows in the store. */
export class LeftRuns {
	/** Since the commit in flight began. */
	readonly #sinceCommit = new Set<string>();
	/** Their rows are to go: as many at most as are stored. */
	readonly #forgotten = new Set<string>();

	note({ evictedRuns, forgottenRuns }: Pick<Changes, "evictedRuns" | "forgottenRuns">): void {
		for (const runId of evictedRuns) this.#sinceCommit.add(runId);
		for (const runId of forgottenRuns) this.#forgotten.add(runId);
	}

	commitBegins(): void {
		this.#sinceCommit.clear();
	}

	/**
	 * Has the run left since its row was given to the commit that has ended now? Should it be back, it knows less than was
	 * written. A row that was stored too late to be forgotten with its run goes now; one of an ended run stays.
	 */
	hasLeft({ runId, state }: RunRow): boolean {
		if (!this.#sinceCommit.has(runId)) return false;
		if (state === null || !isTerminal(state.type)) this.#forgotten.add(runId);
		return true;
	}

	takeForgotten(): readonly string[] {
		const taken = [...this.#forgotten].slice(0, forgottenRunsMax);
		for (const runId of taken) this.#forgotten.delete(runId);
		return taken;
	}

	/** The store has failed. */
	notForgotten(runs: Iterable<{ readonly runId: string }>): void {
		for (const { runId } of runs) this.#forgotten.add(runId);
	}
}
