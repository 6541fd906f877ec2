import type { Outcomes } from "./outcomes.ts";

/** Somebody said that a run is dead. */
export interface Alert {
	readonly runId: string;
	readonly atMs: number;
}

/** How good alerts were, as far as the outcome is known. */
export interface Score {
	readonly alerts: number;
	/** The run beat, completed or failed afterwards in the same attempt, or had ended before. */
	readonly falseAlerts: number;
	/** Nothing came after it, and not for long enough to call it a death. */
	readonly unknown: number;
	readonly deaths: number;
	readonly deathsFound: number;
	/** From the last heartbeat to the first alert; null: none found. */
	readonly medianLatencyMs: number | null;
}

/** @param belongs which runs count */
export function scoreOf(alerts: readonly Alert[], outcomes: Outcomes, belongs: (runId: string) => boolean): Score {
	const counted = alerts.filter(({ runId }) => belongs(runId));
	const truths = counted.map(({ runId, atMs }) => outcomes.truthAt(runId, atMs));
	const deaths = outcomes.deaths.filter(({ runId }) => belongs(runId));
	const latenciesMs = deaths.flatMap(({ runId, lastBeatMs, overMs }) => {
		const found = counted.filter((alert) => alert.runId === runId && alert.atMs >= lastBeatMs && alert.atMs <= overMs);
		return found.length === 0 ? [] : Math.min(...found.map(({ atMs }) => atMs)) - lastBeatMs;
	});
	return {
		alerts: counted.length,
		falseAlerts: truths.filter((truth) => truth === "wrong").length,
		unknown: truths.filter((truth) => truth === "unknown").length,
		deaths: deaths.length,
		deathsFound: latenciesMs.length,
		medianLatencyMs: latenciesMs.toSorted((a, b) => a - b)[Math.floor((latenciesMs.length - 1) / 2)] ?? null,
	};
}
