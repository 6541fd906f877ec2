import type { ArmedFleet, ArmedRun, SteadyRuns } from "./disruption-count.ts";
import { silenceAnchorMs } from "./group-incident.ts";
import { RunCadences } from "./run-cadences.ts";
import { bits } from "./run-columns.ts";
import type { RunTable } from "./run-table.ts";
import type { SurroundingsTable } from "./surroundings.ts";
import type { LapseTest, Yardstick } from "./yardstick.ts";

/** The armed runs of one sweep, as mass lapses see them, and the rate at which they should be heard. */
export interface ArmedCount {
	/** One beat each cadence from every armed run that is not overdue itself. */
	readonly eventsPerMs: number;
	readonly fleet: ArmedFleet;
}

/** Counts them in one pass over the columns, in which a run that is well costs some nanoseconds and makes nothing. */
export function countArmed(table: RunTable, yardstick: Yardstick, nowMonoMs: number): ArmedCount {
	const { flags, aliveMonoMs, surroundings, shared, end } = table.columns;
	const cadences = new RunCadences(table, yardstick);
	const lapse = yardstick.lapseTest(nowMonoMs);
	const thresholdsMs = shared.all().map((one) => yardstick.treatmentIn(one).thresholdMs);
	const steady = new SteadyCount(shared.length, yardstick.settings.slowestCadenceMs);
	const lapsing: number[] = [];
	let eventsPerMs = 0;
	for (let index = 0; index < end; index += 1) {
		const told = flags[index] as number;
		if ((told & bits.armed) === 0) continue;
		const place = surroundings[index] as number;
		const thresholdMs = thresholdsMs[place] as number | null;
		const aliveAtMonoMs = aliveMonoMs[index] as number;
		const tauMs = cadences.tauMsAt(index);
		const mayLapse =
			isOverdue(nowMonoMs - aliveAtMonoMs, tauMs) && lapse.mayBeLapsed(aliveAtMonoMs, tauMs, thresholdMs);
		if (mayLapse) lapsing.push(index);
		else if ((told & bits.episode) === 0) steady.add(place, aliveAtMonoMs, tauMs);
		const isLapsed = mayLapse && lapse.isLapsed(aliveAtMonoMs, tauMs, thresholdMs);
		if (tauMs !== null && !isLapsed) eventsPerMs += 1 / tauMs;
	}
	return { eventsPerMs, fleet: new Fleet({ table, yardstick, nowMonoMs, lapsing, ...steady.of(shared) }) };
}

/** No line of suspicion is nearer than a cadence: of most runs nothing else has to be asked. */
function isOverdue(silentMs: number, tauMs: number | null): boolean {
	return tauMs === null || silentMs > tauMs;
}

/** Runs that are well, by their surroundings. */
class SteadyCount {
	readonly #runsIn: Uint32Array;
	readonly #slowestCadenceMs: number;
	#lastMonoMs = Number.NEGATIVE_INFINITY;
	#fastestCadenceMs = Number.POSITIVE_INFINITY;

	constructor(places: number, slowestCadenceMs: number) {
		this.#runsIn = new Uint32Array(places);
		this.#slowestCadenceMs = slowestCadenceMs;
	}

	add(place: number, aliveAtMonoMs: number, tauMs: number | null): void {
		this.#runsIn[place] = (this.#runsIn[place] as number) + 1;
		this.#lastMonoMs = Math.max(this.#lastMonoMs, aliveAtMonoMs);
		this.#fastestCadenceMs = Math.min(this.#fastestCadenceMs, tauMs ?? this.#slowestCadenceMs);
	}

	of(shared: SurroundingsTable): Pick<ArmedFleet, "steady" | "steadyHeard"> {
		const steady: SteadyRuns[] = [];
		for (const [place, runs] of this.#runsIn.entries()) {
			if (runs === 0) continue;
			const { workPool, clientVersion } = shared.at(place).labels;
			steady.push({ workPool, clientVersion, runs });
		}
		return { steady, steadyHeard: { lastMonoMs: this.#lastMonoMs, fastestCadenceMs: this.#fastestCadenceMs } };
	}
}

interface FleetParts extends Pick<ArmedFleet, "steady" | "steadyHeard"> {
	readonly table: RunTable;
	readonly yardstick: Yardstick;
	readonly nowMonoMs: number;
	/** Rows of those that are silent for long, in order. */
	readonly lapsing: readonly number[];
}

class Fleet implements ArmedFleet {
	readonly steady: readonly SteadyRuns[];
	readonly steadyHeard: ArmedFleet["steadyHeard"];
	readonly #parts: FleetParts;

	constructor(parts: FleetParts) {
		this.steady = parts.steady;
		this.steadyHeard = parts.steadyHeard;
		this.#parts = parts;
	}

	others(): Iterable<ArmedRun> {
		return this.#seen(this.#parts.lapsing);
	}

	othersAnd(runIds: Iterable<string>): Iterable<ArmedRun> {
		const { table, lapsing } = this.#parts;
		const rows = new Set(lapsing);
		for (const runId of runIds) rows.add(table.indexOf(runId));
		return this.#seen([...rows].sort((one, other) => one - other));
	}

	all(): Iterable<ArmedRun> {
		return this.#seen(Array.from({ length: this.#parts.table.columns.end }, (_, index) => index));
	}

	*#seen(rows: Iterable<number>): Generator<ArmedRun> {
		const { table } = this.#parts;
		const row = new ArmedRow(this.#parts);
		for (const index of rows) {
			if (index === -1 || !table.columns.has(index, bits.armed)) continue;
			row.index = index;
			yield row;
		}
	}
}

/** A view of one row after the other: it is read at once and never kept. */
class ArmedRow implements ArmedRun {
	index = 0;
	readonly #parts: FleetParts;
	readonly #cadences: RunCadences;
	readonly #lapse: LapseTest;

	constructor(parts: FleetParts) {
		this.#parts = parts;
		this.#cadences = new RunCadences(parts.table, parts.yardstick);
		this.#lapse = parts.yardstick.lapseTest(parts.nowMonoMs);
	}

	get runId(): string {
		return this.#parts.table.runIdAt(this.index);
	}

	get aliveAtMonoMs(): number {
		return this.#columns.aliveMonoMs[this.index] as number;
	}

	get anchorMs(): number {
		const told = this.#columns.receivedMs[this.index] as number;
		const receivedMs = Number.isNaN(told) ? null : told;
		const aliveAtServerMs = this.#parts.yardstick.toServerMs(this.aliveAtMonoMs) ?? receivedMs ?? 0;
		return silenceAnchorMs(receivedMs, aliveAtServerMs);
	}

	get cadenceMs(): number {
		return this.#cadences.tauMsAt(this.index) ?? this.#parts.yardstick.settings.slowestCadenceMs;
	}

	get workPool(): string | null {
		return this.#labels.workPool;
	}

	get clientVersion(): string | null {
		return this.#labels.clientVersion;
	}

	get lapsed(): boolean {
		const { thresholdMs } = this.#parts.yardstick.treatmentIn(this.#surroundings);
		return this.#lapse.isLapsed(this.aliveAtMonoMs, this.#cadences.tauMsAt(this.index), thresholdMs);
	}

	get hasOpenEpisode(): boolean {
		return this.#columns.has(this.index, bits.episode);
	}

	get #columns() {
		return this.#parts.table.columns;
	}

	get #surroundings() {
		return this.#columns.shared.at(this.#columns.surroundings[this.index] as number);
	}

	get #labels() {
		return this.#surroundings.labels;
	}
}
