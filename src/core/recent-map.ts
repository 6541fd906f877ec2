/**
 * A bounded map that remembers which of its keys have changed, so that those alone are stored. A key that has not been
 * set for longest goes first when it is full, and then counts as changed too: its stored row is to be deleted.
 */
export class RecentMap<Value> {
	readonly #keysMax: number;
	readonly #values = new Map<string, Value>();
	#changed = new Set<string>();

	/** @param keysMax 1 or more */
	constructor(keysMax: number) {
		this.#keysMax = keysMax;
	}

	get isEmpty(): boolean {
		return this.#values.size === 0;
	}

	get(key: string): Value | undefined {
		return this.#values.get(key);
	}

	set(key: string, value: Value): void {
		this.#put(key, value);
		this.#changed.add(key);
	}

	/** What an earlier process stored, the newest last: nothing of it has changed but what no longer fits. */
	restore(rows: Iterable<readonly [key: string, value: Value]>): void {
		for (const [key, value] of rows) this.#put(key, value);
	}

	/** The keys set or gone since the last call, each once. */
	takeChanged(): readonly string[] {
		const changed = [...this.#changed];
		this.#changed = new Set();
		return changed;
	}

	#put(key: string, value: Value): void {
		// Taken out first, so that it is put in again as the newest.
		this.#values.delete(key);
		this.#values.set(key, value);
		if (this.#values.size <= this.#keysMax) return;
		for (const oldest of this.#values.keys()) {
			this.#values.delete(oldest);
			this.#changed.add(oldest);
			return;
		}
	}
}
