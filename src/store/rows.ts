import { z } from "zod";
import type { RunSilenceRow } from "../core/disruption-row.ts";
import { conditions, type Episode, outcomes, type SpentAlert, severities } from "../core/episode.ts";
import type { GroupIncident } from "../core/group-incident.ts";
import { type BeatView, type StateView, stateTypes } from "../core/run.ts";
import {
	blindSpansSchema,
	evidenceSchema,
	groupIncidentSchema,
	labelsSchema,
	learnedSchema,
	nullableNumber,
	relatedRunsSchema,
	runSilenceSchema,
	sharedLabelsSchema,
	transitionSchema,
	trippedGroupsSchema,
} from "./core-schema.ts";
import { runIdOfBytes } from "./run-id.ts";
import { instantsOf } from "./run-reader.ts";
import type { OutboxRow, StoredLearned, StoredRun, WorkspaceRow } from "./store.ts";

const runIdBytes = z.instanceof(Uint8Array).transform(runIdOfBytes);

function json<Schema extends z.ZodType>(schema: Schema) {
	return z
		.string()
		.transform((text, context): unknown => {
			try {
				return JSON.parse(text);
			} catch {
				context.addIssue({ code: "custom", message: "not JSON" });
				return z.NEVER;
			}
		})
		.pipe(schema);
}

const stateColumns = z.object({
	state_id: z.string(),
	state_type: z.enum(stateTypes),
	state_name: z.string(),
	state_timestamp_ms: z.number(),
	state_scheduled_ms: nullableNumber,
	state_from_rest: z.number(),
});

/** What an earlier release wrote is JSON. */
const instantBytes = z.instanceof(Uint8Array).transform((bytes, context) => {
	const instants = instantsOf(bytes);
	if (instants !== null) return instants;
	context.addIssue({ code: "custom", message: "not whole" });
	return z.NEVER;
});

const runColumns = z.object({
	rowid: z.number(),
	workspace: z.string(),
	run_id: runIdBytes,
	version: z.number(),
	attempt: z.number(),
	state_id: z.string().nullable(),
	ended_at_ms: nullableNumber,
	alive_at_server_ms: nullableNumber,
	beat_event_id: z.union([z.string(), runIdBytes]).nullable(),
	beat_occurred_ms: nullableNumber,
	beat_received_ms: nullableNumber,
	occurred_ms: z.union([instantBytes, json(z.array(z.number()))]),
	updated_at_ms: z.number(),
	name: z.string().nullable(),
	parent_task_run_id: z.string().nullable(),
	parent_run_id: z.string().nullable(),
	labels: json(sharedLabelsSchema),
});

function stateOf(raw: unknown): StateView {
	const columns = stateColumns.parse(raw);
	return {
		id: columns.state_id,
		type: columns.state_type,
		name: columns.state_name,
		timestampMs: columns.state_timestamp_ms,
		scheduledTimeMs: columns.state_scheduled_ms,
		fromRest: columns.state_from_rest === 1,
	};
}

function beatOf(columns: z.infer<typeof runColumns>): BeatView | null {
	return columns.beat_event_id === null
		? null
		: {
				eventId: columns.beat_event_id,
				occurredMs: columns.beat_occurred_ms,
				receivedMs: columns.beat_received_ms,
			};
}

/** @throws ZodError for a row that cannot be understood; so do all readers of rows here */
export function parseRun(raw: unknown): StoredRun {
	const columns = runColumns.parse(raw);
	return {
		row: {
			workspace: columns.workspace,
			runId: columns.run_id,
			attempt: columns.attempt,
			state: columns.state_id === null ? null : stateOf(raw),
			endedAtMs: columns.ended_at_ms,
			aliveAtServerMs: columns.alive_at_server_ms,
			lastBeat: beatOf(columns),
			occurredMs: columns.occurred_ms,
			labels: {
				...columns.labels,
				name: columns.name,
				parentTaskRunId: columns.parent_task_run_id,
				parentRunId: columns.parent_run_id,
			},
			updatedAtMs: columns.updated_at_ms,
		},
		version: columns.version,
		place: columns.rowid,
	};
}

