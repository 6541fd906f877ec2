import { cpus, totalmem } from "node:os";
import type { IngestFigures } from "./ingest/ingest.ts";
import type { ZombiedTurn } from "./ingest/zombied-side.ts";
import type { IdleFigures } from "./parts/idle.ts";
import type { RealServerFigures } from "./parts/real-server.ts";
import type { ReplayFigures } from "./parts/replay.ts";

/** All that a whole bench has measured. */
export interface Results {
	readonly command: string;
	readonly prefectVersion: string;
	readonly ingest: readonly IngestFigures[];
	readonly steady: ZombiedTurn & { readonly framesPerSecond: number; readonly seconds: number };
	readonly idle: readonly IdleFigures[];
	readonly replay: ReplayFigures;
	readonly realServer: readonly RealServerFigures[];
}

/** The report, in Markdown. */
export function rendered(results: Results): string {
	return `${[
		"# Bench",
		"",
		`\`${results.command}\`, ${new Date().toISOString().slice(0, 10)}, on ${cpus().length} cores of ${cpus()[0]?.model.trim() ?? "an unknown processor"} with ${Math.round(totalmem() / 2 ** 30)} GiB; Node ${process.versions.node}, Prefect ${results.prefectVersion}.`,
		"",
		...ingestLines(results.ingest),
		...steadyLines(results.steady),
		...idleLines(results.idle),
		...realServerLines(results.realServer),
		"## Replay",
		"",
		`\`zombied replay\` of ${whole(results.replay.events)} heartbeats: ${whole(results.replay.eventsPerSecond)} events/s.`,
	].join("\n")}\n`;
}

function ingestLines(ingest: readonly IngestFigures[]): readonly string[] {
	return [
		"## Ingest",
		"",
		"`zombied run` with its store on disk, and Prefect's `PrefectEventSubscriber` with an empty loop body, take the same",
		"heartbeats of deployments (1 kB; random runs of a fleet that the database knows) from the same server, in turns.",
		"zombied's clock stops when its process has exited with everything committed. Medians, and each repetition in brackets.",
		"",
		"| live runs | events/s | CPU an event | × Prefect's subscriber | loop delay p99 | RSS | Prefect's subscriber, events/s |",
		"| ---: | ---: | ---: | ---: | ---: | ---: | ---: |",
		...ingest.map(
			(row) =>
				`| ${whole(row.liveRuns)} | ${whole(row.eventsPerSecond)} (${list(row.spread.eventsPerSecond)}) | ${row.cpuMicrosPerEvent} µs | ${row.ratioToPrefectSubscriber} (${row.spread.ratios.join(", ")}) | ${row.loopDelayP99Ms} ms | ${row.rssMb} MB | ${list(row.spread.prefectEventsPerSecond)}; ${row.spread.prefectCpuMicrosPerEvent} µs CPU each |`,
		),
		"",
		...ingest
			.filter(({ spread }) => spread.unstored > 0)
			.map(
				({ liveRuns, spread }) =>
					`At ${whole(liveRuns)} runs the seconds of a shutdown were not enough: the last beats of ${whole(spread.unstored)} runs were left to the catch-up of the next start.`,
			),
		"Above 10,000 runs the daemon has not caught up over REST when the frames come, since a listing takes many minutes.",
		"",
	];
}

function steadyLines(steady: Results["steady"]): readonly string[] {
	return [
		"## A rate that does not let up",
		"",
		`R9: ${whole(steady.framesPerSecond)} events/s asked for ${steady.seconds} s: ${whole(steady.eventsPerSecond)} events/s processed and committed, ${whole(steady.dropped)} dropped, RSS at most ${whole(steady.rssMb)} MB, loop delay p99 ${steady.loopDelayP99Ms.toFixed(0)} ms.`,
		"",
	];
}

function idleLines(idle: readonly IdleFigures[]): readonly string[] {
	return [
		"## A fleet in which nothing happens",
		"",
		"| live runs | start | RSS | sweep | CPU | metrics page | the slowest of 5 each |",
		"| ---: | ---: | ---: | ---: | ---: | ---: | --- |",
		...idle.map(
			(row) =>
				`| ${whole(row.liveRuns)} | ${(row.startMs / 1000).toFixed(1)} s | ${whole(row.rssMb)} MB | ${row.sweepMs.toFixed(1)} ms | ${row.cpuPercent.toFixed(1)} % of a core | ${row.metricsPageMs.toFixed(1)} ms, ${whole(row.metricsPageBytes)} bytes | ${pagesOf(row)} |`,
		),
		"",
	];
}

function pagesOf({ pagesMs }: IdleFigures): string {
	return Object.entries(pagesMs)
		.map(([path, ms]) => `\`${path}\` ${ms.toFixed(0)} ms`)
		.join(", ");
}

function realServerLines(rows: readonly RealServerFigures[]): readonly string[] {
	return [
		"## A real Prefect server as the source",
		"",
		"Heartbeats posted in ten batches a second; the daemon and Prefect's subscriber are subscribed at once. Where the server's",
		"CPU is at a core's end, the server is the limit.",
		"",
		"| asked for, a second | posted, a second | reached zombied | reached Prefect's subscriber | server's CPU | zombied's CPU |",
		"| ---: | ---: | ---: | ---: | ---: | ---: |",
		...rows.map(
			(row) =>
				`| ${row.offeredPerSecond} | ${row.postedPerSecond} | ${row.zombiedPercent} % | ${row.prefectSubscriberPercent} % | ${row.serverCpuPercent} % | ${row.daemonCpuPercent} % |`,
		),
		"",
	];
}

function whole(value: number): string {
	return Math.round(value).toLocaleString("en-US");
}

function list(values: readonly number[]): string {
	return values.map(whole).join("; ");
}
