import { z } from "zod";
import { conditions } from "../core/episode.ts";
import type { RemedyEntry, ScopeHold } from "../core/remedy.ts";
import { stateTypes } from "../core/run.ts";
import { remedyNoteSchema } from "./core-schema.ts";

/* As they are kept in JSON and read back: see core-schema.ts. */

export const remedyEntrySchema = remedyNoteSchema.extend({
	workspace: z.string(),
	alertId: z.string(),
	runId: z.string(),
	attempt: z.number(),
	condition: z.enum(conditions),
	scope: z.string(),
	stateId: z.string(),
	stateType: z.enum(stateTypes),
	deploymentId: z.string().nullable(),
	deployment: z.string().nullable(),
	workPool: z.string().nullable(),
	firstAtMs: z.number(),
	times: z.number(),
	markedServerMs: z.number().nullable(),
	originRunId: z.string(),
	newRunId: z.string().nullable(),
	mistake: z.object({ kind: z.enum(["beat", "went_on"]), atMs: z.number() }).nullable(),
}) satisfies z.ZodType<RemedyEntry>;

export const scopeHoldSchema = z.object({
	scope: z.string(),
	runId: z.string(),
	alertId: z.string(),
	why: z.string(),
	sinceMs: z.number(),
}) satisfies z.ZodType<ScopeHold>;

/** None: it cannot be understood, and counts as never written. */
export function understood<Value>(schema: z.ZodType<Value>, text: string): readonly Value[] {
	const parsed = schema.safeParse(parsedJson(text));
	return parsed.success ? [parsed.data] : [];
}

function parsedJson(text: string): unknown {
	try {
		return JSON.parse(text);
	} catch {
		return undefined;
	}
}
