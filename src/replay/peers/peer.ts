import { isBeatingState, type RunView, type StateType } from "../../core/run.ts";

/** The times between a run's heartbeats as they arrived, in numbers: a mean and a spread are all the peers' rules use. */
export interface Intervals {
	readonly count: number;
	readonly meanMs: number;
	/** Of the population. */
	readonly deviationMs: number;
}

/** A way of others to tell dead runs from living ones, for comparison with ours. */
export interface PeerRule {
	/** The silence, from the newest heartbeat's arrival, after which it speaks; null while it has too little to go by. */
	readonly patienceMs: (intervals: Intervals) => number | null;
	/** It speaks only if REST says that the run goes on. */
	readonly asksRest: boolean;
	/** After a state event of this type it waits for no heartbeat until the next one. */
	readonly isEndedBy: (type: StateType) => boolean;
}

/** The states in which no process beats, for rules that know what states mean. */
export function isIdleState(type: StateType): boolean {
	return !isBeatingState(type);
}

/** Between tries of a question that REST did not answer. */
const askAgainMs = 5_000;

interface Watched {
	readonly runId: string;
	lastMs: number | null;
	count: number;
	meanMs: number;
	/** Sum of squared distances from the mean (Welford). */
	squaresMs: number;
	/** Infinite while nothing is waited for. */
	dueMs: number;
	/** Asked of REST, and no heartbeat since. */
	asking: boolean;
}

/**
 * One rule at work on a workspace: heartbeats, states, ticks and REST's answers go in, verdicts come out. Judges by the
 * arrival of events alone, as the peers do; time is an argument, on one clock.
 */
export class Peer {
	readonly #rule: PeerRule;
	readonly #runs = new Map<string, Watched>();

	constructor(rule: PeerRule) {
		this.#rule = rule;
	}

	/** An event arrived. */
	event(atMs: number, view: RunView): void {
		if (view.beat !== null) this.#beat(atMs, view.runId);
		const run = this.#runs.get(view.runId);
		if (run !== undefined && view.state !== null && this.#rule.isEndedBy(view.state.type)) disarm(run);
	}

	/** @returns runs to be told dead now, and runs that REST is to be asked about first */
	tick(atMs: number): { readonly verdicts: readonly string[]; readonly questions: readonly string[] } {
		const due: string[] = [];
		for (const run of this.#runs.values()) {
			if (atMs < run.dueMs) continue;
			disarm(run);
			run.asking = this.#rule.asksRest;
			due.push(run.runId);
		}
		return this.#rule.asksRest ? { verdicts: [], questions: due } : { verdicts: due, questions: [] };
	}

	/**
	 * REST answered a question.
	 *
	 * @param type the run's state; null: REST did not answer
	 * @returns true: the run is to be told dead
	 */
	answered(atMs: number, runId: string, type: StateType | null): boolean {
		const run = this.#runs.get(runId);
		if (run?.asking !== true) return false;
		run.asking = false;
		if (type === null) run.dueMs = atMs + askAgainMs;
		return type !== null && isBeatingState(type);
	}

	#beat(atMs: number, runId: string): void {
		const run = this.#runs.get(runId) ?? newWatched(runId);
		this.#runs.set(runId, run);
		if (run.lastMs !== null) addInterval(run, atMs - run.lastMs);
		run.lastMs = atMs;
		run.asking = false;
		const deviationMs = run.count === 0 ? 0 : Math.sqrt(run.squaresMs / run.count);
		const patienceMs = this.#rule.patienceMs({ count: run.count, meanMs: run.meanMs, deviationMs });
		run.dueMs = patienceMs === null ? Number.POSITIVE_INFINITY : atMs + patienceMs;
	}
}

function newWatched(runId: string): Watched {
	return { runId, lastMs: null, count: 0, meanMs: 0, squaresMs: 0, dueMs: Number.POSITIVE_INFINITY, asking: false };
}

function disarm(run: Watched): void {
	run.dueMs = Number.POSITIVE_INFINITY;
	run.asking = false;
}

function addInterval(run: Watched, intervalMs: number): void {
	run.count += 1;
	const distanceMs = intervalMs - run.meanMs;
	run.meanMs += distanceMs / run.count;
	run.squaresMs += distanceMs * (intervalMs - run.meanMs);
}
