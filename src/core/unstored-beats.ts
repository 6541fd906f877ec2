/** Rows marked within so long of one another wait together: the clock of the writing is no finer. */
const markedTogetherMs = 1_000;
const roomMin = 256;
const growthFactor = 2;

/** Rows whose beats began to wait at about the same time. */
interface Lot {
	readonly sinceMonoMs: number;
	slots: Int32Array;
	length: number;
}

/**
 * Rows of the run table with beats that are not stored yet, and since when: at most five bytes a row. What is due is given
 * in ascending order throughout, not in each batch alone, because rows that stand together in the table do so in the store.
 */
export class UnstoredBeats {
	#isMarked = new Uint8Array(roomMin);
	/** The oldest first. One that stands in them and is not marked any more is passed over. */
	#lots: Lot[] = [];
	/** Those that are due, ascending, from `#dueFrom` on. */
	#due = new Int32Array(0);
	#dueFrom = 0;

	/** Costs next to nothing when it waits already. */
	mark(slot: number, nowMonoMs: number): void {
		if (this.#isMarked[slot] === 1) return;
		if (slot >= this.#isMarked.length) this.#makeRoom(slot);
		this.#isMarked[slot] = 1;
		let lot = this.#lots.at(-1);
		if (lot === undefined || nowMonoMs - lot.sinceMonoMs >= markedTogetherMs) {
			lot = { sinceMonoMs: nowMonoMs, slots: new Int32Array(roomMin), length: 0 };
			this.#lots.push(lot);
		}
		if (lot.length === lot.slots.length) lot.slots = grown(lot.slots, lot.length * growthFactor);
		lot.slots[lot.length] = slot;
		lot.length += 1;
	}

	/** The row is another run's from now on. */
	forget(slot: number): void {
		if (slot < this.#isMarked.length) this.#isMarked[slot] = 0;
	}

	/** Takes rows that have waited since then or longer, ascending, `rowsMax` at most; the others come with the next calls. */
	takeDue(untilMonoMs: number, rowsMax: number): Int32Array {
		if (this.#dueFrom === this.#due.length) this.#gatherDue(untilMonoMs);
		const taken = new Int32Array(Math.min(rowsMax, this.#due.length - this.#dueFrom));
		let rows = 0;
		while (rows < taken.length && this.#dueFrom < this.#due.length) {
			const slot = this.#due[this.#dueFrom] as number;
			this.#dueFrom += 1;
			if (this.#isMarked[slot] === 0) continue;
			this.#isMarked[slot] = 0;
			taken[rows] = slot;
			rows += 1;
		}
		return taken.subarray(0, rows);
	}

	#gatherDue(untilMonoMs: number): void {
		const next = this.#lots.findIndex(({ sinceMonoMs }) => sinceMonoMs > untilMonoMs);
		const lots = this.#lots.splice(0, next === -1 ? this.#lots.length : next);
		this.#due = new Int32Array(lots.reduce((rows, { length }) => rows + length, 0));
		this.#dueFrom = 0;
		let end = 0;
		for (const { slots, length } of lots) {
			this.#due.set(slots.subarray(0, length), end);
			end += length;
		}
		this.#due.sort();
	}

	#makeRoom(slot: number): void {
		const isMarked = new Uint8Array(Math.max(slot + 1, this.#isMarked.length * growthFactor));
		isMarked.set(this.#isMarked);
		this.#isMarked = isMarked;
	}
}

function grown(from: Int32Array, length: number): Int32Array {
	const to = new Int32Array(length);
	to.set(from);
	return to;
}
