import type { Instant } from "../lib/clock.ts";
import type { Confirmation, Question } from "./confirmation.ts";
import type { Episodes } from "./episodes.ts";
import type { Family } from "./family.ts";
import type { Learning } from "./learning.ts";
import { Looks, looksMax } from "./looks.ts";
import type { RunTable } from "./run-table.ts";
import { isEvictable, type Slot } from "./slot.ts";
import type { Yardstick } from "./yardstick.ts";

export interface Round {
	readonly questions: readonly Question[];
	/** They have left the table. */
	readonly evictedRuns: readonly string[];
}

/** Looks, once a sweep, at the runs about which something may be to be done. */
export class Rounds {
	readonly #table: RunTable;
	readonly #family: Family;
	readonly #episodes: Episodes;
	readonly #confirmation: Confirmation;
	readonly #looks: Looks;

	constructor(parts: {
		table: RunTable;
		yardstick: Yardstick;
		learning: Learning;
		family: Family;
		episodes: Episodes;
		confirmation: Confirmation;
	}) {
		this.#table = parts.table;
		this.#family = parts.family;
		this.#episodes = parts.episodes;
		this.#confirmation = parts.confirmation;
		this.#looks = new Looks({ ...parts, looksMax });
	}

	/**
	 * @param atRun keeps a fault met at one run to that run
	 * @param mayLeave false: nobody leaves the table
	 */
	go(at: Instant, atRun: (slot: Slot, act: () => void) => void, mayLeave: boolean): Round {
		this.#looks.refresh();
		this.#looks.putOffUsual(at.monoMs);
		const questions: Question[] = [];
		const evictedRuns: string[] = [];
		for (const slot of this.#looks.due(at.monoMs)) {
			atRun(slot, () => {
				this.#episodes.closeWithTime(slot, at);
				const question = this.#confirmation.questionOf(slot, at);
				if (question === null) this.#looks.settle(slot);
				else questions.push(question);
			});
			if (!mayLeave || !isEvictable(slot, at.monoMs)) continue;
			const { runId } = slot.run;
			this.#family.forget(runId);
			this.#table.remove(runId);
			evictedRuns.push(runId);
		}
		return { questions, evictedRuns };
	}
}
