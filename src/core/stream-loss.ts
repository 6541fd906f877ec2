import type { Instant } from "../lib/clock.ts";
import type { Observation } from "./observation.ts";
import type { Run, RunView } from "./run.ts";

/** Events overtake one another, and REST's answer overtakes an event: beyond this lag we are blind anyway. */
const graceMs = 30_000;
/** States waited for at a time; beyond it the oldest are given up at once. */
const owedStatesMax = 1_000;

/**
 * States that the stream has not brought although there is proof of them: a later event names its predecessor, or REST
 * tells of one that was entered while we listened. What has still not come after a while was dropped on the way: the
 * server does that without a sign when a subscriber's queue is full.
 */
export class StreamLoss {
	readonly #observation: Observation;
	/** Runs by the id of the state, which is that of its event; the oldest first. */
	readonly #owed = new Map<string, { readonly runId: string; readonly sinceMonoMs: number }>();

	constructor(observation: Observation) {
		this.#observation = observation;
	}

	/**
	 * An event was heard or read.
	 *
	 * @param known the run before it; undefined: not known yet, so that its past may have been before our time
	 * @param follows the event that it names as its predecessor
	 */
	told({ runId, state }: RunView, known: Run | undefined, follows: string | null, at: Instant): void {
		if (state === null) return;
		this.#owed.delete(state.id);
		const before = known?.state ?? null;
		if (follows === null || before === null || follows === before.id) return;
		if (state.timestampMs > before.timestampMs) this.#owe(follows, runId, at);
	}

	/** REST told of a run. */
	learned(before: Run, { runId, state }: Run, at: Instant): void {
		if (state === null || state.id === before.state?.id) return;
		const { hearingSinceMonoMs, clock } = this.#observation;
		const enteredMonoMs = clock.toMonoMs(state.timestampMs);
		if (hearingSinceMonoMs === null || enteredMonoMs === null || enteredMonoMs <= hearingSinceMonoMs) return;
		this.#owe(state.id, runId, at);
	}

	/** Once a sweep. @returns runs of which a state was lost since the last one, one for each state */
	takeLost(at: Instant): readonly string[] {
		const { hearingSinceMonoMs, isBlind } = this.#observation;
		// What is read again over REST need not come over the socket.
		if (hearingSinceMonoMs === null) this.#owed.clear();
		if (isBlind) return [];
		const lost: string[] = [];
		for (const [stateId, { runId, sinceMonoMs }] of this.#owed) {
			if (at.monoMs - sinceMonoMs < graceMs && this.#owed.size <= owedStatesMax) break;
			this.#owed.delete(stateId);
			lost.push(runId);
		}
		return lost;
	}

	#owe(stateId: string, runId: string, at: Instant): void {
		if (this.#observation.hearingSinceMonoMs === null || this.#owed.has(stateId)) return;
		this.#owed.set(stateId, { runId, sinceMonoMs: at.monoMs });
	}
}
