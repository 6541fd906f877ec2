import type { GroupKind } from "./group-incident.ts";

/** What the mass-lapse rules need of an armed run. Read at once and never kept: the caller may reuse one object. */
export interface ArmedRun {
	readonly runId: string;
	/** The proof of life A, our monotonic clock. */
	readonly aliveAtMonoMs: number;
	/** When this silence began on the server's clock: `silenceAnchorMs`. */
	readonly anchorMs: number;
	/** The run's cadence; while it is unknown the slowest plausible one. */
	readonly cadenceMs: number;
	readonly workPool: string | null;
	readonly clientVersion: string | null;
	/** Silent beyond the lesser of 2 tau + m and its deadline, blind time of kind 3 (a silent stream) not subtracted. */
	readonly lapsed: boolean;
	readonly hasOpenEpisode: boolean;
}

/** Armed runs without an open episode that are surely not lapsed: counted, not named. */
export interface SteadyRuns {
	readonly workPool: string | null;
	readonly clientVersion: string | null;
	readonly runs: number;
}

/** The armed runs of one sweep: a million that are well are a few counts. */
export interface ArmedFleet {
	readonly steady: readonly SteadyRuns[];
	/** Of the steady ones: the newest proof of life, our monotonic clock, and the shortest cadence; infinite without any. */
	readonly steadyHeard: { readonly lastMonoMs: number; readonly fastestCadenceMs: number };
	/** Those that may be lapsed. */
	others(): Iterable<ArmedRun>;
	/** The same, and with them those of these runs that are armed; each once. */
	othersAnd(runIds: Iterable<string>): Iterable<ArmedRun>;
	all(): Iterable<ArmedRun>;
}

/** What an incident's id is derived from. The run tells apart silences that begin in the same instant. */
export interface Anchor {
	readonly sinceServerMs: number;
	readonly runId: string;
}

/** Counts over armed runs without an open episode. */
export interface Counts {
	armed: number;
	lapsed: number;
	/** Lapsed runs of which this silence has never been held. */
	fresh: number;
	/** Of the fresh ones the first to fall silent; null when there is none. */
	anchor: Anchor | null;
}

/** The runs that share all their groups: every group is a sum of such cells. */
export interface Cell extends Counts {
	readonly groups: readonly Group[];
}

export interface Group {
	readonly key: string;
	readonly kind: GroupKind;
	readonly name: string;
}

export interface GroupCounts extends Counts {
	readonly group: Group;
}

export const everything: Group = groupOf("everything", "everything");

export function groupOf(kind: GroupKind, name: string): Group {
	return { key: `${kind}|${name}`, kind, name };
}

/** One pass over the runs of a sweep: a few dozen cells however many runs there are. */
export class Tally {
	readonly #rows = new Map<string | null, Map<string | null, Cell>>();
	readonly cells: Cell[] = [];
	readonly groups: ReadonlyMap<string, GroupCounts>;
	readonly whole: GroupCounts;
	/** The newest proof of life of all, our monotonic clock, and the shortest cadence. */
	readonly heard: { lastMonoMs: number; fastestCadenceMs: number };

	constructor(fleet: ArmedFleet, isFresh: (run: ArmedRun) => boolean) {
		for (const steady of fleet.steady) this.cellOf(steady).armed += steady.runs;
		this.heard = { ...fleet.steadyHeard };
		for (const run of fleet.others()) this.#count(run, isFresh);
		const groups = sums(this.cells);
		this.groups = groups;
		this.whole = countsIn(groups, everything);
	}

	cellOf(run: Pick<ArmedRun, "workPool" | "clientVersion">): Cell {
		let row = this.#rows.get(run.workPool);
		if (row === undefined) {
			row = new Map();
			this.#rows.set(run.workPool, row);
		}
		let cell = row.get(run.clientVersion);
		if (cell === undefined) {
			cell = { groups: groupsOf(run), armed: 0, lapsed: 0, fresh: 0, anchor: null };
			row.set(run.clientVersion, cell);
			this.cells.push(cell);
		}
		return cell;
	}

	#count(run: ArmedRun, isFresh: (run: ArmedRun) => boolean): void {
		const cell = this.cellOf(run);
		if (run.hasOpenEpisode) return;
		cell.armed += 1;
		this.heard.lastMonoMs = Math.max(this.heard.lastMonoMs, run.aliveAtMonoMs);
		this.heard.fastestCadenceMs = Math.min(this.heard.fastestCadenceMs, run.cadenceMs);
		if (!run.lapsed) return;
		cell.lapsed += 1;
		if (!isFresh(run)) return;
		cell.fresh += 1;
		cell.anchor = earlierOf(cell.anchor, { sinceServerMs: run.anchorMs, runId: run.runId });
	}
}

/** The most specific first. */
function groupsOf(run: Pick<ArmedRun, "workPool" | "clientVersion">): readonly Group[] {
	const groups: Group[] = [];
	if (run.workPool !== null) groups.push(groupOf("work_pool", run.workPool));
	if (run.clientVersion !== null) groups.push(groupOf("client_version", run.clientVersion));
	return [...groups, everything];
}

/** What the groups of these cells come to. */
export function sums(cells: readonly Cell[]): Map<string, GroupCounts> {
	const byGroup = new Map<string, GroupCounts>();
	for (const cell of cells) {
		for (const group of cell.groups) {
			const counts = byGroup.get(group.key) ?? emptyCounts(group);
			counts.armed += cell.armed;
			counts.lapsed += cell.lapsed;
			counts.fresh += cell.fresh;
			counts.anchor = earlierOf(counts.anchor, cell.anchor);
			byGroup.set(group.key, counts);
		}
	}
	return byGroup;
}

export function countsIn(groups: ReadonlyMap<string, GroupCounts>, group: Group): GroupCounts {
	return groups.get(group.key) ?? emptyCounts(group);
}

function emptyCounts(group: Group): GroupCounts {
	return { group, armed: 0, lapsed: 0, fresh: 0, anchor: null };
}

function earlierOf(one: Anchor | null, other: Anchor | null): Anchor | null {
	if (one === null || other === null) return one ?? other;
	if (one.sinceServerMs !== other.sinceServerMs) return one.sinceServerMs < other.sinceServerMs ? one : other;
	return one.runId < other.runId ? one : other;
}
