import type { IngestFigures } from "./ingest/ingest.ts";

/**
 * The least ratio to Prefect's subscriber by live runs: half of what has been measured on a machine that others used too
 * (35, 32, 18 and 11). Ratios within one run waver less than rates, and yet by a third on such a machine. Raise them with
 * what is measured.
 */
const ratiosMin: ReadonlyMap<number, number> = new Map([
	[1_000, 17],
	[10_000, 16],
	[100_000, 9],
	[1_000_000, 5.5],
]);

/** What has become slower than it may; a line each. */
export function regressions(ingest: readonly IngestFigures[]): readonly string[] {
	return ingest.flatMap(({ liveRuns, ratioToPrefectSubscriber: ratio, spread }) => {
		const least = ratiosMin.get(liveRuns) ?? 0;
		const lines =
			ratio < least ? [`${liveRuns} live runs: ${ratio} times Prefect's subscriber, at least ${least}`] : [];
		if (spread.unstored > 0 && liveRuns <= 100_000) lines.push(`${liveRuns} live runs: ${spread.unstored} not stored`);
		return spread.dropped > 0 ? [...lines, `${liveRuns} live runs: ${spread.dropped} events dropped`] : lines;
	});
}
