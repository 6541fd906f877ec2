import { z } from "zod";
import { conditions } from "../core/episode.ts";

/** A year: a silence that lasts longer is a rule. */
export const silenceMsMax = 365 * 86_400_000;
const textCharsMax = 500;
/** An id is a hash; a part of it that is unique will do. */
export const alertIdCharsMin = 6;

const text = z.string().min(1).max(textCharsMax);
const glob = text.optional();

/** What an operator tells the daemon to do. */
export const operatorCommandSchema = z.discriminatedUnion("do", [
	z.strictObject({ do: z.literal("release_scope"), scope: text }),
	z.strictObject({
		do: z.literal("add_silence"),
		match: z.strictObject({ deployment: glob, workPool: glob, flow: glob, tag: glob }),
		conditions: z.array(z.enum(conditions)).max(conditions.length).readonly(),
		lastsMs: z.number().min(1).max(silenceMsMax),
		why: text,
	}),
	z.strictObject({ do: z.literal("end_silence"), silenceId: text }),
	z.strictObject({ do: z.literal("acknowledge"), alertId: text, why: text }),
	z.strictObject({ do: z.literal("retry_deliveries"), sink: text.nullable(), key: text.nullable() }),
	z.strictObject({ do: z.literal("drop_deliveries"), sink: text.nullable(), key: text.nullable(), why: text }),
]);

export type OperatorCommand = z.infer<typeof operatorCommandSchema>;

/** What came of it. */
export const operatorAnswerSchema = z.object({
	/** How many scopes, silences, alerts or deliveries; 0: there was nothing to do it to. */
	changed: z.number(),
	/** Of the silence or the alert; of an alert whose id was not whole all that it may be, which are more than one. */
	ids: z.array(z.string()),
});

export type OperatorAnswer = z.infer<typeof operatorAnswerSchema>;
