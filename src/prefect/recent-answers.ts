import type { Clock } from "../lib/clock.ts";

/** Slots and waiting runs change slowly beside the minutes that a verdict takes. */
const goodForMs = 60_000;
/** Answers kept; the oldest goes first. */
const answersMax = 1_000;

/** Answers by deployment, pool or the like, each asked for once a minute at most, however many runs want it. */
export class RecentAnswers<Answer> {
	readonly #answers = new Map<string, { readonly answer: Answer; readonly atMonoMs: number }>();
	readonly #clock: Clock;

	constructor(clock: Clock) {
		this.#clock = clock;
	}

	/**
	 * @param fetch the answers about those that are not known; what it leaves out is asked for again
	 * @throws what `fetch` throws
	 */
	async of(
		keys: Iterable<string>,
		fetch: (keys: readonly string[]) => Promise<ReadonlyMap<string, Answer>>,
	): Promise<ReadonlyMap<string, Answer>> {
		const { monoMs } = this.#clock.now();
		const found = new Map<string, Answer>();
		const missing: string[] = [];
		for (const key of new Set(keys)) {
			const known = this.#answers.get(key);
			if (known !== undefined && monoMs - known.atMonoMs < goodForMs) found.set(key, known.answer);
			else missing.push(key);
		}
		const fetched: ReadonlyMap<string, Answer> = missing.length === 0 ? new Map() : await fetch(missing);
		for (const [key, answer] of fetched) {
			found.set(key, answer);
			this.#remember(key, answer, monoMs);
		}
		return found;
	}

	#remember(key: string, answer: Answer, atMonoMs: number): void {
		// Taken out first, so that it is put in again as the newest.
		this.#answers.delete(key);
		this.#answers.set(key, { answer, atMonoMs });
		for (const oldest of this.#answers.keys()) {
			if (this.#answers.size <= answersMax) return;
			this.#answers.delete(oldest);
		}
	}
}
