import { pause } from "../../test/_util/eventually.ts";
import { TempFolder } from "../../test/_util/temp-folder.ts";
import { median } from "../figures.ts";
import { listedRunsMax, MeasuredDaemon, seriesSum } from "../ingest/measured-daemon.ts";
import { preload } from "../ingest/preload.ts";
import { SourceProcess } from "../ingest/source-process.ts";

export interface IdleFigures {
	readonly liveRuns: number;
	/** From the start of the process until its pages answer, the fleet loaded. */
	readonly startMs: number;
	readonly rssMb: number;
	/** Mean of the sweeps, one a second. */
	readonly sweepMs: number;
	/** Share of a core, in percent. */
	readonly cpuPercent: number;
	readonly metricsPageMs: number;
	/** The others that people and programs ask for, by path: the slowest of a few. */
	readonly pagesMs: Readonly<Record<string, number>>;
	readonly metricsPageBytes: number;
}

const watchedMs = 20_000;
const pages = 20;
const otherPages = ["/-/status", "/", "/api/v1/status", "/api/v1/runs", "/api/v1/coverage"];

/** A daemon that watches a fleet in which nothing happens. */
export async function measureIdle(liveRuns: number, signal: AbortSignal): Promise<IdleFigures> {
	await using folder = await TempFolder.make("bench-idle");
	const database = folder.file("zombied.db");
	await preload(database, liveRuns);
	await using source = await SourceProcess.start(liveRuns);
	const startedMs = performance.now();
	const daemon = new MeasuredDaemon(source, { folder: folder.path, database, liveRuns, nodeArgs: [], signal });
	await daemon.page("/-/status");
	const startMs = performance.now() - startedMs;
	if (liveRuns <= listedRunsMax) await daemon.caughtUp();
	const before = await daemon.page("/metrics");
	const beganAtMs = Date.now();
	await pause(watchedMs, signal);
	const after = await daemon.page("/metrics");
	const endedAtMs = Date.now();
	const pageMs: number[] = [];
	for (let page = 0; page < pages; page += 1) {
		const askedMs = performance.now();
		await daemon.page("/metrics");
		pageMs.push(performance.now() - askedMs);
	}
	const pagesMs: Record<string, number> = {};
	for (const path of otherPages) pagesMs[path] = await slowestMs(daemon, path);
	const { looks } = await daemon.stop();
	const watched = looks.filter(({ atMs }) => atMs >= beganAtMs && atMs <= endedAtMs);
	const cpuMicros = (watched.at(-1)?.cpuMicros ?? 0) - (watched[0]?.cpuMicros ?? 0);
	const grown = (series: string): number => seriesSum(after, series) - seriesSum(before, series);
	const sweeps = grown("zombied_sweep_duration_seconds_count");
	return {
		liveRuns,
		startMs,
		rssMb: Math.max(...watched.map(({ rssMb }) => rssMb)),
		sweepMs: (1000 * grown("zombied_sweep_duration_seconds_sum")) / Math.max(1, sweeps),
		cpuPercent: (100 * cpuMicros) / 1000 / (endedAtMs - beganAtMs),
		metricsPageMs: median(pageMs),
		pagesMs,
		metricsPageBytes: after.length,
	};
}

async function slowestMs(daemon: MeasuredDaemon, path: string): Promise<number> {
	let slowest = 0;
	for (let page = 0; page < 5; page += 1) {
		const askedMs = performance.now();
		await daemon.page(path);
		slowest = Math.max(slowest, performance.now() - askedMs);
	}
	return slowest;
}
