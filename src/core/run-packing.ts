import { deltaMinMs, ownIntervalsMin } from "./cadence.ts";
import type { HeardBeat } from "./heard-beat.ts";
import { idOf, idWords, isSameId, putId } from "./id-words.ts";
import { usOf } from "./micros.ts";
import { type AfterEnd, type BeatView, isArmed, isBeatingState, isTerminal, type Run, type StateView } from "./run.ts";
import { beatsShift, bits, deltasMax, type RunColumns, tauShift } from "./run-columns.ts";
import { StateKinds } from "./state-kinds.ts";
import { belongsTo, labelsOf, type OwnLabels } from "./surroundings.ts";

const deltaMinUs = deltaMinMs * 1000;
/** What a byte holds; a run that was tried more often is kept as an object. */
const attemptMax = 255;
const deltaLimitUs = 2 ** 32;

/**
 * Runs in columns. **What is written is read again as it was, field by field**: times of record in whole microseconds, as
 * the server and its clients give them, differ by integers. A run for which that does not hold (ids that are no UUIDs,
 * beats an hour apart or out of order, an end that was overtaken) is kept as it is, beside the columns; those are few.
 */
export class RunPacking {
	readonly columns: RunColumns;
	readonly kinds = new StateKinds();
	readonly #whole = new Map<number, Run>();
	readonly #own = new Map<number, OwnLabels>();
	readonly #beatAtMonoMs = new Map<number, number | null>();
	readonly #afterEnd = new Map<number, AfterEnd>();
	readonly #scheduledMs = new Map<number, number>();

	constructor(columns: RunColumns) {
		this.columns = columns;
	}

	write(slot: number, run: Run): void {
		const { columns } = this;
		this.#forgetSides(slot);
		this.#writeLabels(slot, run);
		columns.aliveMonoMs[slot] = run.aliveAtMonoMs ?? Number.NaN;
		columns.stateMs[slot] = run.state?.timestampMs ?? Number.NaN;
		columns.receivedMs[slot] = run.lastBeat?.receivedMs ?? Number.NaN;
		columns.set(slot, bits.armed, isArmed(run));
		columns.set(slot, bits.ended, run.state !== null && isTerminal(run.state.type));
		columns.set(slot, bits.shouldBeat, run.state !== null && isBeatingState(run.state.type));
		columns.set(slot, bits.beat, run.lastBeat !== null);
		columns.set(slot, bits.settled, false);
		const hasId = putId(columns.runIds, slot * idWords, run.runId);
		const isUsual = hasId && this.#writeState(slot, run) && this.#writeBeats(slot, run);
		columns.set(slot, bits.whole, !isUsual);
		if (!isUsual) this.#whole.set(slot, run);
		else this.#writeSides(slot, run);
	}

