import { type Condition, isOfEpisode, type Transition } from "./episode.ts";
import type { GroupIncident } from "./group-incident.ts";
import { compileMatch, type Match } from "./rules.ts";
import { noLabels, type RunLabels } from "./run.ts";

/** An operator's word that some alerts are to wait. */
export interface Silence {
	readonly silenceId: string;
	readonly match: Match;
	/** None: of whatever condition. */
	readonly conditions: readonly Condition[];
	/** Our wall clock. */
	readonly fromMs: number;
	/** Our wall clock. */
	readonly untilMs: number;
	/** For people; one line. */
	readonly why: string;
}

/** A time of planned work, as the settings have it, that lasts just now. */
export interface MaintenanceWindow {
	readonly name: string;
	readonly match: Match;
	/** Our wall clock. */
	readonly untilMs: number;
}

/** An operator's word that somebody has an alert in hand. */
export interface Acknowledgement {
	/** Of an episode, or the id of a group incident. */
	readonly alertId: string;
	/** For people; one line. */
	readonly why: string;
	/** Our wall clock. */
	readonly atMs: number;
}

/**
 * What a silence says of a transition: of a run by its labels, as they stood when the alert was raised, and its condition. A
 * group incident has neither: it is silenced by a silence without conditions whose match names its work pool alone, or nothing.
 */
export function silences(silence: Pick<Silence, "match" | "conditions">, transition: Transition): boolean {
	const matches = compileMatch(silence.match);
	if (!isOfEpisode(transition)) return silence.conditions.length === 0 && matches(placeOf(transition.incident));
	const { condition, labels } = transition.episode;
	return (silence.conditions.length === 0 || silence.conditions.includes(condition)) && matches(labels);
}

/** A group incident as a matcher sees it. */
export function placeOf({ groupKind, group }: GroupIncident): RunLabels {
	return { ...noLabels, workPool: groupKind === "work_pool" ? group : null };
}
