import type { Instant } from "../lib/clock.ts";
import { Disruption } from "./disruption.ts";
import type { ArmedFleet } from "./disruption-count.ts";
import type { KnownGroups, RunSilenceRow, TrippedGroupRow } from "./disruption-row.ts";
import { type GroupTransition, groupTransitionOf } from "./episode.ts";
import type { GroupIncident, GroupKind } from "./group-incident.ts";
import { PoolQuestions } from "./pool-questions.ts";
import type { Run } from "./run.ts";
import type { RunTable } from "./run-table.ts";
import type { ServerClock } from "./server-clock.ts";

const noKnownGroups: KnownGroups = { tripped: [], silences: [], open: [] };

export interface GroupSweep {
	/** Closed and opened; the former first, since a second wave closes and opens the same group at once. */
	readonly transitions: readonly GroupTransition[];
	/** Runs of groups that have been left: their proof of life is now. */
	readonly resetRuns: readonly string[];
}

/** Mass lapses of a workspace, and what is known of the pipe that its events come through. */
export class GroupWatch {
	readonly #disruption: Disruption;
	readonly #table: RunTable;
	readonly #offlinePools = new Set<string>();
	readonly #poolQuestions = new PoolQuestions();
	#lastOtherEventMonoMs: number | null = null;
	#lastLossMonoMs: number | null = null;
	/** What an earlier process knew, until it can be mapped to our clock. */
	#known: KnownGroups = noKnownGroups;
	readonly #holds: boolean;
	readonly #workspace: string;

	/** @param options.holds false: whoever looks only once cannot wait, and judges each run alone */
	constructor(options: {
		namespace: string;
		workspace: string;
		table: RunTable;
		holds: boolean;
	}) {
		this.#holds = options.holds;
		this.#workspace = options.workspace;
		this.#disruption = new Disruption(options);
		this.#table = options.table;
	}

	/** An event other than a heartbeat has come over the stream. */
	otherEventHeard(at: Instant): void {
		this.#lastOtherEventMonoMs = at.monoMs;
	}

	/** The server had stored a heartbeat that the stream did not bring: the opposite of a proof that the pipe works. */
	eventLost(at: Instant): void {
		this.#lastLossMonoMs = at.monoMs;
	}

	/** What REST says of a pool's workers. An answer that comes when all is over is none for the next time. */
	workersAre(workPool: string, offline: boolean): void {
		if (!this.#disruption.holdsEverything) return;
		if (offline) this.#offlinePools.add(workPool);
		else this.#offlinePools.delete(workPool);
	}

	/** Call once, before any input. */
	begin(known: KnownGroups): void {
		this.#known = known;
	}

	/**
	 * Call before the first sweep, once the server's clock is known.
	 *
	 * @returns of incidents that are over
	 */
	restore(offsetMs: number, at: Instant): readonly GroupTransition[] {
		const known = this.#known;
		this.#known = noKnownGroups;
		return this.#told(this.#disruption.restore(known, (serverMs) => serverMs + offsetMs, at));
	}

	#told(incidents: readonly GroupIncident[]): readonly GroupTransition[] {
		return incidents.map((incident) => groupTransitionOf(incident, this.#workspace));
	}

	/** Incidents that have been told and are not over. */
	get open(): readonly GroupIncident[] {
		return [...this.#known.open, ...this.#disruption.open];
	}

	/** How many of each kind. */
	get openByKind(): Readonly<Partial<Record<GroupKind, number>>> {
		const counts: Partial<Record<GroupKind, number>> = {};
		for (const { groupKind } of this.open) {
			counts[groupKind] = (counts[groupKind] ?? 0) + 1;
		}
		return counts;
	}

	/** The groups as they are to be stored. @param offsetMs of the server's clock */
	groupRows(offsetMs: number): readonly TrippedGroupRow[] {
		return this.#disruption.groupRows((monoMs) => monoMs - offsetMs);
	}

	/** The run's silence as it is to be stored; null when there is nothing to be known again. */
	silenceRow(runId: string, clock: ServerClock): RunSilenceRow | null {
		const { offsetMs } = clock;
		return offsetMs === null ? null : this.#disruption.silenceRow(runId, (monoMs) => monoMs - offsetMs);
	}

	/** Takes the runs whose `silenceRow` has changed. */
	takeChangedSilences(): ReadonlySet<string> {
		return this.#disruption.takeChangedSilences();
	}

	/** Once a sweep, before anybody is asked about: what lapses together is held together. */
	sweep(at: Instant, fleet: ArmedFleet): GroupSweep {
		if (!this.#holds) return { transitions: [], resetRuns: [] };
		const { opened, closed, resetRuns } = this.#disruption.sweep(at, fleet, {
			lastOtherEventMonoMs: this.#lastOtherEventMonoMs,
			lastLossMonoMs: this.#lastLossMonoMs,
			offlinePools: this.#offlinePools,
		});
		if (!this.#disruption.holdsEverything) {
			this.#offlinePools.clear();
			this.#poolQuestions.forget();
		}
		this.#table.startAfresh(resetRuns, at.monoMs);
		return { transitions: this.#told([...closed, ...opened]), resetRuns };
	}

	/** Pools to ask REST about, after a sweep: their workers report over REST, and may show that it is not the pipe. */
	poolsToAsk(at: Instant, fleet: ArmedFleet): readonly string[] {
		if (!this.#disruption.awaitsProof(at.monoMs)) return [];
		const pools = new Set<string>();
		for (const { lapsed, hasOpenEpisode, workPool } of fleet.others()) {
			if (lapsed && !hasOpenEpisode && workPool !== null) pools.add(workPool);
		}
		return this.#poolQuestions.next(pools, at.monoMs);
	}

	/** Until when a verdict on the run's present silence is held; null when it is not. Our monotonic clock. */
	heldUntil({ runId, aliveAtMonoMs }: Run): number | null {
		return aliveAtMonoMs === null ? null : this.#disruption.heldUntil(runId, aliveAtMonoMs);
	}

	/** The group incident that the run's present silence belongs to; null when it lapsed alone. */
	groupIdOf({ runId, aliveAtMonoMs }: Run): string | null {
		return aliveAtMonoMs === null ? null : this.#disruption.groupIdOf(runId, aliveAtMonoMs);
	}
}
