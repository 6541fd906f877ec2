import type { Instant } from "../lib/clock.ts";
import { type Standing, standingOf, standingOfPassed } from "./explanation.ts";
import { bits, passedShift } from "./run-columns.ts";
import type { RunTable } from "./run-table.ts";
import { passedOf } from "./slot.ts";
import type { Surroundings } from "./surroundings.ts";

/** Runs counted in one go, of which nearly all cost some nanoseconds: a few milliseconds, then inputs have their turn. */
const countedRunsMax = 250_000;
/** Of these, the ones that have to be read whole, at a microsecond or two. */
const readRunsMax = 5_000;

/** How the runs of one deployment, with one client version, stand. Null: not told. */
export interface CoverageRow {
	readonly deploymentId: string | null;
	readonly deploymentName: string | null;
	readonly flowName: string | null;
	readonly clientVersion: string | null;
	readonly standings: Readonly<Partial<Record<Standing, number>>>;
}

interface Counted extends CoverageRow {
	deploymentName: string | null;
	flowName: string | null;
	readonly standings: Partial<Record<Standing, number>>;
}

/** Counts all runs but ended ones, a part of the table at a time. */
export class CoverageCount {
	readonly #table: RunTable;
	readonly #rows = new Map<string, Counted>();
	/** The row that runs of these surroundings belong to, by their place in the table of them. */
	readonly #places: { readonly surroundings: Surroundings; readonly row: Counted }[] = [];
	#next = 0;

	constructor(table: RunTable) {
		this.#table = table;
	}

	/** As far as has been counted. */
	get rows(): readonly CoverageRow[] {
		return [...this.#rows.values()];
	}

	/** @returns false: that was all */
	countPart(at: Instant): boolean {
		const { columns } = this.#table;
		const end = Math.min(columns.end, this.#next + countedRunsMax);
		let read = 0;
		while (this.#next < end && read < readRunsMax) {
			const index = this.#next++;
			const flags = columns.flags[index] as number;
			if (flags === 0) continue;
			let standing = plainStanding(flags, columns.stateKinds[index] as number);
			if (standing === null) {
				read += 1;
				standing = standingOf(this.#table.at(index), at);
			}
			if (standing !== "ended") this.#add(columns.surroundings[index] as number, standing);
		}
		return this.#next < columns.end;
	}

	#add(place: number, standing: Standing): void {
		const surroundings = this.#table.columns.shared.at(place);
		// A place whose runs have all gone may be another's since the last part.
		if (this.#places[place]?.surroundings !== surroundings)
			this.#places[place] = { surroundings, row: this.#rowOf(surroundings) };
		const { standings } = (this.#places[place] as { readonly row: Counted }).row;
		standings[standing] = (standings[standing] ?? 0) + 1;
	}

	#rowOf({ labels: { deploymentId, deploymentName, flowName, clientVersion } }: Surroundings): Counted {
		const key = JSON.stringify([deploymentId ?? flowName, clientVersion]);
		const known = this.#rows.get(key);
		if (known !== undefined) {
			// Heartbeats do not name their deployment: what any of its runs tells is good for all.
			known.deploymentName ??= deploymentName;
			known.flowName ??= flowName;
			return known;
		}
		const row = { deploymentId, deploymentName, flowName, clientVersion, standings: {} };
		this.#rows.set(key, row);
		return row;
	}
}

/** What `standingOf` says, from the columns alone; null: the run has to be read. */
export function plainStanding(flags: number, stateKind: number): Standing | null {
	if ((flags & (bits.whole | bits.rare)) !== 0) return null;
	if ((flags & bits.armed) !== 0) return standingOfPassed(passedOf((flags >>> passedShift) & 7));
	if ((flags & bits.ended) !== 0) return "ended";
	if ((flags & bits.shouldBeat) !== 0) return "unmonitored";
	return stateKind === 0 ? null : "idle";
}
