import { groupOf } from "./disruption-count.ts";
import { noMembers, type TrippedGroup } from "./disruption-group.ts";
import type { RunSilence } from "./disruption-silence.ts";
import type { Extent, GroupKind } from "./group-incident.ts";

/** A tripped group as it is kept. `…ServerMs` are on the server's clock, which a restart shares. */
export interface TrippedGroupRow {
	readonly kind: GroupKind;
	readonly name: string;
	readonly groupId: string;
	readonly openedServerMs: number;
	/** Our wall clock. */
	readonly openedAtMs: number;
	readonly reported: boolean;
	readonly recovered: boolean;
	readonly extent: Extent;
	readonly lapsedMost: number;
	readonly runIds: readonly string[];
	readonly unheard: { readonly fromServerMs: number; readonly provenServerMs: number | null } | null;
}

export interface RunSilenceRow {
	readonly runId: string;
	readonly aliveAtServerMs: number;
	readonly lapsedServerMs: number;
	readonly held: { readonly sinceServerMs: number; readonly untilServerMs: number } | null;
	readonly groupId: string | null;
}

/** What mass lapses must know again after a restart, lest a hold begin afresh or an incident be told twice. */
export interface DisruptionRow {
	readonly groups: readonly TrippedGroupRow[];
	readonly silences: readonly RunSilenceRow[];
}

type Mapping = (ms: number) => number;

export function tripRowOf(trip: TrippedGroup, toServerMs: Mapping): TrippedGroupRow {
	const { group, groupId, openedAt, reported, recovered, extent, lapsedMost, runIds, unheard } = trip;
	return {
		kind: group.kind,
		name: group.name,
		groupId,
		openedServerMs: toServerMs(openedAt.monoMs),
		openedAtMs: openedAt.wallMs,
		reported,
		recovered,
		extent,
		lapsedMost,
		runIds,
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
	const { kind, name, groupId, openedServerMs, openedAtMs, reported, recovered, extent, lapsedMost, runIds } = row;
	const { unheard } = row;
	return {
		group: groupOf(kind, name),
		groupId,
		openedAt: { monoMs: toMonoMs(openedServerMs), wallMs: openedAtMs },
		reported,
		recovered,
		extent,
		lapsedMost,
		runIds,
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
		lapsedMonoMs: toMonoMs(lapsedServerMs),
		held:
			held === null ? null : { sinceMonoMs: toMonoMs(held.sinceServerMs), untilMonoMs: toMonoMs(held.untilServerMs) },
		groupId,
		seenMonoMs: nowMonoMs,
	};
}
