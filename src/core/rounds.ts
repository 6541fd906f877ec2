import type { Instant } from "../lib/clock.ts";
import type { Confirmation, Question } from "./confirmation.ts";
import type { Departures } from "./departures.ts";
import type { Episodes } from "./episodes.ts";
import type { Learning } from "./learning.ts";
import { Looks, looksMax } from "./looks.ts";
import type { RunTable } from "./run-table.ts";
import { isEvictable, type Slot } from "./slot.ts";
import type { UnconfirmedRuns } from "./unconfirmed-runs.ts";
import type { Yardstick } from "./yardstick.ts";

/** Looks, once a sweep, at the runs about which something may be to be done. */
export class Rounds {
	readonly #departures: Departures;
	readonly #episodes: Episodes;
	readonly #confirmation: Confirmation;
	readonly #looks: Looks;

	constructor(parts: {
		table: RunTable;
		yardstick: Yardstick;
		learning: Learning;
		departures: Departures;
		unconfirmed: UnconfirmedRuns;
		episodes: Episodes;
		confirmation: Confirmation;
	}) {
		this.#departures = parts.departures;
		this.#episodes = parts.episodes;
		this.#confirmation = parts.confirmation;
		this.#looks = new Looks({ ...parts, looksMax });
	}

	/**
	 * @param atRun keeps a fault met at one run to that run
	 * @param mayLeave false: nobody leaves the table
	 * @returns what is to be asked
	 */
	go(at: Instant, atRun: (slot: Slot, act: () => void) => void, mayLeave: boolean): readonly Question[] {
		this.#looks.refresh();
		this.#looks.putOffUsual(at.monoMs);
		const questions: Question[] = [];
		for (const slot of this.#looks.due(at.monoMs)) {
			atRun(slot, () => {
				this.#episodes.closeWithTime(slot, at);
				const question = this.#confirmation.questionOf(slot, at);
				if (question === null) this.#looks.settle(slot);
				else questions.push(question);
			});
			if (mayLeave && isEvictable(slot, at.monoMs)) this.#departures.leave(slot);
		}
		return questions;
	}
}
