import { expect, test } from "vitest";
import { createReporter } from "../../../src/observe/log-and-metrics.ts";
import { createLogger } from "../../../src/observe/logger.ts";
import { Metrics } from "../../../src/observe/metrics.ts";
import { CollectingStream } from "../../_util/collecting-stream.ts";
import { sumSeries } from "../../_util/metrics-page.ts";
import { SkippingClock } from "../../_util/prefect-clock.ts";
import { sampleTransition } from "../../_util/sample-episode.ts";

const namesCount = 100_000;
const seriesMax = 2000;

const sweepFigures = {
	durationMs: 1,
	atMs: 0,
	runs: { beating: 0, unmonitored: 0, idle: 0 },
	suspects: 0,
	unconfirmed: 0,
	openEpisodes: {},
	openGroups: {},
	streamConnected: true,
	lastEventAtMs: null,
	ownHealth: 0,
};

function seriesOf(page: string): string[] {
	return page.split("\n").filter((line) => line !== "" && !line.startsWith("#"));
}

test("M4: 100,000 hostile names give no series but those of 50 work pools, and the page holds at most 2,000", async () => {
	const clock = new SkippingClock();
	const metrics = new Metrics({ version: "1", revision: "r", nodeVersion: "v" });
	const stderr = new CollectingStream();
	const logger = createLogger({ stream: stderr, level: "error", clock, secrets: [], colour: false });
	const reporter = createReporter({ logger, metrics: metrics.workspace("default"), clock });
	const before = seriesOf(await metrics.text()).length;
	for (let index = 0; index < namesCount; index++) {
		const name = `canary"}\n{a="${index}\u2028\u001b[31m`;
		const transition = sampleTransition(
			{ runId: `0198a3c4-1111-7222-8333-${index.toString(16).padStart(12, "0")}` },
			{ name, flowName: name, deploymentName: name, workPool: name, tags: [name] },
		);
		reporter.transition(transition);
		reporter.anomaly("late_beat", { runId: transition.episode.runId, detail: name });
		reporter.frameRejected("unknown_type", name);
		reporter.apiFailed("events", "rejected", name);
		reporter.beatOfCadence(30_000);
	}
	const oldestBeatsMs = new Map(
		Array.from({ length: namesCount }, (_, index) => [`canary"}\n{a="${index}\u2028\u001b[31m`, index * 1000]),
	);
	for (let sweep = 0; sweep < 3; sweep++) reporter.swept({ ...sweepFigures, oldestBeatsMs });
	const full = await metrics.text();
	const ofPools = seriesOf(full).filter((line) => line.startsWith("zombied_oldest_beat_timestamp_seconds{"));
	expect(ofPools).toHaveLength(50);
	expect(new Set(ofPools.map((line) => line.slice(0, line.lastIndexOf(" ")))).size).toBe(50);
	expect(full).not.toContain("\u2028");
	expect(full).not.toContain("\u001b");
	expect(sumSeries(full, "zombied_series_dropped_total")).toBe(namesCount - 50);
	reporter.swept({ ...sweepFigures, oldestBeatsMs: new Map() });
	const page = await metrics.text();
	// A sweep's own gauges without a zero: the time of the sweep, and three kinds of coverage, the suspects and the unconfirmed.
	expect(seriesOf(page)).toHaveLength(before + 6);
	expect(before).toBeLessThanOrEqual(seriesMax);
	expect(page).not.toContain("canary");
	expect(page).toContain(`zombied_episodes_opened_total{condition="zombie",workspace="default"} ${namesCount}`);
	expect(page).toContain(`zombied_cadence_seconds_bucket{le="30",workspace="default"} ${namesCount}`);
}, 60_000);