export type SharedLabels = z.infer<typeof sharedLabelsSchema>;

const sharedLabels = json(sharedLabelsSchema);

/** Null: they cannot be understood, and so none of their runs can. */
export function parseSharedLabels(content: unknown): SharedLabels | null {
	return sharedLabels.safeParse(content).data ?? null;
}

const episodeColumns = z.object({
	alert_id: z.string(),
	workspace: z.string(),
	run_id: runIdBytes,
	attempt: z.number(),
	condition: z.enum(conditions),
	severity: z.enum(severities),
	reason: z.string(),
	evidence: json(evidenceSchema),
	state_type: z.enum(stateTypes),
	state_name: z.string(),
	labels: json(labelsSchema),
	related_runs: json(relatedRunsSchema),
	group_id: z.string().nullable(),
	raised_at_ms: z.number(),
	closed_outcome: z.enum(outcomes).nullable(),
	closed_at_ms: z.number().nullable(),
	closed_state_type: z.enum(stateTypes).nullable(),
});

export function parseEpisode(raw: unknown): Episode {
	const columns = episodeColumns.parse(raw);
	return {
		alertId: columns.alert_id,
		workspace: columns.workspace,
		runId: columns.run_id,
		attempt: columns.attempt,
		condition: columns.condition,
		severity: columns.severity,
		reason: columns.reason,
		evidence: columns.evidence,
		stateType: columns.state_type,
		stateName: columns.state_name,
		labels: columns.labels,
		relatedRuns: columns.related_runs,
		groupId: columns.group_id,
		raisedAtMs: columns.raised_at_ms,
		closed: closedOf(columns),
	};
}

/** The schema of the table has both, or neither. */
function closedOf(columns: z.infer<typeof episodeColumns>): Episode["closed"] {
	const { closed_outcome: outcome, closed_at_ms: atMs, closed_state_type: stateType } = columns;
	if (outcome === null || atMs === null) return null;
	return { outcome, atMs, ...(stateType === null ? {} : { stateType }) };
}

const spentColumns = z.object({ run_id: runIdBytes, alert_id: z.string() });

/** The schema of the table lets nothing else in. */
export function parseSpentAlert(raw: unknown): SpentAlert {
	const columns = spentColumns.parse(raw);
	return { runId: columns.run_id, alertId: columns.alert_id };
}

const outboxColumns = z.object({
	sink: z.string(),
	transition: json(transitionSchema),
	created_at_ms: z.number(),
});

export function parseOutbox(raw: unknown): OutboxRow {
	const columns = outboxColumns.parse(raw);
	return { sink: columns.sink, transition: columns.transition, createdAtMs: columns.created_at_ms };
}

const workspaceColumns = z.object({
	workspace: z.string(),
	covered_until_server_ms: nullableNumber,
	blind_spans: json(blindSpansSchema),
	health_score: z.number(),
	tripped_groups: json(trippedGroupsSchema),
});

export function parseWorkspace(raw: unknown): WorkspaceRow {
	const columns = workspaceColumns.parse(raw);
	return {
		workspace: columns.workspace,
		coveredUntilServerMs: columns.covered_until_server_ms,
		blindSpans: columns.blind_spans,
		healthScore: columns.health_score,
		trippedGroups: columns.tripped_groups,
	};
}

const groupColumns = z.object({ incident: json(groupIncidentSchema) });

export function parseGroup(raw: unknown): GroupIncident {
	return groupColumns.parse(raw).incident;
}

const heldRunColumns = z.object({ silence: json(runSilenceSchema) });

export function parseHeldRun(raw: unknown): RunSilenceRow {
	return heldRunColumns.parse(raw).silence;
}

const learnedColumns = z
	.object({ kind: z.string(), key: z.string(), content: json(z.unknown()) })
	.transform(({ kind, key, content }) => ({ kind, key, row: content }))
	.pipe(learnedSchema);

export function parseLearned(raw: unknown): StoredLearned {
	return learnedColumns.parse(raw);
}
