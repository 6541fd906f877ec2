import type { Instant } from "../lib/clock.ts";
import type { Anchor, ArmedRun, Group, GroupCounts, Tally } from "./disruption-count.ts";
import {
	type Extent,
	extentOf,
	type GroupIncident,
	type GroupOutcome,
	groupHoldMs,
	groupIdOf,
	incidentRunsMax,
	isFullLapse,
	isMassLapse,
	pipeHoldMs,
	widerOf,
} from "./group-incident.ts";

/** A beat that is due comes within this. */
const beatMarginMs = 15_000;

/** What is known of the event pipe itself. Instants on our monotonic clock; null: none so far. */
export interface Pipe {
	/** Arrival, over the stream, of the newest event other than a heartbeat. */
	readonly lastOtherEventMonoMs: number | null;
	/** When an event was last found stored that the stream had not brought: proof of the opposite. */
	readonly lastLossMonoMs: number | null;
	/** Pools of which REST says that all workers are OFFLINE. */
	readonly offlinePools: ReadonlySet<string>;
}

/** A group from its trip until it is left, or until nobody in it waits for a verdict. */
export interface TrippedGroup {
	readonly group: Group;
	readonly groupId: string;
	readonly openedAt: Instant;
	/** When the first of the runs that tripped it fell silent, server's clock; null: not known any more. */
	readonly silentSinceMs: number | null;
	/** An incident of its own; false while another one explains it. It holds all the same. */
	reported: boolean;
	/** A run that lapsed in it has shown life since. */
	recovered: boolean;
	extent: Extent;
	lapsedMost: number;
	/** Armed runs when that many were lapsed, verdicts included; null: not known any more. */
	armedThen: number | null;
	runIds: readonly string[];
	/** Set once everything has been silent in full. */
	unheard: { readonly fromMonoMs: number; readonly provenMonoMs: number | null } | null;
	/** Counted afresh each sweep. */
	now: Members;
}

/** Runs that lapsed in this group, by what has become of them. */
export interface Members {
	/** Still in the silence in which they lapsed, and without a verdict. */
	waiting: number;
	/** With an open episode, and of these the ones still silent. */
	judged: number;
	judgedLapsed: number;
	/** Of them, candidates for `runIds`. */
	joining: string[];
}

export function noMembers(): Members {
	return { waiting: 0, judged: 0, judgedLapsed: 0, joining: [] };
}

export function tripped(
	group: Group,
	anchor: Anchor,
	at: Instant,
	scope: { readonly namespace: string; readonly workspace: string },
): TrippedGroup {
	return {
		group,
		groupId: groupIdOf({ ...scope, kind: group.kind, group: group.name, anchor }),
		openedAt: at,
		silentSinceMs: anchor.sinceServerMs,
		reported: false,
		recovered: false,
		extent: "some",
		lapsedMost: 0,
		armedThen: null,
		runIds: [],
		unheard: null,
		now: noMembers(),
	};
}

/** An order that does not depend on that of the runs. */
export function byKey(a: { readonly group: Group }, b: { readonly group: Group }): number {
	return a.group.key < b.group.key ? -1 : 1;
}

/** No run that lapses from now on would be held. */
export function isHoldOver(trip: TrippedGroup, nowMonoMs: number): boolean {
	const isUnproven = trip.unheard !== null && trip.unheard.provenMonoMs === null;
	return nowMonoMs >= trip.openedAt.monoMs + (isUnproven ? pipeHoldMs : groupHoldMs);
}

/**
 * Until when this run's verdict is held, our monotonic clock; past when it is not. Of the groups that hold it the most
 * specific one's time counts: a pool that is a fifth of the fleet, and dies, trips everything when the last of its runs
 * lapses, which must not prolong the hold that it is under. Only a fleet that is silent in full does that.
 *
 * @param trips the run's, the most specific first; at least one
 */
export function holdEndOf(trips: readonly TrippedGroup[], run: ArmedRun, pipe: Pipe, nowMonoMs: number): number {
	let endMonoMs = Number.NEGATIVE_INFINITY;
	for (const trip of trips) {
		const isHeld = endMonoMs > nowMonoMs;
		if (!isHeld || trip.unheard !== null) endMonoMs = Math.max(endMonoMs, heldUntilBy(trip, run, pipe));
	}
	return endMonoMs;
}

