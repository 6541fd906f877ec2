import type { Instant } from "../lib/clock.ts";
import type { Condition } from "./episode.ts";
import type { GroupKind } from "./group-incident.ts";
import { RunCadences } from "./run-cadences.ts";
import { bits, passedShift } from "./run-columns.ts";
import type { RunTable } from "./run-table.ts";
import { suspectStage } from "./slot.ts";
import type { Surroundings } from "./surroundings.ts";
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
		this.#thresholds.begin();
		const { columns } = this.#table;
		const pass: Pass = {
			at,
			cadences: new RunCadences(this.#table, this.#yardstick),
			places: columns.shared.all().map((surroundings) => this.#placeOf(surroundings)),
			counts: { beating: 0, unmonitored: 0, withoutHeartbeats: 0, idle: 0, suspects: 0 },
			shortThresholds: { ...emptyCensus.shortThresholds },
		};
		this.#countRuns(pass);
		const openEpisodes: Partial<Record<Condition, number>> = {};
		for (const { condition } of this.#table.openEpisodes()) {
			openEpisodes[condition] = (openEpisodes[condition] ?? 0) + 1;
		}
		const { counts, shortThresholds } = pass;
		this.#census = { ...counts, openEpisodes, openGroups, shortThresholds, oldestBeatsMs: oldestOf(pass) };
	}

	/** A run that beats, as nearly all do, is counted on the spot. */
	#countRuns(pass: Pass): void {
		const { flags, aliveMonoMs, surroundings, end } = this.#table.columns;
		for (let index = 0; index < end; index += 1) {
			const told = flags[index] as number;
			if (told === 0) continue;
			const place = pass.places[surroundings[index] as number] as Place;
			const isPlain = (told & beatingBits) === bits.armed && ((told >>> passedShift) & 7) === 0 && !place.hasThreshold;
			if (!isPlain) {
				this.#countRun(pass, place, index, told);
				continue;
			}
			place.plain += 1;
			const aliveAtMonoMs = aliveMonoMs[index] as number;
			if (aliveAtMonoMs < place.oldestMonoMs) place.oldestMonoMs = aliveAtMonoMs;
		}
		for (const { plain } of pass.places) pass.counts.beating += plain;
	}

	#placeOf(surroundings: Surroundings): Place {
		const { thresholdMs } = this.#yardstick.treatmentIn(surroundings);
		const hasThreshold = thresholdMs !== null;
		return { surroundings, hasThreshold, plain: 0, oldestMonoMs: Number.POSITIVE_INFINITY, due: null };
	}

	#countRun(pass: Pass, place: Place, index: number, told: number): void {
		const { columns } = this.#table;
		const { counts } = pass;
		const isWithoutEpisode = (told & bits.episode) === 0;
		if (isWithoutEpisode && ((told >>> passedShift) & 7) >= suspectStage) counts.suspects += 1;
		if ((told & bits.armed) !== 0) {
			counts.beating += 1;
			if (place.hasThreshold) this.#countThreshold(pass, place, index);
			if (isWithoutEpisode) place.oldestMonoMs = Math.min(place.oldestMonoMs, columns.aliveMonoMs[index] as number);
		} else if ((told & bits.shouldBeat) !== 0) {
			counts.unmonitored += 1;
			if (this.#isWithoutHeartbeats(pass, place, index)) counts.withoutHeartbeats += 1;
		} else if ((told & bits.ended) === 0 && !Number.isNaN(columns.stateMs[index])) counts.idle += 1;
	}

	/** As long in its state as a run that beats is given to be heard. */
	#isWithoutHeartbeats({ at, cadences }: Pass, place: Place, index: number): boolean {
		const sinceMonoMs = this.#yardstick.toMonoMs(this.#table.columns.stateMs[index] as number);
		if (sinceMonoMs === null) return false;
		const tauMs = cadences.tauMsAt(index);
		if (place.due?.tauMs !== tauMs || place.due === null) {
			place.due = { tauMs, afterMs: this.#yardstick.deadlineIn(place.surroundings, tauMs).dueAfterMs };
		}
		return at.monoMs - sinceMonoMs >= place.due.afterMs;
	}

	#countThreshold({ cadences, shortThresholds }: Pass, { surroundings }: Place, index: number): void {
		const treatment = this.#yardstick.treatmentIn(surroundings);
		const short = this.#thresholds.look(treatment, surroundings.labels, cadences.tauMsAt(index));
		if (short !== null) shortThresholds[short] += 1;
	}
}

const beatingBits = bits.armed | bits.episode;

/** Surroundings in one count. */
interface Place {
	readonly surroundings: Surroundings;
	readonly hasThreshold: boolean;
	/** Runs that beat, and of which nothing else is to be said. */
	plain: number;
	/** Of armed runs without an open episode; infinite: there is none. */
	oldestMonoMs: number;
	/** The last deadline that was computed: mostly that of the next run too. */
	due: { readonly tauMs: number | null; readonly afterMs: number } | null;
}

interface Pass {
	readonly at: Instant;
	readonly cadences: RunCadences;
	readonly places: readonly Place[];
	readonly counts: Record<"beating" | "unmonitored" | "withoutHeartbeats" | "idle" | "suspects", number>;
	readonly shortThresholds: Record<DoubtfulThreshold["fixed"], number>;
}

function oldestOf({ places, at }: Pass): ReadonlyMap<string | null, number> {
	const oldestMs = new Map<string | null, number>();
	for (const { surroundings, oldestMonoMs } of places) {
		if (oldestMonoMs === Number.POSITIVE_INFINITY) continue;
		const { workPool } = surroundings.labels;
		const ms = at.wallMs - (at.monoMs - oldestMonoMs);
		oldestMs.set(workPool, Math.min(ms, oldestMs.get(workPool) ?? ms));
	}
	return oldestMs;
}
