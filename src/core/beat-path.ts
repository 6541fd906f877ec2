import type { Instant } from "../lib/clock.ts";
import { firstKinds } from "./first-signs.ts";
import type { HeardBeat } from "./heard-beat.ts";
import { idOf } from "./id-words.ts";
import type { Observation } from "./observation.ts";
import { beatsShift, bits, deltasMax, firstShift } from "./run-columns.ts";
import type { RunTable } from "./run-table.ts";
import type { StreamLoss } from "./stream-loss.ts";
import { isUsual, nextLookOfUsual } from "./usual-row.ts";
import type { Witnesses } from "./witnesses.ts";
import type { Yardstick } from "./yardstick.ts";

export interface BeatPathParts {
	readonly table: RunTable;
	readonly yardstick: Yardstick;
	readonly observation: Observation;
	readonly witnesses: Witnesses;
	readonly loss: StreamLoss;
	/** An event has come that is news. @param receivedMs server's clock */
	readonly onHeard: (at: Instant, receivedMs: number) => void;
	readonly onCadence: (tauMs: number) => void;
}

/**
 * The short path of a heartbeat: where nothing is to be decided about the run, its row is changed in place, at a fraction
 * of the cost. It takes only what it knows to be usual; everything else goes the long way, through `mergeView`, which says
 * what a beat means. Both ways end in the same row (property-tested).
 */
export class BeatPath {
	readonly #parts: BeatPathParts;
	/** Of the beat that `#rowFor` was asked about last. */
	#deltaUs = 0;

	constructor(parts: BeatPathParts) {
		this.#parts = parts;
	}

	/** @returns false when the beat has to go the long way: then nothing is done */
	take(at: Instant, beat: HeardBeat): boolean {
		const { table, observation, witnesses, loss, onHeard, onCadence } = this.#parts;
		const { clock } = observation;
		const slot = this.#rowFor(beat, clock.leastInstantOf(at.monoMs, beat.receivedMs));
		if (slot === -1) return false;
		onHeard(at, beat.receivedMs);
		const aliveAtMonoMs = Math.min(at.monoMs, clock.toMonoMs(beat.receivedMs) ?? at.monoMs);
		if (witnesses.wants(aliveAtMonoMs)) witnesses.noteBeat(idOf(beat.runId, 0), aliveAtMonoMs);
		if (loss.isWaiting) loss.beatCame(idOf(beat.eventId, 0));
		this.#put(slot, beat, aliveAtMonoMs, at.monoMs);
		if (table.columns.has(slot, bits.settled)) onCadence(table.packing.settledTauMs(slot));
		return true;
	}

	/**
	 * The row that takes this beat in place; -1: none.
	 *
	 * @param aliveAtMonoMs the least that the beat's proof of life can be
	 */
	#rowFor(beat: HeardBeat, aliveAtMonoMs: number): number {
		const { packing, columns } = this.#parts.table;
		const slot = this.#parts.table.indexOfWords(beat.runId);
		if (slot === -1 || !this.#isTakenInPlace(slot)) return -1;
		if (aliveAtMonoMs < (columns.aliveMonoMs[slot] as number)) return -1;
		this.#deltaUs = packing.nextDeltaUs(slot, beat);
		return this.#deltaUs === 0 ? -1 : slot;
	}

	#isTakenInPlace(slot: number): boolean {
		const { packing, columns } = this.#parts.table;
		const flags = columns.flags[slot] as number;
		// A ring that is not full yet teaches something about its deployment.
		if (!isUsual(flags) || columns.small(slot, beatsShift, 15) !== deltasMax + 1) return false;
		// Its first beat after RUNNING does so too.
		const first = columns.small(slot, firstShift, 7);
		if (first === firstKinds.running || first === firstKinds.apart) return false;
		if (columns.surroundingsAt(slot).labels.clientVersion === null) return false;
		const isCallerSought = (flags & bits.ownLabels) !== 0 && (flags & bits.parentUnknown) === 0;
		return !isCallerSought || !packing.lacksParent(slot);
	}

	#put(slot: number, beat: HeardBeat, aliveAtMonoMs: number, nowMonoMs: number): void {
		const { table, yardstick } = this.#parts;
		const { packing, columns, unstoredBeats } = table;
		packing.putNextBeat(slot, beat, this.#deltaUs, aliveAtMonoMs);
		if (columns.small(slot, firstShift, 7) === firstKinds.none)
			columns.setSmall(slot, firstShift, 7, firstKinds.beaten);
		columns.touchedMonoMs[slot] = nowMonoMs;
		columns.nextLookMonoMs[slot] = nextLookOfUsual(table, slot, yardstick);
		unstoredBeats.mark(slot);
	}
}
