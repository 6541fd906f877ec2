import type { Instant } from "../lib/clock.ts";
import type { Departures } from "./departures.ts";
import type { RunSilenceRow } from "./disruption-row.ts";
import type { Episode, GroupTransition, SpentAlert } from "./episode.ts";
import type { Family } from "./family.ts";
import type { GroupIncident } from "./group-incident.ts";
import type { GroupWatch } from "./group-watch.ts";
import type { Learned, Learning } from "./learning.ts";
import type { Observation } from "./observation.ts";
import { mapObservation, type RunRow, runFromRow, type WorkspaceRow, withMappedLife } from "./record.ts";
import { isGone, isUnidentified, newRun } from "./run.ts";
import { bits, type RunColumns } from "./run-columns.ts";
import type { RunTable } from "./run-table.ts";
import type { UnconfirmedRuns } from "./unconfirmed-runs.ts";

/** A run that an earlier process knew, and where and in which version the store has it. */
export interface KnownRun {
	readonly row: RunRow;
	readonly place: number;
	readonly version: number;
}

/** What an earlier process knew, its runs apart. */
export interface KnownWorld {
	readonly openEpisodes: readonly Episode[];
	readonly spentAlerts: readonly SpentAlert[];
	readonly workspace: WorkspaceRow | null;
	readonly learned: readonly Learned[];
	readonly openGroups: readonly GroupIncident[];
	/** Runs that lapsed together with others. */
	readonly heldRuns: readonly RunSilenceRow[];
}

export interface RestorationTargets {
	readonly table: RunTable;
	readonly family: Family;
	readonly learning: Learning;
	readonly observation: Observation;
	readonly groups: GroupWatch;
	readonly departures: Departures;
	readonly unconfirmed: UnconfirmedRuns;
}

/**
 * Takes up what an earlier process knew, in two steps: runs and episodes at once, and their instants, which are on the
 * server's clock, when that has been heard.
 */
export class Restoration {
	readonly #targets: RestorationTargets;
	/** By slot; NaN: not known. */
	#aliveAtServerMs: number[] = [];
	#unmapped: { readonly workspace: WorkspaceRow | null } | null = null;

	constructor(targets: RestorationTargets) {
		this.#targets = targets;
	}

	/** Until then nobody's silence is known. */
	get isPending(): boolean {
		return this.#unmapped !== null;
	}

	/** Their names stay where they are: in the store. */
	takeRuns(runs: Iterable<KnownRun>, at: Instant): void {
		const { table, family, departures, unconfirmed } = this.#targets;
		for (const { row, place, version } of runs) {
			const run = runFromRow(row);
			if (isGone(run)) {
				departures.turnAway(row, at);
				continue;
			}
			// The table is empty at first, so that rows are numbered from 0.
			const slot = table.add({ ...run, labels: { ...run.labels, name: null } }, at.monoMs);
			const { index } = slot;
			if (isUnidentified(run)) unconfirmed.heard(slot);
			table.packing.forgetName(index);
			table.storedPlaces.put(index, place, version);
			this.#aliveAtServerMs[index] = row.aliveAtServerMs ?? Number.NaN;
			if (run.labels.parentRunId !== null) family.link(run.runId, run.labels.parentRunId);
		}
	}

	/** Call once, before any input. */
	begin(known: KnownWorld, at: Instant): void {
		const { table, learning, groups, observation } = this.#targets;
		// From here on ticks are to come: a pause of ours before the first one counts as any other.
		observation.tick(at, 0);
		for (const episode of known.openEpisodes) {
			const slot = table.get(episode.runId) ?? table.add(newRun(episode.runId), at.monoMs);
			slot.episode = episode;
			slot.doubtful = true;
		}
		for (const { runId, alertId } of known.spentAlerts) {
			const slot = table.get(runId);
			if (slot !== undefined) slot.spentAlertIds = [...slot.spentAlertIds, alertId];
		}
		learning.restore(known.learned, at.wallMs);
		groups.begin({ tripped: known.workspace?.trippedGroups ?? [], silences: known.heldRuns, open: known.openGroups });
		this.#unmapped = { workspace: known.workspace };
	}

	/**
	 * After each input that may have told the server's clock.
	 *
	 * @returns of group incidents that turn out to be over
	 */
	mapIfPossible(at: Instant): readonly GroupTransition[] {
		const { table, observation, groups } = this.#targets;
		const { offsetMs } = observation.clock;
		if (this.#unmapped === null || offsetMs === null) return [];
		const { workspace } = this.#unmapped;
		const aliveAtServerMs = this.#aliveAtServerMs;
		this.#unmapped = null;
		this.#aliveAtServerMs = [];
		for (const [index, serverMs] of aliveAtServerMs.entries()) {
			if (mapLife(table.columns, index, serverMs, { offsetMs, nowMonoMs: at.monoMs })) continue;
			const slot = table.at(index);
			// Nobody leaves the table before this, and a later beat than the stored one has its own instant.
			const row = { aliveAtServerMs: Number.isNaN(serverMs) ? null : serverMs, lastBeat: slot.run.lastBeat };
			slot.run = withMappedLife(slot.run, row, offsetMs, at.monoMs);
		}
		if (workspace !== null) observation.restore(mapObservation(workspace, offsetMs, at.monoMs));
		return groups.restore(offsetMs, at);
	}
}

/**
 * What `withMappedLife` does, in place, of a run that has not been heard of since it was restored.
 *
 * @param serverMs of its proof of life
 * @returns false where it is not that simple; then nothing is done
 */
function mapLife(
	columns: RunColumns,
	slot: number,
	serverMs: number,
	{ offsetMs, nowMonoMs }: { readonly offsetMs: number; readonly nowMonoMs: number },
): boolean {
	const isApart = columns.has(slot, bits.whole | bits.beatApart) || !columns.has(slot, bits.beat);
	const isUnheard = Number.isNaN(columns.aliveMonoMs[slot] as number);
	if (isApart || !isUnheard || serverMs !== columns.receivedMs[slot]) return false;
	columns.aliveMonoMs[slot] = Math.min(nowMonoMs, serverMs + offsetMs);
	// With a proof of life its silence counts, where it should beat.
	columns.set(slot, bits.armed, columns.has(slot, bits.shouldBeat));
	columns.nextLookMonoMs[slot] = Number.NEGATIVE_INFINITY;
	return true;
}