/**
 * An event that comes late proves that the pipe works *again*: the runs' own beats are then still on their way, so
 * that a run is held for one more cadence, within the 15 minutes.
 */
function heldUntilBy(trip: TrippedGroup, run: ArmedRun, pipe: Pipe): number {
	const { monoMs } = trip.openedAt;
	const isOffline = run.workPool !== null && pipe.offlinePools.has(run.workPool);
	if (trip.unheard === null || isOffline) return monoMs + groupHoldMs;
	const { provenMonoMs } = trip.unheard;
	if (provenMonoMs === null) return monoMs + pipeHoldMs;
	const beatDueMonoMs = provenMonoMs + run.cadenceMs + beatMarginMs;
	return monoMs + Math.min(pipeHoldMs, Math.max(groupHoldMs, beatDueMonoMs - monoMs));
}

/**
 * Everything, while silent in full, waits for a proof that the pipe works. The silence is surely under way one (the
 * fastest) cadence after the last beat of all: had the pipe worked until then, that run would have been heard again. An
 * event between the last beat and then proves nothing, since the pipe may have broken right after it. The oldest
 * proof of life would not do either: that run may have died long before, alone.
 */
export function watchPipe(trip: TrippedGroup, { whole, heard }: Tally, pipe: Pipe): void {
	const isFull = isFullLapse(whole.lapsed, whole.armed);
	const fromMonoMs = isFull ? heard.lastMonoMs + heard.fastestCadenceMs : trip.unheard?.fromMonoMs;
	if (fromMonoMs === undefined) return;
	const afterMonoMs = Math.max(fromMonoMs, pipe.lastLossMonoMs ?? fromMonoMs);
	const known = trip.unheard?.provenMonoMs ?? null;
	const provenMonoMs = [known, pipe.lastOtherEventMonoMs].find((event) => event !== null && event > afterMonoMs);
	trip.unheard = { fromMonoMs, provenMonoMs: provenMonoMs ?? null };
}

/** @param run lapsed in this group, and in the same silence ever since */
export function countMember({ now }: TrippedGroup, run: ArmedRun): void {
	if (!run.hasOpenEpisode) {
		now.waiting += 1;
		return;
	}
	now.judged += 1;
	if (run.lapsed) now.judgedLapsed += 1;
}

/** A member to be named in the incident; only as many are kept as there is room for, whatever their order. */
export function join(trip: TrippedGroup, runId: string): void {
	if (trip.runIds.length >= incidentRunsMax || trip.runIds.includes(runId)) return;
	const { joining } = trip.now;
	joining.push(runId);
	if (joining.length >= 2 * incidentRunsMax) trip.now.joining = smallest(joining, incidentRunsMax);
}

/** Once a sweep, when all members have been counted. Members with a verdict count as lapsed: it does not heal them. */
export function settle(trip: TrippedGroup, counts: GroupCounts): void {
	const lapsed = counts.lapsed + trip.now.judgedLapsed;
	const armed = counts.armed + trip.now.judged;
	if (lapsed > trip.lapsedMost) {
		trip.lapsedMost = lapsed;
		trip.armedThen = armed;
	}
	trip.extent = widerOf(trip.extent, extentOf(lapsed, armed));
	const joining = smallest(trip.now.joining, incidentRunsMax - trip.runIds.length);
	if (joining.length > 0) trip.runIds = [...trip.runIds, ...joining].toSorted();
}

/** Why the group is over; null while it lasts. Without a sign of life from its own runs it can only end. */
export function outcomeOfGroup(trip: TrippedGroup, counts: GroupCounts): GroupOutcome | null {
	const { waiting, judged, judgedLapsed } = trip.now;
	const isOverLine = isMassLapse(counts.lapsed + judgedLapsed, counts.armed + judged);
	if (trip.recovered && !isOverLine) return "recovered";
	return waiting === 0 ? "ended" : null;
}

export function incidentOf(trip: TrippedGroup, closed: GroupIncident["closed"]): GroupIncident {
	return {
		groupId: trip.groupId,
		groupKind: trip.group.kind,
		group: trip.group.name,
		extent: trip.extent,
		runIds: trip.runIds,
		runsTotal: trip.lapsedMost,
		armedTotal: trip.armedThen,
		silentSinceMs: trip.silentSinceMs,
		openedAtMs: trip.openedAt.wallMs,
		closed,
	};
}

function smallest(ids: readonly string[], count: number): string[] {
	return ids.toSorted().slice(0, count);
}
