const scoreMax = 7;
const cleanMs = 60_000;

/** How far we trust ourselves: 0 is well, each trouble adds one, a clean minute takes one away. */
export interface OwnHealth {
	readonly score: number;
	/** The last change of the score. */
	readonly sinceMonoMs: number;
}

export function withTrouble(health: OwnHealth, nowMonoMs: number): OwnHealth {
	return {
		score: Math.min(scoreMax, health.score + 1),
		sinceMonoMs: nowMonoMs,
	};
}

export function afterTick(health: OwnHealth, nowMonoMs: number): OwnHealth {
	if (health.score === 0 || nowMonoMs - health.sinceMonoMs < cleanMs) return health;
	return { score: health.score - 1, sinceMonoMs: nowMonoMs };
}