	read(slot: number): Run {
		const { columns } = this;
		if (columns.has(slot, bits.whole)) return this.#whole.get(slot) as Run;
		const aliveAtMonoMs = numberOrNull(columns.aliveMonoMs[slot] as number);
		const lastBeat = this.#beatAt(slot);
		const transitUs = columns.transitUs[slot] as number;
		return {
			runId: idOf(columns.runIds, slot * idWords),
			attempt: columns.attempts[slot] as number,
			state: this.#stateAt(slot),
			endedAtMs: columns.has(slot, bits.endedAt) ? (columns.stateMs[slot] as number) : null,
			aliveAtMonoMs,
			lastBeat,
			beatAtMonoMs: this.#beatInstantAt(slot, lastBeat, aliveAtMonoMs),
			occurredMs: this.#ringAt(slot),
			labels: labelsOf(columns.shared.at(columns.surroundings[slot] as number), this.#own.get(slot)),
			transitMsMin: Number.isNaN(transitUs) ? null : transitUs / 1000,
			afterEnd: this.#afterEnd.get(slot) ?? null,
		};
	}

	/**
	 * How long after the row's last beat this one occurred, microseconds; 0 unless it is the beat that is expected of it: one
	 * of its attempt, later than all that are known by the worker's clock and by the server's, and no other event of the
	 * same id.
	 *
	 * @param slot a row of the usual form whose last beat is stamped, in its ring, and the proof of life
	 */
	nextDeltaUs(slot: number, { eventId, occurredMs, receivedMs }: HeardBeat): number {
		const { columns } = this;
		if (receivedMs <= (columns.receivedMs[slot] as number) || receivedMs < (columns.stateMs[slot] as number)) return 0;
		const deltaUs = usOf(occurredMs) - this.newestUs(slot);
		if (deltaUs <= 0 || deltaUs >= deltaLimitUs) return 0;
		return isSameId(columns.beatIds, slot * idWords, eventId, 0) ? 0 : deltaUs;
	}

	/**
	 * What `write(slot, run with the beat)` does, in place.
	 *
	 * @param slot a row with a full ring
	 * @param deltaUs of `nextDeltaUs`
	 * @param aliveAtMonoMs not before the row's
	 */
	putNextBeat(slot: number, beat: HeardBeat, deltaUs: number, aliveAtMonoMs: number): void {
		const { columns } = this;
		const { deltasUs, beatIds } = columns;
		const { eventId, receivedMs } = beat;
		const at = slot * deltasMax;
		for (let index = at; index < at + deltasMax - 1; index += 1) deltasUs[index] = deltasUs[index + 1] as number;
		deltasUs[at + deltasMax - 1] = deltaUs;
		this.settle(slot, deltasMax);
		for (let word = 0; word < idWords; word += 1) beatIds[slot * idWords + word] = eventId[word] as number;
		const gapUs = usOf(receivedMs) - usOf(beat.occurredMs);
		columns.receivedMs[slot] = receivedMs;
		columns.gapUs[slot] = gapUs;
		// NaN: the first that is known.
		if (!((columns.transitUs[slot] as number) <= gapUs)) columns.transitUs[slot] = gapUs;
		columns.aliveMonoMs[slot] = aliveAtMonoMs;
	}

	/** The cadence that the row's own beats tell, milliseconds; its intervals are enough (`bits.settled`). */
	settledTauMs(slot: number): number {
		const { columns } = this;
		return (columns.deltasUs[slot * deltasMax + columns.small(slot, tauShift, 7)] as number) / 1000;
	}

	/** A subflow whose caller is not known, or not known by its flow run. */
	lacksParent(slot: number): boolean {
		const own = this.columns.has(slot, bits.ownLabels) ? this.#own.get(slot) : undefined;
		return own !== undefined && own.parentTaskRunId !== null && own.parentRunId === null;
	}

	forget(slot: number): void {
		this.#forgetSides(slot);
		if (this.columns.has(slot, bits.ownLabels)) this.#own.delete(slot);
	}

	#forgetSides(slot: number): void {
		const { columns } = this;
		if (columns.has(slot, bits.whole)) this.#whole.delete(slot);
		if (columns.has(slot, bits.beatApart)) this.#beatAtMonoMs.delete(slot);
		if (!columns.has(slot, bits.extra)) return;
		this.#afterEnd.delete(slot);
		this.#scheduledMs.delete(slot);
	}

	/** The name is stored: it is told again where it is needed, and stays where it is stored. */
	forgetName(slot: number): void {
		const { columns } = this;
		columns.set(slot, bits.named, true);
		if (columns.has(slot, bits.ownLabels)) this.#writeLabels(slot, this.read(slot));
	}

