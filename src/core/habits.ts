import { RecentMap } from "./recent-map.ts";

/** Deployments that are remembered. */
const habitDeploymentsMax = 5_000;
/** Runs of each: the newest, so that a deployment that stops sending heartbeats is soon known for it. */
const habitRunsMax = 20;
/** Prefect's client beats at the start of a run, before its code runs; the rest is transit and a slow start. */
export const promptWithinMs = 30_000;
/** Fewer are no habit. */
const usualRunsMin = 5;
/**
 * "Nearly all": below ten runs not one may have been without a prompt beat, above that one in ten. A first beat that is
 * lost now and then (a few in a hundred) does not hide a habit, and a deployment of which every fifth run never beats
 * has none.
 */
const usualShareMin = 0.9;

/** Whether a run's first beat came within 30 s of its RUNNING. */
export interface FirstBeat {
	readonly runId: string;
	readonly isPrompt: boolean;
}

/** As stored: how the newest runs of one deployment began. */
export interface HabitRow {
	/** The deployment's id. */
	readonly key: string;
	/** In the order in which they were first learned from. */
	readonly runs: readonly FirstBeat[];
}

/**
 * Whether a run beat within 30 s of its RUNNING, all by the server's clock. Old clients send the first beat before.
 *
 * @param run of one attempt: when it began to run, its first beat, and its end, so far as they are known
 * @returns null when that says nothing: still without a beat (it is not known yet), or over within the 30 s
 */
export function beatsPromptly(run: {
	readonly runningAtMs: number;
	readonly firstBeatMs: number | null;
	readonly endedAtMs: number | null;
}): boolean | null {
	if (run.firstBeatMs !== null) return run.firstBeatMs - run.runningAtMs <= promptWithinMs;
	return run.endedAtMs !== null && run.endedAtMs - run.runningAtMs > promptWithinMs ? false : null;
}

/** Whether deployments' runs usually beat from the start, so that one which does not is worth a word. */
export class Habits {
	readonly #runs = new RecentMap<readonly FirstBeat[]>(habitDeploymentsMax);
	#risings = 0;

	/** A run counts once, with what was said of it last; without a deployment it does not. */
	learn(deploymentId: string | null, runId: string, isPrompt: boolean): void {
		if (deploymentId === null) return;
		const runs = this.#runs.get(deploymentId) ?? [];
		const index = runs.findIndex((run) => run.runId === runId);
		const before = runs[index];
		if (before?.isPrompt === isPrompt) return;
		const seen: FirstBeat = { runId, isPrompt };
		const after = before === undefined ? [...runs, seen].slice(-habitRunsMax) : runs.with(index, seen);
		this.#runs.set(deploymentId, after);
		if (mayBeUsual(after) && !mayBeUsual(runs)) this.#risings += 1;
	}

	/** For some run it may be that `usuallyBeats`. */
	mayBeHabitual(deploymentId: string | null): boolean {
		return deploymentId !== null && mayBeUsual(this.#runs.get(deploymentId) ?? []);
	}

	/** Counts how often any deployment has come to be `mayBeHabitual`. */
	get risings(): number {
		return this.#risings;
	}

	/**
	 * At least five of the deployment's other runs are known, and at least 90 % of them beat within 30 s of RUNNING.
	 *
	 * @param askingRunId about which it is asked
	 */
	usuallyBeats(deploymentId: string | null, askingRunId: string): boolean {
		const runs = deploymentId === null ? undefined : this.#runs.get(deploymentId);
		if (runs === undefined) return false;
		const others = runs.filter(({ runId }) => runId !== askingRunId);
		const prompt = others.filter(({ isPrompt }) => isPrompt);
		return others.length >= usualRunsMin && prompt.length >= usualShareMin * others.length;
	}

	/** What an earlier process stored; before anything is learned. */
	restore(rows: readonly HabitRow[]): void {
		this.#runs.restore(rows.map(({ key, runs }) => [key, runs]));
	}

	/** The keys of the rows that have changed since the last call. */
	takeChanged(): readonly string[] {
		return this.#runs.takeChanged();
	}

	/** Null once it has left memory: the stored row is to be deleted. */
	rowOf(key: string): HabitRow | null {
		const runs = this.#runs.get(key);
		return runs === undefined ? null : { key, runs };
	}
}

/** One of them, the asking run itself, does not count, and may be the one that was not prompt. */
function mayBeUsual(runs: readonly FirstBeat[]): boolean {
	const prompt = runs.filter(({ isPrompt }) => isPrompt);
	return runs.length >= usualRunsMin && prompt.length >= usualShareMin * (runs.length - 1);
}
