/** A worker counts as OFFLINE after three missed heartbeats of 30 s each: asking more often tells nothing new. */
const roundEveryMs = 30_000;
/** A request each; of more pools each waits for its turn. */
const poolsARoundMax = 10;

/** Which work pools to ask REST about, a few at a time. */
export class PoolQuestions {
	readonly #askedMonoMs = new Map<string, number>();
	#roundMonoMs = Number.NEGATIVE_INFINITY;

	/** Those to be asked about now, of the ones concerned; the longest not asked about first. */
	next(pools: ReadonlySet<string>, nowMonoMs: number): readonly string[] {
		if (nowMonoMs - this.#roundMonoMs < roundEveryMs) return [];
		this.#roundMonoMs = nowMonoMs;
		const askedAt = (pool: string): number => this.#askedMonoMs.get(pool) ?? Number.NEGATIVE_INFINITY;
		const round = [...pools]
			.toSorted()
			.toSorted((a, b) => (askedAt(a) < askedAt(b) ? -1 : Number(askedAt(a) > askedAt(b))))
			.slice(0, poolsARoundMax);
		for (const pool of round) this.#askedMonoMs.set(pool, nowMonoMs);
		return round;
	}

	forget(): void {
		this.#askedMonoMs.clear();
		this.#roundMonoMs = Number.NEGATIVE_INFINITY;
	}
}