	#writeLabels(slot: number, { labels }: Run): void {
		const { columns } = this;
		const known = columns.surroundings[slot] as number;
		if (!belongsTo(columns.shared.at(known), labels)) {
			// Taken first: what they have in common with nobody else is not made anew.
			columns.surroundings[slot] = columns.shared.take(labels);
			columns.shared.release(known);
		}
		const { parentTaskRunId, parentRunId } = labels;
		const name = columns.has(slot, bits.named) ? null : labels.name;
		const hasOwn = name !== null || parentTaskRunId !== null || parentRunId !== null;
		if (hasOwn) this.#own.set(slot, { name, parentTaskRunId, parentRunId });
		else if (columns.has(slot, bits.ownLabels)) this.#own.delete(slot);
		columns.set(slot, bits.ownLabels, hasOwn);
	}

	#writeSides(slot: number, { aliveAtMonoMs, beatAtMonoMs, lastBeat, afterEnd, state }: Run): void {
		const { columns } = this;
		const isApart = beatAtMonoMs !== (lastBeat === null ? null : aliveAtMonoMs);
		columns.set(slot, bits.beatApart, isApart);
		if (isApart) this.#beatAtMonoMs.set(slot, beatAtMonoMs);
		const scheduledMs = state?.scheduledTimeMs ?? null;
		columns.set(slot, bits.extra, afterEnd !== null || scheduledMs !== null);
		if (afterEnd !== null) this.#afterEnd.set(slot, afterEnd);
		if (scheduledMs !== null) this.#scheduledMs.set(slot, scheduledMs);
	}

	/** @returns false when the run is not of the usual form */
	#writeState(slot: number, { state, attempt, endedAtMs }: Run): boolean {
		const { columns } = this;
		if (!Number.isInteger(attempt) || attempt < 0 || attempt > attemptMax) return false;
		if (endedAtMs !== null && endedAtMs !== state?.timestampMs) return false;
		columns.attempts[slot] = attempt;
		columns.set(slot, bits.endedAt, endedAtMs !== null);
		columns.stateKinds[slot] = 0;
		if (state === null) return true;
		const kind = this.kinds.numberOf(state);
		if (kind === null || Number.isNaN(state.timestampMs)) return false;
		columns.stateKinds[slot] = kind;
		columns.set(slot, bits.fromRest, state.fromRest);
		return putId(columns.stateIds, slot * idWords, state.id);
	}

	/** @returns false when the run is not of the usual form */
	#writeBeats(slot: number, { lastBeat, occurredMs, transitMsMin }: Run): boolean {
		const { columns } = this;
		const transitUs = transitMsMin === null ? Number.NaN : usOf(transitMsMin);
		columns.transitUs[slot] = transitUs;
		if (transitMsMin !== null && transitUs / 1000 !== transitMsMin) return false;
		columns.setSmall(slot, beatsShift, 15, occurredMs.length);
		if (lastBeat === null) return occurredMs.length === 0;
		return this.#writeLastBeat(slot, lastBeat) && this.#writeRing(slot, lastBeat.occurredMs, occurredMs);
	}

	#writeLastBeat(slot: number, { eventId, occurredMs, receivedMs }: BeatView): boolean {
		const { columns } = this;
		if (receivedMs === null || !putId(columns.beatIds, slot * idWords, eventId)) return false;
		columns.set(slot, bits.unstamped, occurredMs === null);
		if (occurredMs === null) return true;
		const gapUs = usOf(receivedMs) - usOf(occurredMs);
		columns.gapUs[slot] = gapUs;
		return (usOf(receivedMs) - gapUs) / 1000 === occurredMs;
	}

	#writeRing(slot: number, newestMs: number | null, occurredMs: readonly number[]): boolean {
		if (occurredMs.length === 0) return true;
		if (occurredMs.length > deltasMax + 1 || occurredMs.at(-1) !== newestMs) return false;
		const { deltasUs } = this.columns;
		for (let beat = 1; beat < occurredMs.length; beat += 1) {
			const beforeMs = occurredMs[beat - 1] as number;
			const deltaUs = usOf(occurredMs[beat] as number) - usOf(beforeMs);
			if (deltaUs <= 0 || deltaUs >= deltaLimitUs || usOf(beforeMs) / 1000 !== beforeMs) return false;
			deltasUs[slot * deltasMax + beat - 1] = deltaUs;
		}
		this.settle(slot, occurredMs.length - 1);
		return true;
	}

	/** Names the interval that is the cadence, once there are enough of them: the second smallest. */
	settle(slot: number, deltas: number): void {
		const { columns } = this;
		const at = slot * deltasMax;
		let [intervals, least, second] = [0, -1, -1];
		for (let index = 0; index < deltas; index += 1) {
			const deltaUs = columns.deltasUs[at + index] as number;
			if (deltaUs < deltaMinUs) continue;
			intervals += 1;
			if (least === -1 || deltaUs < (columns.deltasUs[at + least] as number)) [least, second] = [index, least];
			else if (second === -1 || deltaUs < (columns.deltasUs[at + second] as number)) second = index;
		}
		const isSettled = intervals >= ownIntervalsMin;
		columns.set(slot, bits.settled, isSettled);
		if (isSettled) columns.setSmall(slot, tauShift, 7, second);
	}

	#stateAt(slot: number): StateView | null {
		const { columns } = this;
		const kind = columns.stateKinds[slot] as number;
		if (kind === 0) return null;
		const { type, name } = this.kinds.at(kind);
		return {
			id: idOf(columns.stateIds, slot * idWords),
			type,
			name,
			timestampMs: columns.stateMs[slot] as number,
			scheduledTimeMs: columns.has(slot, bits.extra) ? (this.#scheduledMs.get(slot) ?? null) : null,
			fromRest: columns.has(slot, bits.fromRest),
		};
	}

	#beatAt(slot: number): BeatView | null {
		const { columns } = this;
		if (!columns.has(slot, bits.beat)) return null;
		return {
			eventId: idOf(columns.beatIds, slot * idWords),
			occurredMs: columns.has(slot, bits.unstamped) ? null : this.newestUs(slot) / 1000,
			receivedMs: columns.receivedMs[slot] as number,
		};
	}

	/** `occurred` of the last beat, in whole microseconds. */
	newestUs(slot: number): number {
		return usOf(this.columns.receivedMs[slot] as number) - (this.columns.gapUs[slot] as number);
	}

	#beatInstantAt(slot: number, lastBeat: BeatView | null, aliveAtMonoMs: number | null): number | null {
		if (this.columns.has(slot, bits.beatApart)) return this.#beatAtMonoMs.get(slot) as number | null;
		return lastBeat === null ? null : aliveAtMonoMs;
	}

	#ringAt(slot: number): readonly number[] {
		const { columns } = this;
		const beats = columns.small(slot, beatsShift, 15);
		const ring: number[] = Array.from({ length: beats });
		if (beats === 0) return ring;
		let us = this.newestUs(slot);
		ring[beats - 1] = us / 1000;
		for (let beat = beats - 2; beat >= 0; beat -= 1) {
			us -= columns.deltasUs[slot * deltasMax + beat] as number;
			ring[beat] = us / 1000;
		}
		return ring;
	}
}

function numberOrNull(value: number): number | null {
	return Number.isNaN(value) ? null : value;
}
