import { z } from "zod";
import { slotKinds } from "../../core/circumstances.ts";
import { conditions, outcomes, severities } from "../../core/episode.ts";
import { standings } from "../../core/explanation.ts";
import { refusalReasons, remedyActions, remedyResults } from "../../core/remedy.ts";
import { stateTypes } from "../../core/run.ts";

const count = z.int().min(0);
const seconds = z.number();
export const time = z.iso.datetime({ precision: 3 });

const named = z.object({ id: z.string(), name: z.string().nullable() }).nullable();
export const condition = z.enum(conditions);
export const standing = z.enum(standings);

/** What the run keeps from others, when it was flagged. Null where the server did not tell. */
const impact = z.object({
	/** In one sentence. */
	text: z.string(),
	slots: z.array(z.object({ kind: z.enum(slotKinds), name: z.string(), limit: count, taken: count.nullable() })),
	/** Late, or awaiting a concurrency slot. */
	waiting_runs: z.object({ deployment: count.nullable(), work_pool: count.nullable() }),
});

/** One episode, open or over. */
export const episodeSchema = z.object({
	alert_id: z.string(),
	condition,
	severity: z.enum(severities),
	reason: z.string(),
	run_id: z.string(),
	run_name: z.string().nullable(),
	attempt: count,
	deployment: named,
	work_pool: z.string().nullable(),
	raised_at: time,
	silence_seconds: seconds,
	limit_seconds: seconds,
	/** One sentence; null: nothing is known. */
	likely_cause: z.string().nullable(),
	impact: impact.nullable(),
	/** Null: open. */
	outcome: z.enum(outcomes).nullable(),
	resolved_at: time.nullable(),
	group_id: z.string().nullable(),
	related_runs: z.array(z.string()),
	/** Of the run's page in Prefect. */
	url: z.string(),
});

/** How one run stands. */
export const runSchema = z.object({
	id: z.string(),
	/** Null: not told, or not kept in memory. */
	name: z.string().nullable(),
	attempt: count,
	state_type: z.enum(stateTypes).nullable(),
	state_name: z.string().nullable(),
	standing,
	/** Of the open episode; null: there is none. */
	condition: condition.nullable(),
	alert_id: z.string().nullable(),
	/** When the open episode was raised, why, what the run may have died of, and whom it is in the way of, if anybody. */
	raised_at: time.nullable(),
	reason: z.string().nullable(),
	likely_cause: z.string().nullable(),
	impact: z.string().nullable(),
	/** What was said when somebody acknowledged the open alert; null: nobody has. */
	acknowledged: z.string().nullable(),
	flow: named,
	deployment: named,
	work_pool: z.string().nullable(),
	client_version: z.string().nullable(),
	tags: z.array(z.string()),
	last_alive_at: time.nullable(),
	cadence_seconds: seconds.nullable(),
	cadence_source: z.enum(["learned", "prior", "unknown"]),
	/** Blind time not counted; null: nobody expects heartbeats of it. */
	silence_seconds: seconds.nullable(),
	suspect_after_seconds: seconds,
	limit_seconds: seconds,
	url: z.string(),
});

/** What happened to a run, in order. */
export const happeningSchema = z.object({
	at: time,
	kind: z.enum(["heartbeat", "state", "blind", "raised", "resolved"]),
	/** A state's name, a condition, why nothing could be heard. */
	text: z.string(),
	/** The end of a blind span. */
	until: time.nullable(),
	state_type: z.enum(stateTypes).nullable(),
});

/** What was done about an alert, or why not. */
const remedySchema = z.object({
	alert_id: z.string(),
	action: z.enum(remedyActions),
	mode: z.enum(["dry-run", "on"]),
	result: z.enum(remedyResults),
	/** Of a refusal. */
	reason: z.enum(refusalReasons).nullable(),
	detail: z.string(),
	scope: z.string(),
	at: time,
	/** Tries; of a refusal, how often it was told. */
	times: count,
	/** Of a reschedule. */
	new_run_id: z.string().nullable(),
	/** The run showed that it was alive. */
	was_mistake: z.boolean(),
});

/** All that is known of one run's watching. */
export const runDetailSchema = runSchema.extend({
	/** The verdict and its reasons, a sentence each. */
	explanation: z.array(z.string()),
	blind_seconds: seconds,
	k: count,
	threshold_seconds: seconds.nullable(),
	/** Its place in the settings, from 1. */
	rule: count.nullable(),
	episodes: z.array(episodeSchema),
	/** In order. */
	remedies: z.array(remedySchema),
	timeline: z.array(happeningSchema),
	/** `prefect`: the server's stored events; `memory`: the last heartbeats alone, since the server could not be asked. */
	timeline_source: z.enum(["prefect", "memory"]),
	/** False: zombied no longer watches it, and this is what it had stored. */
	watched: z.boolean(),
});

export type ApiEpisode = z.infer<typeof episodeSchema>;
export type ApiRun = z.infer<typeof runSchema>;
export type ApiRunDetail = z.infer<typeof runDetailSchema>;
export type ApiRemedy = z.infer<typeof remedySchema>;
export type Happening = z.infer<typeof happeningSchema>;
