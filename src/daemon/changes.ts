import type { Episode } from "../core/episode.ts";
import type { GroupIncident } from "../core/group-incident.ts";
import type { LearnedRow } from "../core/learning.ts";
import type { CommitBatch, OutboxRow } from "../store/store.ts";

/** What a step of the core wants kept. */
export interface Changes {
	readonly changedRuns: ReadonlySet<string>;
	/** Left memory: where they are stored is forgotten as well, and read again should they come back. */
	readonly evictedRuns: readonly string[];
	/** Of stored runs, those whose rows are to go. */
	readonly forgottenRuns: readonly string[];
	readonly episodes: readonly Episode[];
	readonly outbox: readonly OutboxRow[];
	readonly groups: readonly GroupIncident[];
	/** Runs whose part in a mass lapse changed. */
	readonly heldRuns: ReadonlySet<string>;
	readonly learned: readonly LearnedRow[];
}

export function learnedKey({ kind, key }: LearnedRow): string {
	return `${kind} ${key}`;
}

export function sentKey(row: OutboxRow): string {
	return `${row.sink} ${row.transition.key}`;
}

export function rowsIn({ runs, beats, episodes, outbox, held, settled }: CommitBatch): number {
	return [runs, beats.places, episodes, outbox, held, settled].reduce((sum, { length }) => sum + length, 0);
}
