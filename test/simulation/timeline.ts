/** Something that happens at a moment; `cancel` takes it out. */
export interface Appointment {
	readonly atMs: number;
	readonly order: number;
	act: (() => void | Promise<void>) | null;
}

/** The world's time, and all that is to happen, in order of time; of one moment, in the order in which it was agreed. */
export class Timeline {
	readonly #heap: Appointment[] = [];
	#nowMs = 0;
	#order = 0;

	/** Milliseconds since the world began. */
	get nowMs(): number {
		return this.#nowMs;
	}

	at(atMs: number, act: () => void | Promise<void>): Appointment {
		const appointment = { atMs: Math.max(atMs, this.#nowMs), order: this.#order++, act };
		this.#heap.push(appointment);
		this.#rise(this.#heap.length - 1);
		return appointment;
	}

	after(ms: number, act: () => void | Promise<void>): Appointment {
		return this.at(this.#nowMs + ms, act);
	}

	/** Moves time on to the next that happens until then; null: nothing does, and time stands at `untilMs`. */
	next(untilMs: number): (() => void | Promise<void>) | null {
		for (;;) {
			const [first] = this.#heap;
			if (first === undefined || first.atMs > untilMs) {
				this.#nowMs = untilMs;
				return null;
			}
			this.#takeFirst();
			if (first.act === null) continue;
			this.#nowMs = first.atMs;
			return first.act;
		}
	}

	#takeFirst(): void {
		const last = this.#heap.pop();
		if (last === undefined || this.#heap.length === 0) return;
		this.#heap[0] = last;
		this.#sink();
	}

	#rise(from: number): void {
		const heap = this.#heap;
		for (let index = from; index > 0; ) {
			const parent = (index - 1) >> 1;
			if (!isBefore(heap, index, parent)) return;
			swap(heap, index, parent);
			index = parent;
		}
	}

	#sink(): void {
		const heap = this.#heap;
		for (let index = 0; ; ) {
			let least = index;
			for (const child of [2 * index + 1, 2 * index + 2]) {
				if (child < heap.length && isBefore(heap, child, least)) least = child;
			}
			if (least === index) return;
			swap(heap, index, least);
			index = least;
		}
	}
}

function isBefore(heap: readonly Appointment[], one: number, other: number): boolean {
	const a = heap[one] as Appointment;
	const b = heap[other] as Appointment;
	return a.atMs < b.atMs || (a.atMs === b.atMs && a.order < b.order);
}

function swap(heap: Appointment[], one: number, other: number): void {
	const kept = heap[one] as Appointment;
	heap[one] = heap[other] as Appointment;
	heap[other] = kept;
}
