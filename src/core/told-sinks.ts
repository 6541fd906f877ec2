import { isOfEpisode, type Severity, severities, type Transition } from "./episode.ts";
import { compileMatch, type Match } from "./rules.ts";
import { placeOf } from "./silence.ts";

/** Whom a sink is told of. */
export interface Audience {
	readonly match: Match;
	/** The least. */
	readonly severity: Severity;
}

/**
 * Whether a sink is told of a transition: of a raise and its resolve alike, since both have the labels and the severity that
 * the alert was raised with. A group incident is critical, and has no run: a sink hears of it unless its `match` names
 * something else than a work pool, or another one.
 */
export function compileAudience({ match, severity }: Audience): (transition: Transition) => boolean {
	const matches = compileMatch(match);
	const leastRank = severities.indexOf(severity);
	return (transition) => {
		if (!isOfEpisode(transition)) return matches(placeOf(transition.incident));
		const { episode } = transition;
		return severities.indexOf(episode.severity) <= leastRank && matches(episode.labels);
	};
}
