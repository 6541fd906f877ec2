import type { Instant } from "../lib/clock.ts";
import type { Condition } from "./episode.ts";
import { type Explanation, type ExplanationOptions, explain, type Standing, standingOf } from "./explanation.ts";
import type { GroupIncident } from "./group-incident.ts";
import type { RunLabels } from "./run.ts";
import { bits, passedShift } from "./run-columns.ts";
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
}

export interface RunPage {
	readonly runs: readonly Explanation[];
	/** Where the next page begins; null: that was all. */
	readonly next: number | null;
}

/** How the runs of one deployment, with one client version, stand. Null: not told. */
export interface CoverageRow {
	readonly deploymentId: string | null;
	readonly deploymentName: string | null;
	readonly flowName: string | null;
	readonly clientVersion: string | null;
	readonly standings: Readonly<Partial<Record<Standing, number>>>;
}

/** For people who look: reads the table, and changes nothing. */
export class Inspection {
	readonly #table: RunTable;
	readonly #options: ExplanationOptions;

	constructor(table: RunTable, options: ExplanationOptions) {
		this.#table = table;
		this.#options = options;
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

	/**
	 * The runs of a part of the table, as they match.
	 *
	 * @param from 0, or where the page before has ended
	 * @param runsMax at least 1
	 */
	page(filter: RunFilter, from: number, runsMax: number, at: Instant): RunPage {
		const runs: Explanation[] = [];
		let inspected = 0;
		for (const slot of this.#table.slotsFrom(from, candidatesOf(filter))) {
			if (runs.length >= runsMax || inspected >= inspectedRunsMax) return { runs, next: slot.index };
			inspected += 1;
			if (matches(slot, filter, at)) runs.push(explain(slot, this.#options, at));
		}
		return { runs, next: null };
	}

	/**
	 * Counts a part of the table. @param rows by `coverageKey`: added to
	 * @returns where the next part begins; null: that was all
	 */
	countCoverage(rows: Map<string, CoverageRow>, from: number, at: Instant): number | null {
		let inspected = 0;
		for (const slot of this.#table.slotsFrom(from, () => true)) {
			if (inspected >= inspectedRunsMax) return slot.index;
			inspected += 1;
			const standing = standingOf(slot, at);
			if (standing !== "ended") addTo(rows, slot.run.labels, standing);
		}
		return null;
	}
}

/** By its flags alone: of a million runs a few are flagged or silent. */
function candidatesOf({ standing, condition }: RunFilter): (flags: number) => boolean {
	if (condition !== null || standing === "flagged") return (flags) => (flags & bits.episode) !== 0;
	if (standing === "suspect" || standing === "overdue") return (flags) => ((flags >>> passedShift) & 7) !== 0;
	return () => true;
}

function matches(slot: Slot, { standing, condition, deployment, workPool }: RunFilter, at: Instant): boolean {
	const { labels } = slot.run;
	if (standing !== null && standingOf(slot, at) !== standing) return false;
	if (condition !== null && slot.episode?.condition !== condition) return false;
	if (deployment !== null && deployment !== labels.deploymentName && deployment !== labels.deploymentId) return false;
	return workPool === null || workPool === labels.workPool;
}

function addTo(rows: Map<string, CoverageRow>, labels: RunLabels, standing: Standing): void {
	const { deploymentId, deploymentName, flowName, clientVersion } = labels;
	const key = JSON.stringify([deploymentId ?? flowName, clientVersion]);
	const known = rows.get(key);
	const standings = { ...known?.standings, [standing]: (known?.standings[standing] ?? 0) + 1 };
	rows.set(key, { deploymentId, deploymentName, flowName, clientVersion, standings });
}
