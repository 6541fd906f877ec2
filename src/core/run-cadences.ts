import { deltaMinMs, unsettledCadence } from "./cadence.ts";
import type { SharedPrior } from "./priors.ts";
import { beatsShift, bits, deltasMax, tauShift } from "./run-columns.ts";
import type { RunTable } from "./run-table.ts";
import type { Yardstick } from "./yardstick.ts";

const deltaMinUs = deltaMinMs * 1000;

interface KnownPrior {
	readonly prior: SharedPrior;
	/** Rows of the runs that it was learned from. */
	readonly taughtBy: readonly number[];
}

/** `Yardstick.cadence` of many runs at one moment, straight from the columns. */
export class RunCadences {
	readonly #table: RunTable;
	readonly #yardstick: Yardstick;
	readonly #priors: (KnownPrior | undefined)[] = [];

	constructor(table: RunTable, yardstick: Yardstick) {
		this.#table = table;
		this.#yardstick = yardstick;
	}

	/** Milliseconds; null: unknown. */
	tauMsAt(index: number): number | null {
		const { flags, deltasUs } = this.#table.columns;
		const told = flags[index] as number;
		if ((told & bits.settled) !== 0) return (deltasUs[index * deltasMax + ((told >>> tauShift) & 7)] as number) / 1000;
		return this.#unsettledMsAt(index, told);
	}

	#unsettledMsAt(index: number, told: number): number | null {
		const known = this.#priorAt(index);
		// What a run has taught itself is no prior for it: that takes a closer look.
		if ((told & bits.whole) !== 0 || known.taughtBy.includes(index)) {
			return this.#yardstick.cadence(this.#table.at(index).run).tauMs;
		}
		const leastUs = this.#leastDeltaUs(index, ((told >>> beatsShift) & 15) - 1);
		const own = leastUs === null ? null : { tauMs: leastUs / 1000 };
		return unsettledCadence(own, known.prior.firmMs).tauMs;
	}

	#leastDeltaUs(index: number, deltas: number): number | null {
		const { deltasUs } = this.#table.columns;
		let leastUs: number | null = null;
		for (let delta = 0; delta < deltas; delta += 1) {
			const us = deltasUs[index * deltasMax + delta] as number;
			if (us >= deltaMinUs && (leastUs === null || us < leastUs)) leastUs = us;
		}
		return leastUs;
	}

	#priorAt(index: number): KnownPrior {
		const { surroundings, shared } = this.#table.columns;
		const place = surroundings[index] as number;
		let known = this.#priors[place];
		if (known === undefined) {
			const prior = this.#yardstick.sharedPrior(shared.at(place).labels);
			known = { prior, taughtBy: prior.runs.map(({ runId }) => this.#table.indexOf(runId)) };
			this.#priors[place] = known;
		}
		return known;
	}
}
