import type { Condition } from "./episode.ts";
import type { GroupKind } from "./group-incident.ts";
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
	/** Conditions without one are missing. */
	readonly openEpisodes: Readonly<Partial<Record<Condition, number>>>;
	/** Kinds without one are missing. */
	readonly openGroups: Readonly<Partial<Record<GroupKind, number>>>;
}

export const emptyCensus: Census = {
	beating: 0,
	unmonitored: 0,
	idle: 0,
	suspects: 0,
	openEpisodes: {},
	openGroups: {},
};

export function takeCensus(table: RunTable, openGroups: Census["openGroups"]): Census {
	const openEpisodes: Partial<Record<Condition, number>> = {};
	const counts = { ...emptyCensus, openEpisodes, openGroups };
	for (const slot of table.values()) {
		const condition = slot.episode?.condition;
		if (condition !== undefined) openEpisodes[condition] = (openEpisodes[condition] ?? 0) + 1;
		else if (slot.passed !== "nothing" && slot.passed !== "missed") counts.suspects += 1;
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
