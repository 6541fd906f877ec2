import type { Clock } from "../lib/clock.ts";

/** Keys come from closed sets; the bound holds should one ever not. */
const keysMax = 1000;

/**
 * Lets one line a key through in each period and counts those it held back, so that the next one can say how many.
 * The clock is monotonic: a stepped wall clock neither floods nor silences the log.
 */
export class LineLimit {
	readonly #clock: Clock;
	readonly #everyMs: number;
	readonly #keys = new Map<string, { readonly openAtMonoMs: number; held: number }>();

	constructor(clock: Clock, everyMs: number) {
		this.#clock = clock;
		this.#everyMs = everyMs;
	}

	/** Null: say nothing now. Otherwise the number of lines held back under this key since the last one. */
	pass(key: string): number | null {
		const { monoMs } = this.#clock.now();
		const entry = this.#keys.get(key);
		if (entry !== undefined && monoMs < entry.openAtMonoMs) {
			entry.held += 1;
			return null;
		}
		if (entry === undefined && this.#keys.size >= keysMax) this.#keys.clear();
		this.#keys.set(key, { openAtMonoMs: monoMs + this.#everyMs, held: 0 });
		return entry?.held ?? 0;
	}
}
