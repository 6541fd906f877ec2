import { z } from "zod";
import { standings } from "../../core/explanation.ts";
import { remedyModes } from "../../core/remedy.ts";
import { statusSchema } from "../status.ts";
import { condition, episodeSchema, runSchema, standing, time } from "./run-schema.ts";

const count = z.int().min(0);

/** Rows of one answer at most, and when nothing is said. */
export const rowsMax = 500;
const rowsDefault = 100;

const rows = z.coerce.number().int().min(1).max(rowsMax).default(rowsDefault);
const text = z.string().min(1).max(512).optional();

export const runsQuerySchema = z.strictObject({
	standing: standing.optional(),
	condition: condition.optional(),
	deployment: text,
	work_pool: text,
	/** The run's own; Prefect is asked too, while it is there. Several runs may have it. */
	name: text,
	limit: rows,
	/** `next` of the page before. */
	from: z.coerce.number().int().min(0).default(0),
});

/**
 * The table is read a part at a time: a page may have fewer runs than asked for, or none, although there are more.
 */
export const runsSchema = z.object({
	runs: z.array(runSchema),
	/** Null: that was all. */
	next: count.nullable(),
});

export const episodesQuerySchema = z.strictObject({
	state: z.enum(["open", "closed", "any"]).default("any"),
	condition: condition.optional(),
	run_id: z.guid().optional(),
	limit: rows,
	/** `next` of the page before. */
	before: z
		.string()
		.regex(/^\d{1,15}(?:\.\d+)?:[0-9a-zA-Z_-]{1,128}$/u, "is no `next` of an earlier answer")
		.optional(),
});

export const episodesSchema = z.object({
	/** The latest first. */
	episodes: z.array(episodeSchema),
	/** Null: that was all. */
	next: z.string().nullable(),
});

export const coverageSchema = z.object({
	/** By deployment and client version, the most runs first, at most `rowsMax`; flows without a deployment by their name. */
	rows: z.array(
		z.object({
			deployment: z.object({ id: z.string(), name: z.string().nullable() }).nullable(),
			flow_name: z.string().nullable(),
			client_version: z.string().nullable(),
			runs: count,
			standings: z.partialRecord(z.enum(standings), count),
		}),
	),
	/** Rows for which there was no room. */
	more: count,
});

export const ledgerQuerySchema = z.strictObject({
	/** Alerts raised from then on; without it those of 7 days. */
	since: z.iso.datetime().optional(),
});

export const ledgerSchema = z.object({
	since: time,
	/** By deployment and condition, the most alerts first, at most `rowsMax`. */
	rows: z.array(
		z.object({
			/** Null: runs of none. */
			deployment: z.object({ id: z.string(), name: z.string().nullable() }).nullable(),
			condition,
			alerts: count,
			/** Ended by somebody as Crashed or Cancelled, or still as it was an hour after the alert. */
			dead: count,
			/** It beat again, ended by itself, went on, or showed life after its end. */
			false_alarms: count,
			unclear: count,
			open: count,
			/** Alerts about which something was done, would have been, was refused, or failed. */
			done: count,
			would: count,
			refused: count,
			failed: count,
			mistakes: count,
		}),
	),
	/** Rows for which there was no room. */
	more: count,
	/** Scopes that a mistake has switched back to dry-run. */
	held_scopes: z.array(z.object({ scope: z.string(), run_id: z.string(), why: z.string(), since: time })),
});

export const groupSchema = z.object({
	group_id: z.string(),
	kind: z.enum(["work_pool", "client_version", "everything"]),
	group: z.string(),
	extent: z.enum(["some", "partial", "full"]),
	runs: count,
	raised_at: time,
	/** Until then verdicts on its runs wait, at most. */
	held_until: time,
});

/** How the daemon is, and what it watches: names included, unlike `/-/status`. */
const detailsSchema = z.object({
	namespace: z.string(),
	workspace: z.string(),
	/** Address of Prefect's API. */
	prefect: z.string(),
	group_incidents: z.array(groupSchema),
	/** What may be done to dead runs; `scopes`: for how many kinds of runs something else was set. */
	remedy: z.object({ mode: z.enum(remedyModes), scopes: count }),
	/** Who is told: `pending` is to be sent as soon as it takes it, `held` when there is no reason any more to wait. */
	sinks: z.array(z.object({ name: z.string(), pending: count, held: count })),
	/** What keeps alerts from the sinks just now; `concerns`: which, in words. */
	silences: z.array(
		z.object({
			kind: z.enum(["silence", "maintenance"]),
			/** Of the silence; the name of the window. */
			id: z.string(),
			concerns: z.string(),
			/** Of a silence. */
			why: z.string().nullable(),
			until: time,
		}),
	),
	/** Open ones, by condition. */
	open_by_condition: z.partialRecord(condition, count),
});

export const apiStatusSchema = statusSchema.extend(detailsSchema.shape);

export const problemSchema = z.object({
	/** What is wrong, where, and how to mend it: one line. */
	error: z.string(),
});

export type ApiDetails = z.infer<typeof detailsSchema>;
export type ApiStatus = z.infer<typeof apiStatusSchema>;
export type ApiRuns = z.infer<typeof runsSchema>;
export type ApiEpisodes = z.infer<typeof episodesSchema>;
export type ApiCoverage = z.infer<typeof coverageSchema>;
export type ApiLedger = z.infer<typeof ledgerSchema>;
export type LedgerQuery = z.infer<typeof ledgerQuerySchema>;
export type RunsQuery = z.infer<typeof runsQuerySchema>;
export type EpisodesQuery = z.infer<typeof episodesQuerySchema>;
