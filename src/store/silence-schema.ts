import { z } from "zod";
import { conditions } from "../core/episode.ts";
import type { Acknowledgement, Silence } from "../core/silence.ts";

/* As they are kept in JSON and read back: see core-schema.ts. */

const glob = z.string().optional();

export const silenceSchema = z.object({
	silenceId: z.string(),
	match: z.object({ deployment: glob, workPool: glob, flow: glob, tag: glob }),
	conditions: z.array(z.enum(conditions)),
	fromMs: z.number(),
	untilMs: z.number(),
	why: z.string(),
}) satisfies z.ZodType<Silence>;

export const acknowledgementSchema = z.object({
	alertId: z.string(),
	why: z.string(),
	atMs: z.number(),
}) satisfies z.ZodType<Acknowledgement>;
