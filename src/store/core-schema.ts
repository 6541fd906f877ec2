import { z } from "zod";
import { blindCauses } from "../core/blindness.ts";
import { type Impact, slotKinds } from "../core/circumstances.ts";
import type { RunSilenceRow, TrippedGroupRow } from "../core/disruption-row.ts";
import {
	type CadenceSource,
	conditions,
	type Episode,
	type EpisodeTransition,
	type Evidence,
	type GroupTransition,
	outcomes,
	severities,
} from "../core/episode.ts";
import type { Extent, GroupIncident, GroupKind, GroupOutcome } from "../core/group-incident.ts";
import type { HabitRow } from "../core/habits.ts";
import { type LearnedRow, lessonKey } from "../core/learning.ts";
import type { PatienceRow } from "../core/patience.ts";
import type { PriorRow } from "../core/priors.ts";
import { type RemedyNote, refusalReasons, remedyActions, remedyResults } from "../core/remedy.ts";
import { type RunLabels, stateTypes } from "../core/run.ts";
import type { BlindSpanRow, StoredLearned } from "./store.ts";

/*
 * The core's types as they are kept in JSON and read back. Each schema is held to its core type by `satisfies`, so that a
 * field that is added there and forgotten here does not compile. A field that is added later needs a default here,
 * because older rows lack it.
 */

const nullableText = z.string().nullable().default(null);
export const nullableNumber = z.number().nullable();

// Other unions as objects, because a missing member of a Record does not compile, where one of a list would.
const cadenceSources: { readonly [C in CadenceSource]: C } = {
	learned: "learned",
	prior: "prior",
	unknown: "unknown",
};

const groupKinds: { readonly [K in GroupKind]: K } = {
	work_pool: "work_pool",
	client_version: "client_version",
	everything: "everything",
};
const extents: { readonly [E in Extent]: E } = { some: "some", partial: "partial", full: "full" };
const groupOutcomes: { readonly [O in GroupOutcome]: O } = { recovered: "recovered", ended: "ended" };

export const labelsSchema = z.object({
	name: nullableText,
	flowId: nullableText,
	flowName: nullableText,
	deploymentId: nullableText,
	deploymentName: nullableText,
	workPool: nullableText,
	clientVersion: nullableText,
	parentTaskRunId: nullableText,
	parentRunId: nullableText,
	tags: z.array(z.string()).default([]),
}) satisfies z.ZodType<RunLabels>;

/** What runs share of them, as `run_labels` has it. */
export const sharedLabelsSchema = labelsSchema.omit({ name: true, parentTaskRunId: true, parentRunId: true });

const impactSchema = z.object({
	slots: z.array(
		z.object({ kind: z.enum(slotKinds), name: z.string(), limit: z.number(), taken: nullableNumber.default(null) }),
	),
	waiting: z.object({ deployment: nullableNumber.default(null), workPool: nullableNumber.default(null) }),
}) satisfies z.ZodType<Impact>;

export const evidenceSchema = z.object({
	lastBeatOccurredMs: nullableNumber,
	lastBeatReceivedMs: nullableNumber,
	cadenceSeconds: nullableNumber,
	cadenceSource: z.enum(cadenceSources),
	thresholdSeconds: z.number(),
	silenceSeconds: z.number(),
	blindSeconds: z.number(),
	apiStateType: z.enum(stateTypes),
	apiStateId: z.string(),
	newestStoredBeatMs: nullableNumber,
	otherSignAtMs: nullableNumber.default(null),
	likelyCause: nullableText,
	impact: impactSchema.nullable().default(null),
}) satisfies z.ZodType<Evidence>;

export const relatedRunsSchema = z.array(z.string());

export const remedyNoteSchema = z.object({
	action: z.enum(remedyActions),
	mode: z.enum(["dry-run", "on"]),
	result: z.enum(remedyResults),
	reason: z.enum(refusalReasons).nullable(),
	detail: z.string(),
	atMs: z.number(),
}) satisfies z.ZodType<RemedyNote>;

