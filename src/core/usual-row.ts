import { nextLookAfterBeat } from "./next-look.ts";
import { bits, passedShift } from "./run-columns.ts";
import type { RunTable } from "./run-table.ts";
import type { Yardstick } from "./yardstick.ts";

/** An armed run whose cadence its own beats tell, */
const usualBits = bits.taken | bits.armed | bits.beat | bits.settled;
/** of which all that is known stands in the columns, and nothing is asked, doubted, told or put off. */
const unusualBits =
	bits.whole |
	bits.ended |
	bits.unstamped |
	bits.beatApart |
	bits.extra |
	bits.episode |
	bits.asking |
	bits.doubtful |
	bits.rare;

/** Of the form that nearly all rows have, and not asked about since its last beat. What concerns it can be told from its columns. */
export function isUsual(flags: number): boolean {
	return (flags & (usualBits | unusualBits)) === usualBits && ((flags >>> passedShift) & 7) === 0;
}

/**
 * `nextLookOf` of a row of the usual form, without an object; or earlier, where that needs a look at the whole run.
 *
 * @param slot a row of the usual form, but that its cadence need not be settled any more
 */
export function nextLookOfUsual({ columns, packing }: RunTable, slot: number, yardstick: Yardstick): number {
	const { type } = packing.kinds.at(columns.stateKinds[slot] as number);
	if (!columns.has(slot, bits.settled) || type !== "RUNNING") return Number.NEGATIVE_INFINITY;
	const aliveAtMonoMs = columns.aliveMonoMs[slot] as number;
	return nextLookAfterBeat(aliveAtMonoMs, packing.settledTauMs(slot), columns.surroundingsAt(slot), yardstick);
}
