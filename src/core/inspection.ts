import type { Instant } from "../lib/clock.ts";
import { CoverageCount, plainStanding } from "./coverage-count.ts";
import type { Condition, Episode } from "./episode.ts";
import { type Explanation, type ExplanationOptions, explain, type Standing, standingOf } from "./explanation.ts";
import type { GroupIncident } from "./group-incident.ts";
import { actionFor, isWithin, type RemedyCase } from "./remedy-policy.ts";
import type { Run, RunLabels } from "./run.ts";
import { bits } from "./run-columns.ts";
import type { RunTable } from "./run-table.ts";
import type { Slot } from "./slot.ts";

/** Runs looked at in one go: a few milliseconds, then inputs have their turn. */
const inspectedRunsMax = 5_000;

/** Which runs are wanted; what is not said does not matter. */
export interface RunFilter {
	readonly standing: Standing | null;
	readonly condition: Condition | null;
	/** By its name or its id. */
	readonly deployment: string | null;
	readonly workPool: string | null;
	/** Its own. Memory keeps the names of few: those of flagged runs, and of runs that have not been stored yet. */
	readonly name: string | null;
}

export interface RunPage {
	readonly runs: readonly Explanation[];
	/** Where the next page begins; null: that was all. */
	readonly next: number | null;
}

/** For people who look: reads the table, and changes nothing. */
export class Inspection {
	readonly #table: RunTable;
	readonly #options: ExplanationOptions;

	constructor(table: RunTable, options: ExplanationOptions) {
		this.#table = table;
		this.#options = options;
	}

	get openEpisodes(): readonly Episode[] {
		return [...this.#table.openEpisodes()];
	}

	/** Told, and not over. */
	get openGroups(): readonly GroupIncident[] {
		return this.#options.groups.open;
	}

	/** What the table's columns and index take. */
	get tableBytes(): number {
		return this.#table.bytes;
	}

	/** Null: the run is not in memory. It is unknown, or has ended more than an hour ago. */
	explain(runId: string, at: Instant): Explanation | null {
		const slot = this.#table.get(runId);
		return slot === undefined ? null : explain(slot, this.#options, at);
	}

	/** Null: it is not in memory. */
	runOf(runId: string): Run | null {
		return this.#table.get(runId)?.run ?? null;
	}

	/** Open alerts that there is a remedy for, so many at most. */
	remedyCases(casesMax: number): readonly RemedyCase[] {
		const cases: RemedyCase[] = [];
		const { columns } = this.#table;
		for (const slot of this.#table.slotsFrom(0, (index) => columns.has(index, bits.episode))) {
			const one = this.#remedyCase(slot);
			if (one !== null && cases.push(one) >= casesMax) break;
		}
		return cases;
	}

	/** Null: it has no such alert. */
	remedyCaseOf(runId: string): RemedyCase | null {
		const slot = this.#table.get(runId);
		return slot === undefined ? null : this.#remedyCase(slot);
	}

	#remedyCase({ run, episode }: Slot): RemedyCase | null {
		if (episode === null || run.state === null || actionFor(episode, run.state.type) === null) return null;
		const { groups } = this.#options;
		const isInGroup = groups.groupIdOf(run) !== null || groups.open.some((incident) => isWithin(incident, run));
		return { episode, run, isInGroup };
	}

	/**
	 * The runs of a part of the table, as they match.
	 *
	 * @param from 0, or where the page before has ended
	 * @param runsMax at least 1
	 */
	page(filter: RunFilter, from: number, runsMax: number, at: Instant): RunPage {
		const runs: Explanation[] = [];
		let inspected = 0;
		for (const slot of this.#table.slotsFrom(from, candidatesOf(this.#table, filter))) {
			if (runs.length >= runsMax || inspected >= inspectedRunsMax) return { runs, next: slot.index };
			inspected += 1;
			if (matches(slot, filter, at)) runs.push(explain(slot, this.#options, at));
		}
		return { runs, next: null };
	}

	/** Of all runs but ended ones, by deployment and client version: nothing is counted yet. */
	coverage(): CoverageCount {
		return new CoverageCount(this.#table);
	}
}

/** What the columns alone tell, so that of a million runs only those are read that may match. */
function candidatesOf(
	{ columns }: RunTable,
	{ standing, condition, deployment, workPool, name }: RunFilter,
): (index: number) => boolean {
	const isOfPlace = (index: number): boolean => {
		if (name !== null && !columns.has(index, bits.ownLabels) && !columns.has(index, bits.episode)) return false;
		if (deployment === null && workPool === null) return true;
		return isOf(columns.surroundingsAt(index).labels, deployment, workPool);
	};
	const hasEpisode = (index: number): boolean => columns.has(index, bits.episode);
	if (condition !== null || standing === "flagged") return (index) => hasEpisode(index) && isOfPlace(index);
	if (standing === null) return isOfPlace;
	return (index) => {
		const plain = plainStanding(columns.flags[index] as number, columns.stateKinds[index] as number);
		return (plain === null || plain === standing) && isOfPlace(index);
	};
}

function isOf(labels: RunLabels, deployment: string | null, workPool: string | null): boolean {
	if (deployment !== null && deployment !== labels.deploymentName && deployment !== labels.deploymentId) return false;
	return workPool === null || workPool === labels.workPool;
}

function matches(slot: Slot, { standing, condition, deployment, workPool, name }: RunFilter, at: Instant): boolean {
	// What costs least first: only a run that may match is read.
	if (condition !== null && slot.episode?.condition !== condition) return false;
	if (standing !== null && standingOf(slot, at) !== standing) return false;
	if (name !== null && slot.run.labels.name !== name && slot.episode?.labels.name !== name) return false;
	return isOf(slot.run.labels, deployment, workPool);
}
