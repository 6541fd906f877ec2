import {
	isBeatingState,
	isTerminal,
	type RunLabels,
	type RunView,
	type StateType,
	type StateView,
} from "../core/run.ts";

/** One try of a run, by what came of it and when (the moments of arrival). */
interface Attempt {
	readonly number: number;
	readonly startsMs: number;
	readonly beatsMs: number[];
	readonly states: { readonly atMs: number; readonly type: StateType }[];
}

interface KnownRun {
	readonly attempts: [Attempt, ...Attempt[]];
	/** By its own timestamp. */
	newest: StateView | null;
	labels: RunLabels;
}

/** Whether it was right to call a run dead: nobody may be able to tell. */
export type Truth = "right" | "wrong" | "unknown";

/** A run fell silent, and nothing living came of that attempt any more. */
export interface Death {
	readonly runId: string;
	readonly lastBeatMs: number;
	/** When it was over with the silence: somebody ended the run, the next attempt began, or the story ends. */
	readonly overMs: number;
}

/**
 * A silence so long, and nothing after it, is taken for a death; a shorter one at the end of a story may be anything, and
 * one that the server itself ended soon needed nobody to find it.
 */
const deathCadences = 4;
/** A process says so itself, so it lived. */
const livingEnds: ReadonlySet<StateType> = new Set(["COMPLETED", "FAILED"]);

/**
 * What became of runs, as far as the events of a story tell: told of all of them in the order of their arrival, it says
 * afterwards who was alive and who dead. It knows the future, so nothing that judges may ask it before the end.
 */
export class Outcomes {
	readonly #runs = new Map<string, KnownRun>();
	readonly #slowestCadenceMs: number;
	#startsMs = Number.POSITIVE_INFINITY;
	#endsMs = Number.NEGATIVE_INFINITY;

	/** @param slowestCadenceMs of runs whose own is not known */
	constructor(slowestCadenceMs: number) {
		this.#slowestCadenceMs = slowestCadenceMs;
	}

	/** From the first that was told to the last. */
	get span(): { readonly startsMs: number; readonly endsMs: number } {
		return { startsMs: this.#startsMs, endsMs: this.#endsMs };
	}

	get runIds(): readonly string[] {
		return [...this.#runs.keys()];
	}

	event(atMs: number, view: RunView): void {
		this.until(atMs);
		const run = this.#runOf(atMs, view);
		run.labels = merged(run.labels, view.labels);
		const { state, beat } = view;
		let attempt = latestOf(run);
		if (view.attempt !== null && view.attempt > attempt.number) {
			attempt = { number: view.attempt, startsMs: atMs, beatsMs: [], states: [] };
			run.attempts.push(attempt);
		}
		if (beat !== null) attempt.beatsMs.push(atMs);
		if (state === null) return;
		attempt.states.push({ atMs, type: state.type });
		if (run.newest === null || state.timestampMs >= run.newest.timestampMs) run.newest = state;
	}

	/** The story goes on until then, whether or not an event comes. */
	until(atMs: number): void {
		this.#startsMs = Math.min(this.#startsMs, atMs);
		this.#endsMs = Math.max(this.#endsMs, atMs);
	}

	/** What REST says of a run at this point of the story; null: no state has been told. */
	stateOf(runId: string): StateType | null {
		return this.#runs.get(runId)?.newest?.type ?? null;
	}

	labelsOf(runId: string): RunLabels | null {
		return this.#runs.get(runId)?.labels ?? null;
	}

	/** Of a run that was called dead at that moment. */
	truthAt(runId: string, atMs: number): Truth {
		const run = this.#runs.get(runId);
		const attempt = run?.attempts.findLast(({ startsMs }) => startsMs <= atMs);
		if (attempt === undefined) return "unknown";
		const last = attempt.states.findLast((state) => state.atMs <= atMs);
		if (last !== undefined && !isBeatingState(last.type)) return "wrong";
		if (attempt.beatsMs.some((beatMs) => beatMs > atMs)) return "wrong";
		if (attempt.states.some((state) => state.atMs > atMs && livingEnds.has(state.type))) return "wrong";
		return this.deathAt(runId, atMs) === null ? "unknown" : "right";
	}

	/** The death that a verdict of this moment is about. */
	deathAt(runId: string, atMs: number): Death | null {
		const deaths = this.#deathsOf(runId);
		return deaths.find(({ lastBeatMs, overMs }) => lastBeatMs <= atMs && atMs <= overMs) ?? null;
	}

	/** In the order in which the runs were first heard of. */
	get deaths(): readonly Death[] {
		return this.runIds.flatMap((runId) => this.#deathsOf(runId));
	}

	#deathsOf(runId: string): readonly Death[] {
		const attempts = this.#runs.get(runId)?.attempts ?? [];
		return attempts.flatMap((attempt, index) => {
			const overMs = attempts[index + 1]?.startsMs ?? this.#endsMs;
			return this.#deathOf(runId, attempt, overMs) ?? [];
		});
	}

	#deathOf(runId: string, { beatsMs, states }: Attempt, endMs: number): Death | null {
		const lastBeatMs = beatsMs.at(-1);
		if (lastBeatMs === undefined || states.some(({ type }) => livingEnds.has(type))) return null;
		const before = states.findLast(({ atMs }) => atMs <= lastBeatMs);
		if (before !== undefined && isTerminal(before.type)) return null;
		const next = states.find(({ atMs, type }) => atMs > lastBeatMs && !isBeatingState(type));
		// Whoever paused it, or waits for a retry, was alive.
		if (next !== undefined && !isTerminal(next.type)) return null;
		const overMs = next?.atMs ?? endMs;
		const patienceMs = deathCadences * (medianInterval(beatsMs) ?? this.#slowestCadenceMs);
		return overMs - lastBeatMs >= patienceMs ? { runId, lastBeatMs, overMs } : null;
	}

	#runOf(atMs: number, { runId, attempt, labels }: RunView): KnownRun {
		const known = this.#runs.get(runId);
		if (known !== undefined) return known;
		const first = { number: attempt ?? 0, startsMs: atMs, beatsMs: [], states: [] };
		const run: KnownRun = { attempts: [first], newest: null, labels };
		this.#runs.set(runId, run);
		return run;
	}
}

function latestOf({ attempts }: KnownRun): Attempt {
	return attempts.at(-1) ?? attempts[0];
}

/** Heartbeats do not name what states name. */
function merged(known: RunLabels, told: RunLabels): RunLabels {
	return {
		...known,
		flowName: told.flowName ?? known.flowName,
		deploymentId: told.deploymentId ?? known.deploymentId,
		deploymentName: told.deploymentName ?? known.deploymentName,
	};
}

/** Null for fewer than two. */
function medianInterval(beatsMs: readonly number[]): number | null {
	const intervals = beatsMs.slice(1).map((beatMs, index) => beatMs - (beatsMs[index] ?? beatMs));
	return intervals.toSorted((a, b) => a - b)[Math.floor(intervals.length / 2)] ?? null;
}
