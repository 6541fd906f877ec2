import type { BlindCause, BlindSpan } from "./blindness.ts";
import type { TrippedGroupRow } from "./disruption-row.ts";
import type { GroupWatch } from "./group-watch.ts";
import { transitOf } from "./liveness.ts";
import type { Observation } from "./observation.ts";
import type { BeatView, Run, RunLabels, RunView, StateView } from "./run.ts";
import type { ServerClock } from "./server-clock.ts";

/**
 * A run as it is kept. Instants are on the server's clock, which is the one that a restart, and another machine, share;
 * memory maps them to its own monotonic clock (server-clock.ts).
 */
export interface RunRow {
	readonly workspace: string;
	readonly runId: string;
	readonly attempt: number;
	readonly state: StateView | null;
	readonly endedAtMs: number | null;
	readonly aliveAtServerMs: number | null;
	readonly lastBeat: BeatView | null;
	readonly occurredMs: readonly number[];
	readonly labels: RunLabels;
	/** Our wall clock at the last change: what retention goes by. */
	readonly updatedAtMs: number;
}

export interface BlindSpanRow {
	readonly fromServerMs: number;
	readonly untilServerMs: number;
	readonly cause: BlindCause;
}

/** What a workspace's tracker must know again after a restart. Server's clock. */
export interface WorkspaceRow {
	readonly workspace: string;
	/** Up to here everything the server sent has been seen. */
	readonly coveredUntilServerMs: number | null;
	/** Spans in which a beat could not have been heard. */
	readonly blindSpans: readonly BlindSpanRow[];
	/** Own-health score, 0 to 7. */
	readonly healthScore: number;
	/** Groups that have fallen silent together. */
	readonly trippedGroups: readonly TrippedGroupRow[];
}

export function runRowOf(run: Run, workspace: string, clock: ServerClock, wallMs: number): RunRow {
	const { runId, attempt, state, endedAtMs, aliveAtMonoMs, lastBeat, occurredMs, labels } = run;
	const aliveAtServerMs = aliveAtMonoMs === null ? null : clock.toServerMs(aliveAtMonoMs);
	const kept = { runId, attempt, state, endedAtMs, lastBeat, occurredMs, labels };
	return { ...kept, workspace, aliveAtServerMs, updatedAtMs: wallMs };
}

/** The run without its proof of life, which waits for the server's clock: `withMappedLife`. */
export function runFromRow(row: RunRow): Run {
	const { runId, attempt, state, endedAtMs, lastBeat, occurredMs, labels } = row;
	const kept = { runId, attempt, state, endedAtMs, lastBeat, occurredMs, labels };
	// What is not stored comes again: an undead goes on beating.
	return { ...kept, aliveAtMonoMs: null, beatAtMonoMs: null, transitMsMin: transitOfBeat(lastBeat), afterEnd: null };
}

/** The last beat's stands for the smallest: without it, beats that the client held look as if emitted when resent. */
function transitOfBeat(beat: BeatView | null): number | null {
	return beat?.occurredMs == null || beat.receivedMs === null ? null : transitOf(beat.occurredMs, beat.receivedMs);
}

/** The stored proof of life on our clock; what has been heard since start-up may already be later. */
export function withMappedLife(
	run: Run,
	row: Pick<RunRow, "aliveAtServerMs" | "lastBeat">,
	offsetMs: number,
	nowMonoMs: number,
): Run {
	// A row that was written before the server's clock was known still has what the server said of the last beat.
	const aliveAtServerMs = row.aliveAtServerMs ?? row.lastBeat?.receivedMs ?? null;
	if (aliveAtServerMs === null) return run;
	const storedMonoMs = Math.min(nowMonoMs, aliveAtServerMs + offsetMs);
	const beatMonoMs = Math.min(nowMonoMs, (row.lastBeat?.receivedMs ?? aliveAtServerMs) + offsetMs);
	return {
		...run,
		aliveAtMonoMs: Math.max(run.aliveAtMonoMs ?? storedMonoMs, storedMonoMs),
		beatAtMonoMs: run.beatAtMonoMs ?? beatMonoMs,
	};
}

/** Null until the server's clock is known. */
export function workspaceRowOf(
	{ observation, groups }: { observation: Observation; groups: Pick<GroupWatch, "groupRows"> },
	workspace: string,
	nowMonoMs: number,
): WorkspaceRow | null {
	const { offsetMs } = observation.clock;
	if (offsetMs === null) return null;
	const covered = observation.coverageToKeep(nowMonoMs);
	return {
		workspace,
		coveredUntilServerMs: covered === null ? null : covered - offsetMs,
		// A closed socket's span begins where coverage ends, so that it is found again, until catch-up has covered it.
		blindSpans: observation
			.spansAt(nowMonoMs)
			.filter((span) => span.cause !== "socket")
			.map((span) => ({
				fromServerMs: span.fromMonoMs - offsetMs,
				untilServerMs: span.untilMonoMs - offsetMs,
				cause: span.cause,
			})),
		healthScore: observation.healthScore,
		trippedGroups: groups.groupRows(offsetMs),
	};
}

/** What an earlier process knew of its own sight, on our clock. */
export interface KnownObservation {
	readonly coveredUntilMonoMs: number | null;
	readonly spans: readonly BlindSpan[];
	readonly healthScore: number;
}

export function mapObservation(row: WorkspaceRow, offsetMs: number, nowMonoMs: number): KnownObservation {
	const { coveredUntilServerMs, blindSpans, healthScore } = row;
	return {
		coveredUntilMonoMs: coveredUntilServerMs === null ? null : Math.min(nowMonoMs, coveredUntilServerMs + offsetMs),
		spans: blindSpans.map((span) => ({
			fromMonoMs: span.fromServerMs + offsetMs,
			untilMonoMs: Math.min(nowMonoMs, span.untilServerMs + offsetMs),
			cause: span.cause,
		})),
		healthScore,
	};
}

/** A stored run as one more look at it: merged like any other, and with nothing lost. */
export function viewOfRow({ runId, attempt, state, lastBeat, labels, ...kept }: RunRow): RunView {
	const { endedAtMs, aliveAtServerMs, occurredMs } = kept;
	return { runId, attempt, state, beat: lastBeat, labels, kept: { endedAtMs, aliveAtServerMs, occurredMs } };
}
