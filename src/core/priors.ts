import { cadenceBeatsMax, ownCadence } from "./cadence.ts";
import { RecentMap } from "./recent-map.ts";

/** Deployments times client versions that are remembered. */
const priorKeysMax = 5_000;
/** Runs of each: the newest, so that a deployment whose cadence was changed is known again after so many. */
const priorRunsMax = 16;
/** A prior is firm from here on: detector.md, Cadence. */
const firmRunsMin = 3;
const firmIntervalsMin = 10;
const firmSpreadMax = 0.05;

/** What one run's own beats said of its cadence. */
export interface SeenCadence {
	readonly runId: string;
	readonly tauMs: number;
	/** How many intervals it was taken from. */
	readonly intervals: number;
}

/** As stored: what is known of one deployment under one client version. */
export interface PriorRow {
	readonly key: string;
	/** In the order in which they were first learned from. */
	readonly runs: readonly SeenCadence[];
}

/** The stored beats of one run. */
export interface StoredBeats {
	readonly runId: string;
	readonly deploymentId: string | null;
	readonly clientVersion: string | null;
	/** Distinct, ascending, worker's clock, milliseconds since the epoch. */
	readonly occurredMs: readonly number[];
}

export interface SharedPrior {
	readonly runs: readonly SeenCadence[];
	/** Over all of the runs. */
	readonly firmMs: number | null;
}

const noPrior: SharedPrior = { runs: [], firmMs: null };

/**
 * The cadences of deployments' earlier runs, by client version: what a run that has hardly beaten may be judged by. A
 * run counts once, with what it said last; a run without a deployment or a client version teaches nobody.
 */
export class Priors {
	readonly #known = new RecentMap<SharedPrior>(priorKeysMax);
	#lowerings = 0;

	/** @param seen of `ownCadence`: never what a prior has had a part in, lest it confirm itself */
	learn(deploymentId: string | null, clientVersion: string | null, seen: SeenCadence): void {
		const key = keyOf(deploymentId, clientVersion);
		if (key === null) return;
		const runs = this.#known.get(key)?.runs ?? [];
		const index = runs.findIndex(({ runId }) => runId === seen.runId);
		const before = runs[index];
		if (before?.tauMs === seen.tauMs && before.intervals === seen.intervals) return;
		const after = before === undefined ? [...runs, seen].slice(-priorRunsMax) : runs.with(index, seen);
		this.#known.set(key, { runs: after, firmMs: firmOf(after) });
		if (floorOf(after) < floorOf(runs)) this.#lowerings += 1;
	}

	/** No firm prior that any run is given is shorter, milliseconds; infinite: none is given. */
	floorMs(deploymentId: string | null, clientVersion: string | null): number {
		return floorOf(this.sharedPrior(deploymentId, clientVersion).runs);
	}

	/** Counts how often any `floorMs` has fallen. */
	get lowerings(): number {
		return this.#lowerings;
	}

	/** At the first start: of a run that is known already the greater number of intervals is believed. */
	learnFromBeats(rows: readonly StoredBeats[]): void {
		for (const { runId, deploymentId, clientVersion, occurredMs } of rows) {
			const own = ownCadence(occurredMs.slice(-cadenceBeatsMax));
			const key = keyOf(deploymentId, clientVersion);
			if (own === null || key === null) continue;
			const known = this.#known.get(key)?.runs.find((run) => run.runId === runId);
			if (known === undefined || known.intervals < own.intervals) {
				this.learn(deploymentId, clientVersion, { runId, ...own });
			}
		}
	}

	/**
	 * The cadence on which the deployment's other runs agree, in milliseconds: three or more, ten intervals or more in
	 * all, at most 5 % apart. Null when there is none.
	 *
	 * @param askingRunId whose own few intervals are what the prior is to be compared with
	 */
	firmPrior(deploymentId: string | null, clientVersion: string | null, askingRunId: string): number | null {
		const key = keyOf(deploymentId, clientVersion);
		const known = key === null ? undefined : this.#known.get(key);
		if (known === undefined) return null;
		const others = known.runs.filter(({ runId }) => runId !== askingRunId);
		return others.length === known.runs.length ? known.firmMs : firmOf(others);
	}

	/** For many runs at once: what runs that are not among those learned from are told by `firmPrior`, and who those are. */
	sharedPrior(deploymentId: string | null, clientVersion: string | null): SharedPrior {
		const key = keyOf(deploymentId, clientVersion);
		return (key === null ? undefined : this.#known.get(key)) ?? noPrior;
	}

	/** The prior is firm whichever of its runs asks: one more would teach nothing. */
	isSettled(deploymentId: string | null, clientVersion: string | null): boolean {
		const key = keyOf(deploymentId, clientVersion);
		const runs = key === null ? undefined : this.#known.get(key)?.runs;
		return runs?.every(({ runId }) => firmOf(runs.filter((other) => other.runId !== runId)) !== null) ?? false;
	}

	/** What an earlier process stored; before anything is learned. */
	restore(rows: readonly PriorRow[]): void {
		this.#known.restore(rows.map(({ key, runs }) => [key, { runs, firmMs: firmOf(runs) }]));
	}

	/** The keys of the rows that have changed since the last call. */
	takeChanged(): readonly string[] {
		return this.#known.takeChanged();
	}

	/** Null once it has left memory: the stored row is to be deleted. */
	rowOf(key: string): PriorRow | null {
		const known = this.#known.get(key);
		return known === undefined ? null : { key, runs: known.runs };
	}
}

/** An id has no blank in it, so that no two pairs share a key. */
function keyOf(deploymentId: string | null, clientVersion: string | null): string | null {
	return deploymentId === null || clientVersion === null ? null : `${deploymentId} ${clientVersion}`;
}

/** A median of some of them is not below the least of all. */
function floorOf(runs: readonly SeenCadence[]): number {
	return runs.length < firmRunsMin ? Number.POSITIVE_INFINITY : Math.min(...runs.map(({ tauMs }) => tauMs));
}

function firmOf(runs: readonly SeenCadence[]): number | null {
	const intervals = runs.reduce((sum, run) => sum + run.intervals, 0);
	const tausMs = runs.map(({ tauMs }) => tauMs).sort((a, b) => a - b);
	// The upper one of an even number: the more patient.
	const medianMs = tausMs[Math.floor(tausMs.length / 2)];
	if (medianMs === undefined || runs.length < firmRunsMin || intervals < firmIntervalsMin) return null;
	const spreadMs = Math.max(...tausMs) - Math.min(...tausMs);
	return spreadMs <= firmSpreadMax * medianMs ? medianMs : null;
}
