/** Pools whose buckets are remembered; of more the oldest is forgotten, which is full again by then. */
const bucketsMax = 1_000;
const minuteMs = 60_000;

interface Bucket {
	tokens: number;
	atMonoMs: number;
}

export interface BudgetLimits {
	readonly perMinute: number;
	readonly perPoolPerMinute: number;
}

/** A token bucket for all remedies and one for each work pool: each holds a minute's worth, and fills as time goes. */
export class RemedyBudget {
	readonly #all: Bucket = { tokens: Number.POSITIVE_INFINITY, atMonoMs: 0 };
	readonly #pools = new Map<string, Bucket>();

	/** Which of them is empty; null: a remedy may be done. @param workPool null: of none */
	obstacle(workPool: string | null, limits: BudgetLimits, nowMonoMs: number): "budget" | "pool_budget" | null {
		if (tokensIn(this.#all, limits.perMinute, nowMonoMs) < 1) return "budget";
		const pool = this.#pools.get(keyOf(workPool));
		const isEmpty = pool !== undefined && tokensIn(pool, limits.perPoolPerMinute, nowMonoMs) < 1;
		return isEmpty ? "pool_budget" : null;
	}

	/** A remedy is done, or was at that time. Call in the order of time. */
	spend(workPool: string | null, limits: BudgetLimits, atMonoMs: number): void {
		take(this.#all, limits.perMinute, atMonoMs);
		const key = keyOf(workPool);
		const pool = this.#pools.get(key) ?? { tokens: Number.POSITIVE_INFINITY, atMonoMs };
		take(pool, limits.perPoolPerMinute, atMonoMs);
		this.#pools.delete(key);
		this.#pools.set(key, pool);
		if (this.#pools.size <= bucketsMax) return;
		for (const oldest of this.#pools.keys()) {
			this.#pools.delete(oldest);
			return;
		}
	}
}

function tokensIn({ tokens, atMonoMs }: Bucket, perMinute: number, nowMonoMs: number): number {
	return Math.min(perMinute, tokens + ((nowMonoMs - atMonoMs) * perMinute) / minuteMs);
}

function take(bucket: Bucket, perMinute: number, atMonoMs: number): void {
	bucket.tokens = Math.max(0, tokensIn(bucket, perMinute, atMonoMs) - 1);
	bucket.atMonoMs = atMonoMs;
}

function keyOf(workPool: string | null): string {
	return workPool === null ? "" : `pool ${workPool}`;
}
