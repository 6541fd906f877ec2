/** A run's beats are written this often at most: a lost tail is harmless, since start-up catches up over REST. */
const beatsWrittenEveryMs = 60_000;
const roomMin = 256;
const growthFactor = 1.5;

/**
 * Rows of the run table with beats that are not stored yet: a byte a row. They are taken in the order of the table, a pass
 * over all of it in `beatsWrittenEveryMs`, so that a run is written once a pass at most, and rows that stand together are written
 * together: they do so in the store as well, whose pages are then touched once for all of them.
 */
export class UnstoredBeats {
	#isMarked = new Uint8Array(roomMin);
	/** Rows below it may be marked. */
	#end = 0;
	/** How far the present pass has come, and when it began; null: the first is still to begin. */
	#next = 0;
	#beganMonoMs: number | null = null;

	/** Costs next to nothing. */
	mark(slot: number): void {
		if (slot >= this.#isMarked.length) this.#makeRoom(slot);
		this.#isMarked[slot] = 1;
		if (slot >= this.#end) this.#end = slot + 1;
	}

	/** Nothing of it is unstored, or the row is another run's from now on. */
	forget(slot: number): void {
		if (slot < this.#end) this.#isMarked[slot] = 0;
	}

	/** Takes those that the pass has come to by now, ascending, `rowsMax` at most; the others come with the next calls. */
	takeDue(nowMonoMs: number, rowsMax: number): Int32Array {
		this.#beganMonoMs ??= nowMonoMs;
		const share = (nowMonoMs - this.#beganMonoMs) / beatsWrittenEveryMs;
		const taken = this.#take(share >= 1 ? this.#end : Math.floor(this.#end * share), rowsMax);
		if (share >= 1 && this.#next >= this.#end) this.#beginPass(nowMonoMs);
		return taken;
	}

	/** Takes those that are marked, wherever the pass is, ascending, `rowsMax` at most; none: there are no more. */
	takeAny(nowMonoMs: number, rowsMax: number): Int32Array {
		const taken = this.#take(this.#end, rowsMax);
		if (taken.length > 0 || this.#next === 0) return taken;
		this.#beginPass(nowMonoMs);
		return this.#take(this.#end, rowsMax);
	}

	#take(goal: number, rowsMax: number): Int32Array {
		const taken = new Int32Array(Math.min(rowsMax, Math.max(0, goal - this.#next)));
		let rows = 0;
		let slot = this.#next;
		for (; slot < goal && rows < taken.length; slot += 1) {
			if (this.#isMarked[slot] === 0) continue;
			this.#isMarked[slot] = 0;
			taken[rows] = slot;
			rows += 1;
		}
		this.#next = Math.max(this.#next, slot);
		return taken.subarray(0, rows);
	}

	#beginPass(nowMonoMs: number): void {
		this.#next = 0;
		this.#beganMonoMs = nowMonoMs;
	}

	#makeRoom(slot: number): void {
		const isMarked = new Uint8Array(Math.max(slot + 1, Math.ceil(this.#isMarked.length * growthFactor)));
		isMarked.set(this.#isMarked);
		this.#isMarked = isMarked;
	}
}
