import type { Instant } from "../lib/clock.ts";
import { groupOf } from "./disruption-count.ts";
import { noMembers, type TrippedGroup } from "./disruption-group.ts";
import { type RunSilence, sameSilenceMs } from "./disruption-silence.ts";
import type { Extent, GroupIncident, GroupKind } from "./group-incident.ts";

/** A tripped group as it is kept. `…ServerMs` are on the server's clock, which a restart shares. */
export interface TrippedGroupRow {
	readonly kind: GroupKind;
	readonly name: string;
	readonly groupId: string;
	readonly openedServerMs: number;
	/** Our wall clock. */
	readonly openedAtMs: number;
	readonly silentSinceMs: number | null;
	readonly reported: boolean;
	readonly recovered: boolean;
	readonly extent: Extent;
	readonly lapsedMost: number;
	readonly armedThen: number | null;
	readonly runIds: readonly string[];
	readonly unheard: { readonly fromServerMs: number; readonly provenServerMs: number | null } | null;
}

/** A run's silence as it is kept: rewritten when a hold or an incident takes it up, or when its hold's end moves. */
export interface RunSilenceRow {
	readonly runId: string;
	readonly aliveAtServerMs: number;
	/** When it was last seen lapsed before the row was written. */
	readonly lapsedServerMs: number;
	readonly held: { readonly sinceServerMs: number; readonly untilServerMs: number } | null;
	readonly groupId: string | null;
}

/** What mass lapses must know again after a restart, lest a hold begin afresh or an incident be told twice. */
export interface KnownGroups {
	readonly tripped: readonly TrippedGroupRow[];
	readonly silences: readonly RunSilenceRow[];
	/** Incidents that were told, and are not over. */
	readonly open: readonly GroupIncident[];
}

type Mapping = (ms: number) => number;

export function tripRowOf(trip: TrippedGroup, toServerMs: Mapping): TrippedGroupRow {
	const { group, groupId, openedAt, silentSinceMs, reported, recovered, extent, lapsedMost, armedThen, unheard } = trip;
	return {
		kind: group.kind,
		name: group.name,
		groupId,
		openedServerMs: toServerMs(openedAt.monoMs),
		openedAtMs: openedAt.wallMs,
		silentSinceMs,
		reported,
		recovered,
		extent,
		lapsedMost,
		armedThen,
		runIds: trip.runIds,
		unheard:
			unheard === null
				? null
				: {
						fromServerMs: toServerMs(unheard.fromMonoMs),
						provenServerMs: unheard.provenMonoMs === null ? null : toServerMs(unheard.provenMonoMs),
					},
	};
}

export function tripFromRow(row: TrippedGroupRow, toMonoMs: Mapping): TrippedGroup {
	const { kind, name, groupId, openedServerMs, openedAtMs, unheard, ...kept } = row;
	return {
		group: groupOf(kind, name),
		groupId,
		openedAt: { monoMs: toMonoMs(openedServerMs), wallMs: openedAtMs },
		...kept,
		unheard:
			unheard === null
				? null
				: {
						fromMonoMs: toMonoMs(unheard.fromServerMs),
						provenMonoMs: unheard.provenServerMs === null ? null : toMonoMs(unheard.provenServerMs),
					},
		now: noMembers(),
	};
}

/**
 * An incident whose group is not among those tripped (an earlier release did not keep them): the next sweep finds out
 * whether anybody still waits in it.
 */
export function tripFromIncident(incident: GroupIncident, at: Instant): TrippedGroup {
	const { groupKind, group, groupId, openedAtMs, extent, runIds, runsTotal, armedTotal, silentSinceMs } = incident;
	return {
		group: groupOf(groupKind, group),
		groupId,
		openedAt: { monoMs: Math.min(at.monoMs, at.monoMs - (at.wallMs - openedAtMs)), wallMs: openedAtMs },
		silentSinceMs,
		reported: true,
		recovered: false,
		extent,
		lapsedMost: runsTotal,
		armedThen: armedTotal,
		runIds,
		unheard: null,
		now: noMembers(),
	};
}

export function silenceRowOf(runId: string, silence: RunSilence, toServerMs: Mapping): RunSilenceRow {
	const { aliveAtMonoMs, lapsedMonoMs, held, groupId } = silence;
	return {
		runId,
		aliveAtServerMs: toServerMs(aliveAtMonoMs),
		lapsedServerMs: toServerMs(lapsedMonoMs),
		held:
			held === null
				? null
				: { sinceServerMs: toServerMs(held.sinceMonoMs), untilServerMs: toServerMs(held.untilMonoMs) },
		groupId,
	};
}

export function silenceFromRow(row: RunSilenceRow, toMonoMs: Mapping, nowMonoMs: number): RunSilence {
	const { aliveAtServerMs, lapsedServerMs, held, groupId } = row;
	return {
		aliveAtMonoMs: toMonoMs(aliveAtServerMs),
		// It lapsed in the group that tripped at that moment, whatever the two mappings make of the moment.
		lapsedMonoMs: Math.min(nowMonoMs, toMonoMs(lapsedServerMs) + sameSilenceMs),
		held:
			held === null ? null : { sinceMonoMs: toMonoMs(held.sinceServerMs), untilMonoMs: toMonoMs(held.untilServerMs) },
		groupId,
		seenMonoMs: nowMonoMs,
	};
}
