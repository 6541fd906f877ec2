import type { IngestFigures } from "./ingest/ingest.ts";

/**
 * The least ratio to Prefect's subscriber by live runs, half of what has been measured (results.md): ratios within one run
 * waver less than rates, and yet by a third on a machine that others use as well.
 */
const ratiosMin: ReadonlyMap<number, number> = new Map([
	[1_000, 6],
	[10_000, 6],
	[100_000, 4],
	[1_000_000, 2],
]);

/** What has become slower than it may; a line each. */
export function regressions(ingest: readonly IngestFigures[]): readonly string[] {
	return ingest.flatMap(({ liveRuns, ratioToPrefectSubscriber: ratio, spread }) => {
		const least = ratiosMin.get(liveRuns) ?? 0;
		const lines =
			ratio < least ? [`${liveRuns} live runs: ${ratio} times Prefect's subscriber, at least ${least}`] : [];
		return spread.dropped > 0 ? [...lines, `${liveRuns} live runs: ${spread.dropped} events dropped`] : lines;
	});
}
