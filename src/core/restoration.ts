import type { Instant } from "../lib/clock.ts";
import type { RunSilenceRow } from "./disruption-row.ts";
import type { Episode, GroupTransition, SpentAlert } from "./episode.ts";
import type { Family } from "./family.ts";
import type { GroupIncident } from "./group-incident.ts";
import type { GroupWatch } from "./group-watch.ts";
import type { Learned, Learning } from "./learning.ts";
import type { Observation } from "./observation.ts";
import { mapObservation, type RunRow, runFromRow, type WorkspaceRow, withMappedLife } from "./record.ts";
import { isGone, newRun } from "./run.ts";
import type { RunTable } from "./run-table.ts";

/** What an earlier process knew. */
export interface KnownWorld {
	/** Gone through once: they may be read from the store row by row. */
	readonly runs: Iterable<RunRow>;
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
}

/**
 * Takes up what an earlier process knew, in two steps: runs and episodes at once, and their instants, which are on the
 * server's clock, when that has been heard.
 */
export class Restoration {
	readonly #targets: RestorationTargets;
	#unmapped: { readonly aliveAtServerMs: readonly number[]; readonly workspace: WorkspaceRow | null } | null = null;

	constructor(targets: RestorationTargets) {
		this.#targets = targets;
	}

	/** Until then nobody's silence is known. */
	get isPending(): boolean {
		return this.#unmapped !== null;
	}

	/** Call once, before any input. */
	begin(known: KnownWorld, at: Instant): void {
		const { table, family, learning, groups } = this.#targets;
		const aliveAtServerMs: number[] = [];
		for (const row of known.runs) {
			const run = runFromRow(row);
			if (isGone(run)) continue;
			// The table is empty at first, so that rows are numbered from 0.
			table.add(run, at.monoMs);
			table.stored(run.runId);
			aliveAtServerMs.push(row.aliveAtServerMs ?? Number.NaN);
			if (run.labels.parentRunId !== null) family.link(run.runId, run.labels.parentRunId);
		}
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
		this.#unmapped = { aliveAtServerMs, workspace: known.workspace };
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
		const { aliveAtServerMs, workspace } = this.#unmapped;
		this.#unmapped = null;
		for (const [index, serverMs] of aliveAtServerMs.entries()) {
			const slot = table.at(index);
			// Nobody leaves the table before this, and a later beat than the stored one has its own instant.
			const row = { aliveAtServerMs: Number.isNaN(serverMs) ? null : serverMs, lastBeat: slot.run.lastBeat };
			slot.run = withMappedLife(slot.run, row, offsetMs, at.monoMs);
		}
		if (workspace !== null) observation.restore(mapObservation(workspace, offsetMs, at.monoMs));
		return groups.restore(offsetMs, at);
	}
}
