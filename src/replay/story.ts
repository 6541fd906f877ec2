import type { ApiRun, IncidentLine } from "./incident-file.ts";

/** What can be replayed: an incident, a recording, or what a server has stored. */
export interface Story {
	readonly name: string;
	/** Wall clock; null: the first line's. */
	readonly startsMs: number | null;
	/** Null: the last line's. */
	readonly endsMs: number | null;
	/** No line tells what REST knows: the runs are those that events tell of. */
	readonly runsFromEvents: boolean;
	/** Runs that were under way before the first line. */
	readonly opening: readonly ApiRun[];
	/** In order of time, from the beginning at each call. May throw OperatorError while they are read. */
	lines(): AsyncIterable<IncidentLine>;
}
