import type { IngestFigures } from "./ingest/ingest.ts";

/**
 * The least ratio to Prefect's subscriber by live runs: half of what has been measured (results.md). Ratios within one run
 * waver less than rates, and yet by a third on a machine that others use as well. Raise them with what is measured.
 */
const ratiosMin: ReadonlyMap<number, number> = new Map([
	[1_000, 4],
	[10_000, 4],
	[100_000, 0.6],
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
