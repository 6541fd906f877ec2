import { type Episode, isOfEpisode, workspaceOf } from "../core/episode.ts";
import type { RunLabels } from "../core/run.ts";
import { bytesOfRunId, isRunId } from "./run-id.ts";
import type { GroupRow, HeldRunChange, LearnedChange, OutboxRow, RunRow, WorkspaceRow } from "./store.ts";

/* What is bound to the statements of statements.ts: a name for each column. */

export type RunColumns = ReturnType<typeof columnsOfRun>;

export function columnsOfRun(row: RunRow, labelsId: number) {
	const { name, parentTaskRunId, parentRunId } = row.labels;
	return {
		workspace: row.workspace,
		runId: bytesOfRunId(row.runId),
		attempt: row.attempt,
		stateId: row.state?.id ?? null,
		stateType: row.state?.type ?? null,
		stateName: row.state?.name ?? null,
		stateTimestampMs: row.state?.timestampMs ?? null,
		stateScheduledMs: row.state?.scheduledTimeMs ?? null,
		stateFromRest: row.state === null ? null : Number(row.state.fromRest),
		endedAtMs: row.endedAtMs,
		aliveAtServerMs: row.aliveAtServerMs,
		beatEventId: row.lastBeat === null ? null : eventIdColumn(row.lastBeat.eventId),
		beatOccurredMs: row.lastBeat?.occurredMs ?? null,
		beatReceivedMs: row.lastBeat?.receivedMs ?? null,
		occurredMs: Buffer.from(Float64Array.from(row.occurredMs).buffer),
		updatedAtMs: row.updatedAtMs,
		name,
		parentTaskRunId,
		parentRunId,
		labelsId,
	};
}

/** Bytes, of which there are fewer, where it is a UUID. */
function eventIdColumn(eventId: string): Buffer | string {
	return isRunId(eventId) ? bytesOfRunId(eventId) : eventId;
}

/** What runs share of their labels, as `run_labels` has it. */
export function sharedLabelsColumn(labels: RunLabels): string {
	const { name: _, parentTaskRunId: _task, parentRunId: _run, ...shared } = labels;
	return JSON.stringify(shared);
}

export type EpisodeColumns = ReturnType<typeof columnsOfEpisode>;

export function columnsOfEpisode(episode: Episode) {
	return {
		alertId: episode.alertId,
		workspace: episode.workspace,
		runId: bytesOfRunId(episode.runId),
		attempt: episode.attempt,
		condition: episode.condition,
		severity: episode.severity,
		reason: episode.reason,
		evidence: JSON.stringify(episode.evidence),
		stateType: episode.stateType,
		stateName: episode.stateName,
		labels: JSON.stringify(episode.labels),
		relatedRuns: JSON.stringify(episode.relatedRuns),
		groupId: episode.groupId,
		raisedAtMs: episode.raisedAtMs,
		closedOutcome: episode.closed?.outcome ?? null,
		closedAtMs: episode.closed?.atMs ?? null,
		closedStateType: episode.closed?.stateType ?? null,
	};
}

export type OutboxColumns = ReturnType<typeof columnsOfOutbox>;

export function columnsOfOutbox(row: OutboxRow) {
	return {
		sink: row.sink,
		key: row.transition.key,
		workspace: workspaceOf(row.transition),
		runId: isOfEpisode(row.transition) ? bytesOfRunId(row.transition.episode.runId) : null,
		transition: JSON.stringify(row.transition),
		createdAtMs: row.createdAtMs,
	};
}

export type WorkspaceColumns = ReturnType<typeof columnsOfWorkspace>;

export function columnsOfWorkspace(row: WorkspaceRow) {
	return {
		workspace: row.workspace,
		coveredUntilServerMs: row.coveredUntilServerMs,
		blindSpans: JSON.stringify(row.blindSpans),
		healthScore: row.healthScore,
		trippedGroups: JSON.stringify(row.trippedGroups),
	};
}

export type GroupColumns = ReturnType<typeof columnsOfGroup>;

export function columnsOfGroup({ workspace, incident }: GroupRow) {
	return {
		workspace,
		groupId: incident.groupId,
		incident: JSON.stringify(incident),
		openedAtMs: incident.openedAtMs,
		closedAtMs: incident.closed?.atMs ?? null,
	};
}

export type HeldRunColumns = ReturnType<typeof columnsOfHeldRun>;

/** `silence` is null where there is nothing to keep. */
export function columnsOfHeldRun({ workspace, runId, row }: HeldRunChange) {
	return { workspace, runId: bytesOfRunId(runId), silence: row === null ? null : JSON.stringify(row) };
}

export type LearnedColumns = ReturnType<typeof columnsOfLearned>;

export function columnsOfLearned({ workspace, kind, key, row }: LearnedChange) {
	return { workspace, kind, key, content: JSON.stringify(row) };
}
