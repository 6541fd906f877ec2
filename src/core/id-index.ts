import { idWords, isSameId } from "./id-words.ts";

/** Probes stay short up to here. */
const fullShareMax = 0.8;
const growthFactor = 1.5;
const cellsMin = 64;

/** Where in a column of ids an id is: open addressing with linear probing, 5 to 8 bytes an id. */
export class IdIndex {
	/** Slot + 1; 0 is an empty cell. */
	#cells = new Int32Array(cellsMin);
	#size = 0;

	get bytes(): number {
		return this.#cells.byteLength;
	}

	/** Room for so many, while it is empty. */
	reserve(ids: number): void {
		this.#cells = new Int32Array(Math.max(cellsMin, Math.ceil(ids / fullShareMax) + 1));
	}

	/** @returns the slot, or -1 */
	find(ids: Uint32Array, words: Uint32Array): number {
		const cells = this.#cells;
		for (let cell = homeOf(words, 0, cells.length); ; cell = cell + 1 === cells.length ? 0 : cell + 1) {
			const slot = (cells[cell] as number) - 1;
			if (slot < 0 || isSameId(ids, slot * idWords, words, 0)) return slot;
		}
	}

	/** The id is in the column already, and not in the index. */
	add(ids: Uint32Array, slot: number): void {
		if (this.#size + 1 > this.#cells.length * fullShareMax) this.#grow(ids);
		this.#size += 1;
		this.#put(ids, slot);
	}

	/** The id is in the index, and still in the column. What was put behind it moves up, so that no grave is left. */
	remove(ids: Uint32Array, slot: number): void {
		const cells = this.#cells;
		let hole = homeOf(ids, slot * idWords, cells.length);
		while (cells[hole] !== slot + 1) hole = hole + 1 === cells.length ? 0 : hole + 1;
		this.#size -= 1;
		for (let cell = hole; ; ) {
			cell = cell + 1 === cells.length ? 0 : cell + 1;
			const moved = (cells[cell] as number) - 1;
			if (moved < 0) break;
			const home = homeOf(ids, moved * idWords, cells.length);
			if (stepsFrom(home, cell, cells.length) < stepsFrom(hole, cell, cells.length)) continue;
			cells[hole] = moved + 1;
			hole = cell;
		}
		cells[hole] = 0;
	}

	#put(ids: Uint32Array, slot: number): void {
		const cells = this.#cells;
		let cell = homeOf(ids, slot * idWords, cells.length);
		while (cells[cell] !== 0) cell = cell + 1 === cells.length ? 0 : cell + 1;
		cells[cell] = slot + 1;
	}

	#grow(ids: Uint32Array): void {
		const before = this.#cells;
		this.#cells = new Int32Array(Math.ceil(before.length * growthFactor));
		for (const entry of before) if (entry !== 0) this.#put(ids, entry - 1);
	}
}

/** Some ids begin with a time, and others differ in a few bits only: all words are mixed. */
function homeOf(words: Uint32Array, at: number, cells: number): number {
	const [a, b, c, d] = [words[at], words[at + 1], words[at + 2], words[at + 3]] as [number, number, number, number];
	let mixed = Math.imul(a ^ Math.imul(b, 0x85ebca6b), 0x9e3779b1) ^ Math.imul(c ^ Math.imul(d, 0xc2b2ae35), 0x27d4eb2f);
	mixed = Math.imul(mixed ^ (mixed >>> 15), 0x2c1b3c6d);
	return Math.floor((((mixed ^ (mixed >>> 13)) >>> 0) / 0x1_0000_0000) * cells);
}

function stepsFrom(from: number, to: number, cells: number): number {
	return to >= from ? to - from : to - from + cells;
}
