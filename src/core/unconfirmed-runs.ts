import type { RunLabels } from "./run.ts";
import type { RunTable } from "./run-table.ts";
import type { TrackerOptions } from "./settings.ts";
import type { Slot } from "./slot.ts";

/** Characters of the labels of unconfirmed runs: a made-up event may bring 50,000, a real one some 300. Beyond it they leave as well. */
const unconfirmedCharsMax = 67_108_864;

interface Unconfirmed {
	/** As far as is known here: the table knows better. */
	readonly heardMonoMs: number;
	readonly chars: number;
}

/**
 * Runs that are in the table on the word of events alone. Whoever may emit events to Prefect can make up ids, and REST needs time
 * to say which of them there are: it lists a thousand runs a second, and answers for a hundred. So there is room for so many;
 * beyond it the one that was not heard of for longest leaves. A real one comes back with its next event, or when REST lists it.
 */
export class UnconfirmedRuns {
	readonly #table: RunTable;
	readonly #live: TrackerOptions["live"];
	/** By row of the table; the one that has not been heard of for longest first, as far as is known. */
	readonly #runs = new Map<number, Unconfirmed>();
	#chars = 0;
	/**
	 * Goes on with the oldest, and with what is put in meanwhile: to begin anew each time is slow in a map whose front is
	 * deleted all the time.
	 */
	#oldest = this.#runs.entries();

	constructor({ table, live }: { table: RunTable; live: TrackerOptions["live"] }) {
		this.#table = table;
		this.#live = live;
	}

	get size(): number {
		return this.#runs.size;
	}

	/** @param index of a row of the table */
	has(index: number): boolean {
		return this.#runs.has(index);
	}

	/** An event told of it. */
	heard({ index, run, touchedMonoMs }: Slot): void {
		this.forget(index);
		this.#put(index, { heardMonoMs: touchedMonoMs, chars: charsOf(run.labels) });
	}

	/** REST has told of it, or it has left the table. */
	forget(index: number): void {
		const known = this.#runs.get(index);
		if (known === undefined) return;
		this.#runs.delete(index);
		this.#chars -= known.chars;
	}

	/** The row of the one that has to leave, and is gone when this is asked again; -1: there is room for all. */
	excess(): number {
		const { unconfirmedRunsMax } = this.#live.current;
		if (this.#runs.size <= unconfirmedRunsMax && this.#chars <= unconfirmedCharsMax) return -1;
		for (;;) {
			for (const [index, known] of this.#oldest) {
				const heardMonoMs = this.#table.columns.touchedMonoMs[index] as number;
				if (heardMonoMs <= known.heardMonoMs) return index;
				// Its beats came the short way: it goes to the end of the line, once.
				this.forget(index);
				this.#put(index, { ...known, heardMonoMs });
			}
			this.#oldest = this.#runs.entries();
		}
	}

	#put(index: number, run: Unconfirmed): void {
		this.#runs.set(index, run);
		this.#chars += run.chars;
	}
}

function charsOf({ tags, ...labels }: RunLabels): number {
	const texts: readonly (string | null)[] = [...Object.values(labels), ...tags];
	return texts.reduce((sum, text) => sum + (text?.length ?? 0), 0);
}
