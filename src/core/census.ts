import { hasEnded, isArmed, isBeatingState } from "./run.ts";
import type { RunTable, Slot } from "./run-table.ts";

/** How many runs there are of each kind; ended ones are not counted. */
export interface Census {
	/** Armed: silence is watched. */
	readonly beating: number;
	/** In a state in which they should beat, yet never heard. */
	readonly unmonitored: number;
	/** Waiting, pending or paused: no beats are expected. */
	readonly idle: number;
	readonly suspects: number;
	readonly openEpisodes: number;
}

export const emptyCensus: Census = { beating: 0, unmonitored: 0, idle: 0, suspects: 0, openEpisodes: 0 };

export function countRuns(table: RunTable): Census {
	const counts = { ...emptyCensus };
	for (const slot of table.values()) {
		if (slot.episode !== null) counts.openEpisodes += 1;
		else if (slot.passed !== "nothing") counts.suspects += 1;
		const coverage = coverageOf(slot);
		if (coverage !== null) counts[coverage] += 1;
	}
	return counts;
}

function coverageOf(slot: Slot): "beating" | "unmonitored" | "idle" | null {
	const { run } = slot;
	if (run.state === null || hasEnded(run)) return null;
	if (isArmed(run)) return "beating";
	return isBeatingState(run.state.type) ? "unmonitored" : "idle";
}
