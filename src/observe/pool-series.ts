import { plainText } from "./plain-text.ts";

/** Work pools that have a series: the most overdue ones; the others are counted (`zombied_series_dropped_total`). */
export const poolSeriesMax = 50;
const poolCharsMax = 100;
/** For runs without a work pool: Prefect allows neither bracket in a pool's name, and what breaks that is rewritten. */
export const noPool = "<none>";

/** Which work pools get a series, so that neither their number nor their names burden the page. */
export class PoolSeries {
	#left: ReadonlySet<string | null> = new Set();

	/**
	 * @param oldestMs by work pool; null: in none
	 * @returns the series by label, the oldest first, and how many pools are left out that were not the last time
	 */
	of(oldestMs: ReadonlyMap<string | null, number>): {
		readonly series: ReadonlyMap<string, number>;
		readonly newlyDropped: number;
	} {
		const oldestFirst = [...oldestMs].sort(([, a], [, b]) => a - b);
		const series = new Map<string, number>();
		for (const [pool, ms] of oldestFirst.slice(0, poolSeriesMax)) {
			const label = labelOf(pool);
			// Two names may look the same once they are cut: the older one is shown.
			if (!series.has(label)) series.set(label, ms);
		}
		const left = new Set(oldestFirst.slice(poolSeriesMax).map(([pool]) => pool));
		const newlyDropped = [...left].filter((pool) => !this.#left.has(pool)).length;
		this.#left = left;
		return { series, newlyDropped };
	}
}

function labelOf(pool: string | null): string {
	return pool === null ? noPool : plainText(pool, poolCharsMax).replaceAll(/[<>]/gu, "?");
}
