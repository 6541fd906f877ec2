import type { Condition } from "../../../src/core/episode.ts";

/** A verdict that some detector reached on a run. */
export interface Told {
	readonly run: number;
	readonly atMs: number;
	readonly condition: Condition;
}
