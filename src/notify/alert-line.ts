import { z } from "zod";
import { isOfEpisode, type Transition } from "../core/episode.ts";
import { episodeRaisedSchema, episodeResolvedSchema, toEpisodeLine } from "./episode-line.ts";
import { groupRaisedSchema, groupResolvedSchema, toGroupLine } from "./group-line.ts";
import { type AlertLineContext, generousLimits, type TextLimits } from "./line-parts.ts";

/** One line of the alert log: an interface that others parse. */
export const alertLineSchema = z.discriminatedUnion("event", [
	episodeRaisedSchema,
	episodeResolvedSchema,
	groupRaisedSchema,
	groupResolvedSchema,
]);

export type AlertLine = z.infer<typeof alertLineSchema>;

/** The line of a transition; texts from outside are made harmless and kept within `limits`. */
export function toAlertLine(
	transition: Transition,
	context: AlertLineContext,
	limits: TextLimits = generousLimits,
): AlertLine {
	return isOfEpisode(transition)
		? toEpisodeLine(transition, context, limits)
		: toGroupLine(transition, context, limits);
}
