import { idWords } from "./id-words.ts";
import type { RunLabels } from "./run.ts";
import { type Surroundings, SurroundingsTable } from "./surroundings.ts";

/** Intervals between the beats that a cadence is learned from: one less than `cadenceBeatsMax`. */
export const deltasMax = 8;

/** What is said of a run in one bit each. */
export const bits = {
	/** The slot is taken. */
	taken: 1 << 0,
	/** It is not of the usual form, and kept as an object beside the columns. */
	whole: 1 << 1,
	/** `isArmed`. */
	armed: 1 << 2,
	/** `isTerminal` of its state. */
	ended: 1 << 3,
	/** `isBeatingState` of its state. */
	shouldBeat: 1 << 4,
	/** REST said its state. */
	fromRest: 1 << 5,
	/** `endedAtMs` is its state's. */
	endedAt: 1 << 6,
	/** A heartbeat is known. */
	beat: 1 << 7,
	/** The heartbeat has no `occurredMs`. */
	unstamped: 1 << 8,
	/** `beatAtMonoMs` is not `aliveAtMonoMs`. */
	beatApart: 1 << 9,
	/** Has a name or parents of its own in memory. */
	ownLabels: 1 << 10,
	/** Has beats after its end, or a time that it is scheduled for. */
	extra: 1 << 11,
	/** An episode is open. */
	episode: 1 << 12,
	asking: 1 << 13,
	doubtful: 1 << 14,
	parentUnknown: 1 << 15,
	/** Three intervals or more: the one that is the cadence is named by `tauShift`. */
	settled: 1 << 16,
	/** Something of its watching is kept beside the columns. */
	rare: 1 << 17,
	/** Its name is stored: memory need not keep it. */
	named: 1 << 31,
} as const;
/** Beats in the ring, 4 bits. */
export const beatsShift = 18;
/** Which interval is the cadence, 3 bits. */
export const tauShift = 22;
/** `Passed`, 3 bits. */
export const passedShift = 25;
/** `FirstSigns`, 3 bits. */
export const firstShift = 28;

const capacityMin = 64;
const growthFactor = 1.5;

/** The columns of the run table: one row a slot, 146 bytes wide. Only the core's run table knows them. */
export class RunColumns {
	#capacity = capacityMin;
	flags = new Uint32Array(capacityMin);
	/** The run's, its state's and its last beat's id. */
	runIds = new Uint32Array(capacityMin * idWords);
	stateIds = new Uint32Array(capacityMin * idWords);
	beatIds = new Uint32Array(capacityMin * idWords);
	/** Our monotonic clock; NaN: null. */
	aliveMonoMs = new Float64Array(capacityMin);
	/** The server's clock. */
	stateMs = new Float64Array(capacityMin);
	receivedMs = new Float64Array(capacityMin);
	/** `received` of the last beat less its `occurred`, microseconds: days, where a worker's clock is wrong. */
	gapUs = new Float64Array(capacityMin);
	/** `transitMsMin` in microseconds; NaN: null. */
	transitUs = new Float64Array(capacityMin);
	/** Between the beats in the ring, the oldest first, microseconds. */
	deltasUs = new Uint32Array(capacityMin * deltasMax);
	/** Nothing about the run is to be done before: `next-look.ts`. */
	nextLookMonoMs = new Float64Array(capacityMin);
	touchedMonoMs = new Float64Array(capacityMin);
	surroundings = new Uint32Array(capacityMin);
	/** Type and name of the state; 0: none. */
	stateKinds = new Uint8Array(capacityMin);
	attempts = new Uint8Array(capacityMin);
	readonly shared = new SurroundingsTable();
	/** Slots below it may be taken. */
	end = 0;
	readonly #free: number[] = [];

	get bytes(): number {
		const columns = [this.flags, this.runIds, this.stateIds, this.beatIds, this.aliveMonoMs, this.stateMs];
		const others = [this.receivedMs, this.gapUs, this.transitUs, this.deltasUs, this.nextLookMonoMs];
		const small = [this.touchedMonoMs, this.surroundings, this.stateKinds, this.attempts];
		return [...columns, ...others, ...small].reduce((sum, { byteLength }) => sum + byteLength, 0);
	}

	/** A slot with nothing in it but these labels. */
	take(labels: RunLabels): number {
		const slot = this.#free.pop() ?? this.end;
		if (slot === this.#capacity) this.#grow(Math.ceil(this.#capacity * growthFactor));
		this.end = Math.max(this.end, slot + 1);
		this.flags[slot] = bits.taken;
		this.surroundings[slot] = this.shared.take(labels);
		return slot;
	}

	free(slot: number): void {
		this.shared.release(this.surroundings[slot] as number);
		this.flags[slot] = 0;
		this.nextLookMonoMs[slot] = Number.POSITIVE_INFINITY;
		this.#free.push(slot);
	}

	surroundingsAt(slot: number): Surroundings {
		return this.shared.at(this.surroundings[slot] as number);
	}

	/** Makes the looks at these runs due. */
	lookAtOnce(isConcerned: (slot: number, flags: number) => boolean): void {
		for (let slot = 0; slot < this.end; slot += 1) {
			const flags = this.flags[slot] as number;
			if (flags !== 0 && isConcerned(slot, flags)) this.nextLookMonoMs[slot] = Number.NEGATIVE_INFINITY;
		}
	}

	has(slot: number, bit: number): boolean {
		return ((this.flags[slot] as number) & bit) !== 0;
	}

	set(slot: number, bit: number, on: boolean): void {
		const flags = this.flags[slot] as number;
		this.flags[slot] = on ? flags | bit : flags & ~bit;
	}

	/** A number of at most four bits. */
	small(slot: number, shift: number, mask: number): number {
		return ((this.flags[slot] as number) >>> shift) & mask;
	}

	setSmall(slot: number, shift: number, mask: number, value: number): void {
		this.flags[slot] = ((this.flags[slot] as number) & ~(mask << shift)) | (value << shift);
	}

	/** Room for so many. */
	reserve(slots: number): void {
		if (slots > this.#capacity) this.#grow(slots);
	}

	#grow(capacity: number): void {
		this.flags = copied(this.flags, new Uint32Array(capacity));
		this.runIds = copied(this.runIds, new Uint32Array(capacity * idWords));
		this.stateIds = copied(this.stateIds, new Uint32Array(capacity * idWords));
		this.beatIds = copied(this.beatIds, new Uint32Array(capacity * idWords));
		this.aliveMonoMs = copied(this.aliveMonoMs, new Float64Array(capacity));
		this.stateMs = copied(this.stateMs, new Float64Array(capacity));
		this.receivedMs = copied(this.receivedMs, new Float64Array(capacity));
		this.gapUs = copied(this.gapUs, new Float64Array(capacity));
		this.transitUs = copied(this.transitUs, new Float64Array(capacity));
		this.deltasUs = copied(this.deltasUs, new Uint32Array(capacity * deltasMax));
		this.nextLookMonoMs = copied(this.nextLookMonoMs, new Float64Array(capacity));
		this.touchedMonoMs = copied(this.touchedMonoMs, new Float64Array(capacity));
		this.surroundings = copied(this.surroundings, new Uint32Array(capacity));
		this.stateKinds = copied(this.stateKinds, new Uint8Array(capacity));
		this.attempts = copied(this.attempts, new Uint8Array(capacity));
		this.#capacity = capacity;
	}
}

function copied<Column extends Float64Array | Uint32Array | Uint8Array>(from: Column, to: Column): Column {
	to.set(from);
	return to;
}