const episodeSchema = z.object({
	alertId: z.string(),
	workspace: z.string(),
	runId: z.string(),
	attempt: z.number(),
	condition: z.enum(conditions),
	severity: z.enum(severities),
	reason: z.string(),
	evidence: evidenceSchema,
	stateType: z.enum(stateTypes),
	stateName: z.string(),
	labels: labelsSchema,
	relatedRuns: relatedRunsSchema.default([]),
	groupId: nullableText,
	raisedAtMs: z.number(),
	closed: z
		.object({ outcome: z.enum(outcomes), atMs: z.number(), stateType: z.enum(stateTypes).exactOptional() })
		.nullable(),
	remedy: remedyNoteSchema.exactOptional(),
}) satisfies z.ZodType<Episode>;

export const blindSpansSchema = z.array(
	z.object({ fromServerMs: z.number(), untilServerMs: z.number(), cause: z.enum(blindCauses) }),
) satisfies z.ZodType<BlindSpanRow[]>;

export const groupIncidentSchema = z.object({
	groupId: z.string(),
	groupKind: z.enum(groupKinds),
	group: z.string(),
	extent: z.enum(extents),
	runIds: z.array(z.string()),
	runsTotal: z.number(),
	armedTotal: nullableNumber.default(null),
	silentSinceMs: nullableNumber.default(null),
	openedAtMs: z.number(),
	closed: z.object({ outcome: z.enum(groupOutcomes), atMs: z.number() }).nullable(),
}) satisfies z.ZodType<GroupIncident>;

/** Rows of releases that told of episodes alone have the first of the two shapes. */
export const transitionSchema = z.discriminatedUnion("kind", [
	z.object({
		key: z.string(),
		kind: z.enum(["raised", "resolved"]),
		episode: episodeSchema,
	}) satisfies z.ZodType<EpisodeTransition>,
	z.object({
		key: z.string(),
		kind: z.enum(["group_raised", "group_resolved"]),
		workspace: z.string(),
		incident: groupIncidentSchema,
	}) satisfies z.ZodType<GroupTransition>,
]);

export const trippedGroupsSchema = z.array(
	z.object({
		kind: z.enum(groupKinds),
		name: z.string(),
		groupId: z.string(),
		openedServerMs: z.number(),
		openedAtMs: z.number(),
		silentSinceMs: nullableNumber,
		reported: z.boolean(),
		recovered: z.boolean(),
		extent: z.enum(extents),
		lapsedMost: z.number(),
		armedThen: nullableNumber,
		runIds: z.array(z.string()),
		unheard: z.object({ fromServerMs: z.number(), provenServerMs: nullableNumber }).nullable(),
	}),
) satisfies z.ZodType<TrippedGroupRow[]>;

export const runSilenceSchema = z.object({
	runId: z.string(),
	aliveAtServerMs: z.number(),
	lapsedServerMs: z.number(),
	held: z.object({ sinceServerMs: z.number(), untilServerMs: z.number() }).nullable(),
	groupId: z.string().nullable(),
}) satisfies z.ZodType<RunSilenceRow>;

const priorSchema = z.object({
	key: z.string(),
	runs: z.array(z.object({ runId: z.string(), tauMs: z.number(), intervals: z.number() })),
}) satisfies z.ZodType<PriorRow>;

const habitSchema = z.object({
	key: z.string(),
	runs: z.array(z.object({ runId: z.string(), isPrompt: z.boolean() })),
}) satisfies z.ZodType<HabitRow>;

const patienceSchema = z.object({
	key: z.string(),
	extraK: z.number(),
	raisedAtMs: z.number(),
}) satisfies z.ZodType<PatienceRow>;

// As an object for the same reason as the unions above.
const learnedSchemas = {
	prior: z.object({ kind: z.literal("prior"), key: z.string(), row: priorSchema }),
	habit: z.object({ kind: z.literal("habit"), key: z.string(), row: habitSchema }),
	patience: z.object({ kind: z.literal("patience"), key: z.string(), row: patienceSchema }),
	lesson: z.object({ kind: z.literal("lesson"), key: z.string(), row: z.object({ key: z.literal(lessonKey) }) }),
} satisfies { readonly [Kind in LearnedRow["kind"]]: z.ZodType<StoredLearned & { kind: Kind }> };

export const learnedSchema = z.discriminatedUnion("kind", [
	learnedSchemas.prior,
	learnedSchemas.habit,
	learnedSchemas.patience,
	learnedSchemas.lesson,
]);
