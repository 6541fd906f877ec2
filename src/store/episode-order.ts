import type { Episode } from "../core/episode.ts";

/**
 * The order in which the episodes of one batch are written: a run whose old episode closes while a new one opens never
 * has two open ones, whichever the batch names first.
 */
export function closingsFirst(episodes: readonly Episode[]): readonly Episode[] {
	return episodes.toSorted((one, other) => Number(one.closed === null) - Number(other.closed === null));
}
