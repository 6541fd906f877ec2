import type { Condition, Episode } from "../core/episode.ts";

/** Which episodes are wanted, the latest first; null: it does not matter. */
export interface EpisodeQuery {
	readonly workspace: string;
	readonly runId: string | null;
	readonly condition: Condition | null;
	readonly isOpen: boolean | null;
	/** Raised before this one: how the next page is asked for. */
	readonly before: EpisodePosition | null;
	/** At least 1. */
	readonly rowsMax: number;
}

/** Where an episode stands in the order: by the time it was raised, then by id. */
export type EpisodePosition = Pick<Episode, "raisedAtMs" | "alertId">;

/** The episodes that the query asks for, in its order. */
export function selected(episodes: Iterable<Episode>, query: EpisodeQuery): readonly Episode[] {
	return [...episodes]
		.filter((episode) => matches(episode, query))
		.toSorted((one, other) => (isBefore(one, other) ? 1 : -1))
		.slice(0, query.rowsMax);
}

function matches(episode: Episode, { workspace, runId, condition, isOpen, before }: EpisodeQuery): boolean {
	if (episode.workspace !== workspace) return false;
	if (runId !== null && episode.runId !== runId) return false;
	if (condition !== null && episode.condition !== condition) return false;
	if (isOpen !== null && (episode.closed === null) !== isOpen) return false;
	return before === null || isBefore(episode, before);
}

function isBefore(one: EpisodePosition, other: EpisodePosition): boolean {
	if (one.raisedAtMs !== other.raisedAtMs) return one.raisedAtMs < other.raisedAtMs;
	return one.alertId < other.alertId;
}
