import { z } from "zod";
import type { BlindCause } from "../core/blindness.ts";
import type { CadenceSource, Condition, Episode, Evidence, Outcome, Severity, Transition } from "../core/episode.ts";
import { type RunLabels, stateTypes } from "../core/run.ts";
import type { BlindSpanRow } from "./store.ts";

/*
 * The core's types as they are kept in JSON and read back. Each schema is held to its core type by `satisfies`, so that a
 * field that is added there and forgotten here does not compile. A field that is added later needs a default here,
 * because older rows lack it.
 */

const nullableText = z.string().nullable().default(null);
export const nullableNumber = z.number().nullable();

// The unions as objects, because a missing member of a Record does not compile, where one of a list would.
export const conditions: { readonly [C in Condition]: C } = { zombie: "zombie" };
export const severities: { readonly [S in Severity]: S } = { critical: "critical", warning: "warning", info: "info" };
const outcomes: { readonly [O in Outcome]: O } = {
	recovered: "recovered",
	ended: "ended",
	moved: "moved",
	deleted: "deleted",
};
const cadenceSources: { readonly [C in CadenceSource]: C } = { learned: "learned", unknown: "unknown" };

const blindCauses: { readonly [B in BlindCause]: B } = {
	socket: "socket",
	own_pause: "own_pause",
	silent_stream: "silent_stream",
	lag: "lag",
	server_outage: "server_outage",
};

export const labelsSchema = z.object({
	name: nullableText,
	flowId: nullableText,
	flowName: nullableText,
	deploymentId: nullableText,
	deploymentName: nullableText,
	workPool: nullableText,
	clientVersion: nullableText,
	parentTaskRunId: nullableText,
	tags: z.array(z.string()).default([]),
}) satisfies z.ZodType<RunLabels>;

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
}) satisfies z.ZodType<Evidence>;

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
	raisedAtMs: z.number(),
	closed: z.object({ outcome: z.enum(outcomes), atMs: z.number() }).nullable(),
}) satisfies z.ZodType<Episode>;

export const transitionSchema = z.object({
	key: z.string(),
	kind: z.enum(["raised", "resolved"]),
	episode: episodeSchema,
}) satisfies z.ZodType<Transition>;

export const blindSpansSchema = z.array(
	z.object({ fromServerMs: z.number(), untilServerMs: z.number(), cause: z.enum(blindCauses) }),
) satisfies z.ZodType<BlindSpanRow[]>;
