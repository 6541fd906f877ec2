import { conditions } from "../core/episode.ts";
import { groupKinds } from "./metric-labels.ts";
import type { WorkspaceMetrics } from "./metrics.ts";
import { PoolSeries } from "./pool-series.ts";
import type { SweepFigures } from "./reporter.ts";

/** Writes what a sweep saw; a scrape reads it as it stands. */
export function sweepGauges(metrics: WorkspaceMetrics): (figures: SweepFigures) => void {
	const pools = new PoolSeries();
	return (figures) => {
		metrics.observe("sweep_duration_seconds", {}, figures.durationMs / 1000);
		metrics.set("last_sweep_timestamp_seconds", {}, figures.atMs / 1000);
		for (const coverage of ["beating", "unmonitored", "idle"] as const) {
			metrics.set("runs", { coverage }, figures.runs[coverage]);
		}
		metrics.set("suspects", {}, figures.suspects);
		metrics.set("unconfirmed_runs", {}, figures.unconfirmed);
		for (const condition of conditions) {
			metrics.set("open_episodes", { condition }, figures.openEpisodes[condition] ?? 0);
		}
		for (const kind of groupKinds) metrics.set("open_group_incidents", { kind }, figures.openGroups[kind] ?? 0);
		const { series, newlyDropped } = pools.of(figures.oldestBeatsMs);
		const oldest = [...series].map(([work_pool, ms]) => ({ labels: { work_pool }, value: ms / 1000 }));
		metrics.replace("oldest_beat_timestamp_seconds", oldest);
		metrics.count("series_dropped_total", {}, newlyDropped);
		metrics.set("stream_connected", {}, figures.streamConnected ? 1 : 0);
		metrics.set("own_health", {}, figures.ownHealth);
		if (figures.lastEventAtMs !== null) {
			metrics.set("stream_last_event_timestamp_seconds", {}, figures.lastEventAtMs / 1000);
		}
	};
}
