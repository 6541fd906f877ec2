import type { Instant } from "../lib/clock.ts";
import type { Family } from "./family.ts";
import type { RunRow } from "./record.ts";
import { hasEnded } from "./run.ts";
import type { RunTable } from "./run-table.ts";
import { endedKeptMs, type Slot } from "./slot.ts";
import type { UnconfirmedRuns } from "./unconfirmed-runs.ts";

/** Since the last time they were taken. */
export interface Departed {
	/** Runs that have left memory. */
	readonly evictedRuns: readonly string[];
	/** Of stored runs, those that have not ended, and that the server does not know, or nobody but events has told of. */
	readonly forgottenRuns: readonly string[];
	/** Runs that left because too many were unconfirmed. */
	readonly unconfirmedDropped: number;
}

/** Runs that leave the table, and what is to be done about where else they are known. */
export class Departures {
	readonly #table: RunTable;
	readonly #family: Family;
	readonly #unconfirmed: UnconfirmedRuns;
	#evicted: string[] = [];
	#forgotten: string[] = [];
	#dropped = 0;

	constructor(parts: { table: RunTable; family: Family; unconfirmed: UnconfirmedRuns }) {
		this.#table = parts.table;
		this.#family = parts.family;
		this.#unconfirmed = parts.unconfirmed;
	}

	/** The run of this row leaves; one that has ended stays in the store until retention. */
	leave(slot: Slot): void {
		const { index, run } = slot;
		if (!hasEnded(run) && this.#table.storedPlaces.versionAt(index) > 0) this.#forgotten.push(run.runId);
		this.#evicted.push(run.runId);
		this.#family.forget(run.runId);
		this.#unconfirmed.forget(index);
		this.#table.remove(run.runId);
	}

	/** An event told of the run; of those that REST has never told of as many leave as are too many. */
	heard(slot: Slot, isNew: boolean): void {
		if (!isNew && !this.#unconfirmed.has(slot.index)) return;
		this.#unconfirmed.heard(slot);
		for (let index = this.#unconfirmed.excess(); index !== -1; index = this.#unconfirmed.excess()) {
			this.leave(this.#table.at(index));
			this.#dropped += 1;
		}
	}

	/** REST told of the run. */
	confirmed({ index }: Slot): void {
		this.#unconfirmed.forget(index);
	}

	/** A run is stored that the server does not know. It is not taken up, and goes when it would have left memory. */
	turnAway({ runId, endedAtMs }: Pick<RunRow, "runId" | "endedAtMs">, at: Instant): void {
		if (at.wallMs - (endedAtMs ?? at.wallMs) > endedKeptMs) this.#forgotten.push(runId);
	}

	take(): Departed {
		const departed = {
			evictedRuns: this.#evicted,
			forgottenRuns: this.#forgotten,
			unconfirmedDropped: this.#dropped,
		};
		this.#evicted = [];
		this.#forgotten = [];
		this.#dropped = 0;
		return departed;
	}
}
