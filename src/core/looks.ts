import type { Learning } from "./learning.ts";
import { clockSlackMs, nextLookOf, restsOnLearning } from "./next-look.ts";
import { bits } from "./run-columns.ts";
import type { RunTable } from "./run-table.ts";
import type { DetectorSettings } from "./settings.ts";
import type { Slot } from "./slot.ts";
import type { Surroundings } from "./surroundings.ts";
import type { UnconfirmedRuns } from "./unconfirmed-runs.ts";
import { isUsual, nextLookOfUsual } from "./usual-row.ts";
import type { Yardstick } from "./yardstick.ts";

/**
 * Runs looked at in one sweep. More are due at once only when a fleet falls silent or a process has just started; REST
 * answers for 250 runs a second at best, so that those over wait for their turn, in the order of the table. So many take
 * some 40 ms of the thread.
 */
export const looksMax = 10_000;
/** A floor that has been broken is laid a little lower, lest each new beat break it again. */
const floorShare = 0.98;

export interface LooksParts {
	readonly table: RunTable;
	readonly yardstick: Yardstick;
	readonly learning: Learning;
	readonly unconfirmed: UnconfirmedRuns;
	readonly looksMax: number;
}

/** Whom a sweep has to look at: one pass over a column of instants. See the law of the next look. */
export class Looks {
	readonly #table: RunTable;
	readonly #yardstick: Yardstick;
	readonly #learning: Learning;
	readonly #unconfirmed: UnconfirmedRuns;
	readonly #looksMax: number;
	#settings: DetectorSettings | null = null;
	/** Of the server's clock, the greatest that looks have been reckoned with; infinite while it is unknown. */
	#offsetMs = Number.POSITIVE_INFINITY;
	#lowerings = 0;
	#risings = 0;
	/** Where the next sweep goes on. */
	#from = 0;

	constructor(parts: LooksParts) {
		this.#table = parts.table;
		this.#yardstick = parts.yardstick;
		this.#learning = parts.learning;
		this.#unconfirmed = parts.unconfirmed;
		this.#looksMax = parts.looksMax;
	}

	/** Once a sweep: what may have brought forward the deadlines of many. */
	refresh(): void {
		const { settings } = this.#yardstick;
		const offsetMs = this.#yardstick.toMonoMs(0) ?? Number.POSITIVE_INFINITY;
		const isClockSet = offsetMs < this.#offsetMs - clockSlackMs;
		if (settings !== this.#settings || isClockSet) {
			this.#settings = settings;
			this.#offsetMs = offsetMs;
			this.#table.columns.lookAtOnce(() => true);
		}
		this.#offsetMs = Math.max(offsetMs, this.#offsetMs);
		this.#followLearning();
	}

	/**
	 * Once a sweep: rows of the usual form of which nothing can be due yet need no look, since their columns say so. After a
	 * start, and after other settings, that is nearly all of them: a million take a tenth of a second, once.
	 */
	putOffUsual(nowMonoMs: number): void {
		const { nextLookMonoMs, flags, end } = this.#table.columns;
		for (let index = 0; index < end; index += 1) {
			if ((nextLookMonoMs[index] as number) > nowMonoMs || !isUsual(flags[index] as number)) continue;
			nextLookMonoMs[index] = nextLookOfUsual(this.#table, index, this.#yardstick);
		}
	}

	/**
	 * Those whose look is due, in the order of the table; of more than `looksMax` the next ones. Of unconfirmed runs that wait for
	 * nothing but a question, no more than can be asked at once.
	 */
	*due(nowMonoMs: number): Generator<Slot> {
		const { columns } = this.#table;
		const { end } = columns;
		const start = this.#from < end ? this.#from : 0;
		this.#from = 0;
		const room = { looks: this.#looksMax, strangers: this.#yardstick.settings.confirmRunsMax };
		for (let step = 0; step < end; step += 1) {
			const index = start + step < end ? start + step : start + step - end;
			if ((columns.nextLookMonoMs[index] as number) > nowMonoMs) continue;
			if (this.#takesRoom(index, room)) yield this.#table.at(index);
			else if (room.looks === 0) return;
		}
	}

	/** The first for which there is no room is the first of the next sweep. */
	#takesRoom(index: number, room: { looks: number; strangers: number }): boolean {
		const isStranger = this.#isStranger(index);
		if (room.looks === 0 || (isStranger && room.strangers === 0)) {
			if (room.looks === 0 || this.#from === 0) this.#from = index;
			return false;
		}
		room.looks -= 1;
		if (isStranger) room.strangers -= 1;
		return true;
	}

	#isStranger(index: number): boolean {
		const flags = this.#table.columns.flags[index] as number;
		return (flags & (bits.doubtful | bits.asking)) === bits.doubtful && this.#unconfirmed.has(index);
	}

	/** The run has been looked at, and nothing was to be done. */
	settle(slot: Slot): void {
		const surroundings = this.#table.columns.surroundingsAt(slot.index);
		slot.nextLookMonoMs = nextLookOf(slot, { yardstick: this.#yardstick, learning: this.#learning, surroundings });
	}

	#followLearning(): void {
		const { priors, habits } = this.#learning;
		if (priors.lowerings === this.#lowerings && habits.risings === this.#risings) return;
		this.#lowerings = priors.lowerings;
		this.#risings = habits.risings;
		const { columns } = this.#table;
		const moved = new Set<Surroundings>();
		for (const surroundings of columns.shared.all()) if (this.#breaks(surroundings)) moved.add(surroundings);
		if (moved.size === 0) return;
		columns.lookAtOnce((index, flags) => restsOnLearning(flags) && moved.has(columns.surroundingsAt(index)));
	}

	/** What was reckoned with for its runs does not hold any more. */
	#breaks(surroundings: Surroundings): boolean {
		const { priors, habits } = this.#learning;
		const { deploymentId, clientVersion } = surroundings.labels;
		let isBroken = false;
		if (surroundings.tauFloorMs !== null) {
			const floorMs = priors.floorMs(deploymentId, clientVersion);
			if (floorMs < surroundings.tauFloorMs) {
				surroundings.tauFloorMs = floorMs * floorShare;
				isBroken = true;
			}
		}
		if (surroundings.mayBeHabitual === false && habits.mayBeHabitual(deploymentId)) {
			surroundings.mayBeHabitual = true;
			isBroken = true;
		}
		return isBroken;
	}
}
