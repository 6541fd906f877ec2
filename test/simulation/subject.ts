import { isOfEpisode, type Transition } from "../../src/core/episode.ts";

/** What a transition is about: an episode of one run, or an incident of many. */
export interface Subject {
	readonly id: string;
	/** Null: it is about many. */
	readonly runId: string | null;
	readonly isRaise: boolean;
	readonly words: string;
}

export function subjectOf(transition: Transition): Subject {
	if (isOfEpisode(transition)) {
		const { kind, episode } = transition;
		const { alertId, runId, condition } = episode;
		return { id: alertId, runId, isRaise: kind === "raised", words: `${condition} ${kind} ${alertId}` };
	}
	const { kind, incident } = transition;
	const { groupId, group } = incident;
	return { id: groupId, runId: null, isRaise: kind === "group_raised", words: `${kind} ${group} ${groupId}` };
}
