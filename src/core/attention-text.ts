import { formatDuration } from "../lib/duration.ts";
import { transitionOf } from "./episode.ts";
import type { Explanation } from "./explanation.ts";
import type { Match } from "./rules.ts";
import { type Silence, silences } from "./silence.ts";
import type { Attention } from "./telling.ts";

/** What people have said about a run's open alert, a sentence each. @param nowMs our wall clock */
export function attentionTexts({ episode }: Explanation, attention: Attention, nowMs: number): readonly string[] {
	if (episode === null) return [];
	const raise = transitionOf(episode);
	const word = attention.acknowledgements.get(episode.alertId);
	const silenced = attention.silences.filter((one) => one.untilMs > nowMs && silences(one, raise));
	const windows = attention.windows.filter(({ match }) => silences({ match, conditions: [] }, raise));
	return [
		...(word === undefined
			? []
			: [`Acknowledged ${seconds(nowMs - word.atMs)} ago: ${word.why}. No reminders, and no escalation.`]),
		...silenced.map(
			({ silenceId, untilMs, why }) =>
				`Kept from the sinks for ${seconds(untilMs - nowMs)} by silence ${silenceId}: ${why}.`,
		),
		...windows.map(
			({ name, untilMs }) => `Kept from the sinks for ${seconds(untilMs - nowMs)} by maintenance window ${name}.`,
		),
	];
}

/** Whom a silence or a window concerns. */
export function concernText({
	match,
	conditions,
}: {
	readonly match: Match;
	readonly conditions: Silence["conditions"];
}): string {
	const globs = Object.entries(match).flatMap(([key, glob]) => (glob === undefined ? [] : [`${key}=${glob}`]));
	const parts = [...globs, ...(conditions.length === 0 ? [] : [`condition=${conditions.join("|")}`])];
	return parts.length === 0 ? "every alert" : parts.join(" ");
}

/** Whole seconds. */
function seconds(ms: number): string {
	return formatDuration(Math.max(0, Math.round(ms / 1000)) * 1000);
}
