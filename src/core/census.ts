import type { Instant } from "../lib/clock.ts";
import type { Condition } from "./episode.ts";
import type { GroupKind } from "./group-incident.ts";
import { type ArmedState, hasEnded, isArmed, isBeatingState, type Run, type StateView } from "./run.ts";
import type { Passed, RunTable, Slot } from "./run-table.ts";
import { type DoubtfulThreshold, ThresholdWatch } from "./threshold-watch.ts";
import type { Yardstick } from "./yardstick.ts";

/** How many runs there are of each kind; ended ones are not counted. */
export interface Census {
	/** Armed: silence is watched. */
	readonly beating: number;
	/** In a state in which they should beat, yet never heard. */
	readonly unmonitored: number;
	/**
	 * Of these, the ones from which a beat would have come by now: the client is older than 3.6.22 and was not told to send
	 * any, or heartbeats are switched off. Which of the two only a beat could tell.
	 */
	readonly withoutHeartbeats: number;
	/** Waiting, pending or paused: no beats are expected. */
	readonly idle: number;
	readonly suspects: number;
	/** Conditions without one are missing. */
	readonly openEpisodes: Readonly<Partial<Record<Condition, number>>>;
	/** Kinds without one are missing. */
	readonly openGroups: Readonly<Partial<Record<GroupKind, number>>>;
	/** Armed runs whose rule has a threshold that is short beside their cadence: see `Deadline.fixed`. */
	readonly shortThresholds: Readonly<Record<DoubtfulThreshold["fixed"], number>>;
	/**
	 * The oldest proof of life of each work pool's armed runs without an open episode, our wall clock. Null: in no pool, or
	 * in one that has not been told.
	 */
	readonly oldestBeatsMs: ReadonlyMap<string | null, number>;
}

const emptyCensus: Census = {
	beating: 0,
	unmonitored: 0,
	withoutHeartbeats: 0,
	idle: 0,
	suspects: 0,
	openEpisodes: {},
	openGroups: {},
	shortThresholds: { tight: 0, too_short: 0 },
	oldestBeatsMs: new Map(),
};

/** What the watch covers, and how well: counted once a sweep, in one pass over all runs. */
export class Coverage {
	readonly #table: RunTable;
	readonly #yardstick: Yardstick;
	readonly #thresholds: ThresholdWatch;
	#census = emptyCensus;

	constructor({ table, yardstick }: { table: RunTable; yardstick: Yardstick }) {
		this.#table = table;
		this.#yardstick = yardstick;
		this.#thresholds = new ThresholdWatch(yardstick);
	}

	/** As of the last count. */
	get census(): Census {
		return this.#census;
	}

	/** Thresholds that have turned out to be short since the last call. */
	takeDoubtful(): readonly DoubtfulThreshold[] {
		return this.#thresholds.takeNews();
	}

	/** @param openGroups told and not over, by kind */
	count(at: Instant, openGroups: Census["openGroups"]): void {
		const shortThresholds = { ...emptyCensus.shortThresholds };
		const oldestBeatsMs = new Map<string | null, number>();
		const counts = { ...emptyCensus, openEpisodes: {}, openGroups, shortThresholds, oldestBeatsMs };
		this.#thresholds.begin();
		for (const slot of this.#table.values()) {
			const { run, episode } = slot;
			countTrouble(slot, counts);
			const coverage = coverageOf(run);
			if (coverage !== null) counts[coverage] += 1;
			if (isUnmonitored(run) && this.#isWithoutHeartbeats(run, at)) counts.withoutHeartbeats += 1;
			if (!isArmed(run)) continue;
			this.#countThreshold(run, shortThresholds);
			if (episode === null) noteOldest(oldestBeatsMs, run, at);
		}
		this.#census = counts;
	}

	/** As long in its state as a run that beats is given to be heard. */
	#isWithoutHeartbeats(run: UnmonitoredRun, at: Instant): boolean {
		const sinceMonoMs = this.#yardstick.toMonoMs(run.state.timestampMs);
		return sinceMonoMs !== null && at.monoMs - sinceMonoMs >= this.#yardstick.deadline(run).dueAfterMs;
	}

	#countThreshold(run: ArmedState, counts: Record<DoubtfulThreshold["fixed"], number>): void {
		const short = this.#thresholds.look(run);
		if (short !== null) counts[short] += 1;
	}
}

/** Past the line of suspicion; one missed beat may merely have been lost. */
function isSuspect(passed: Passed): boolean {
	return passed !== "nothing" && passed !== "missed";
}

function countTrouble(
	{ episode, passed }: Slot,
	counts: { suspects: number; openEpisodes: Partial<Record<Condition, number>> },
): void {
	const { openEpisodes } = counts;
	if (episode !== null) openEpisodes[episode.condition] = (openEpisodes[episode.condition] ?? 0) + 1;
	else if (isSuspect(passed)) counts.suspects += 1;
}

function coverageOf(run: Run): "beating" | "unmonitored" | "idle" | null {
	if (run.state === null || hasEnded(run)) return null;
	if (isArmed(run)) return "beating";
	return isUnmonitored(run) ? "unmonitored" : "idle";
}

interface UnmonitoredRun extends Run {
	readonly state: StateView;
}

/** In a state in which it should beat, and not armed. */
function isUnmonitored(run: Run): run is UnmonitoredRun {
	return run.state !== null && isBeatingState(run.state.type) && !isArmed(run);
}

function noteOldest(oldestMs: Map<string | null, number>, { labels, aliveAtMonoMs }: ArmedState, at: Instant): void {
	const ms = at.wallMs - (at.monoMs - aliveAtMonoMs);
	const knownMs = oldestMs.get(labels.workPool);
	if (knownMs === undefined || ms < knownMs) oldestMs.set(labels.workPool, ms);
}
