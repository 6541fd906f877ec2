import Database from "better-sqlite3";
import { percentile } from "../figures.ts";
import { listedRunsMax, MeasuredDaemon, type MeasuredDaemonOptions } from "./measured-daemon.ts";
import type { Turn } from "./prefect-side.ts";
import type { SourceProcess } from "./source-process.ts";

export interface ZombiedTurn extends Turn {
	readonly loopDelayP99Ms: number;
	/** Until its pages answered, with the fleet loaded. */
	readonly startMs: number;
	/** It had caught up over REST before the first frame; false: at this size that takes too long. */
	readonly hadCaughtUp: boolean;
	/** Events that its queue had no room for; REST would have to bring them. */
	readonly dropped: number;
	/** Runs whose beats of this turn the store does not have, because a shutdown has no more time than that. */
	readonly unstored: number;
}

export interface ZombiedSideOptions extends MeasuredDaemonOptions {
	readonly events: number;
	readonly seed: number;
	readonly framesPerSecond: number | null;
}

/**
 * The daemon as operators run it, with its store, takes the frames in a process of its own. The clock runs from the first
 * frame until the process has exited, with everything committed but for `unstored`.
 */
export async function zombiedTurn(source: SourceProcess, options: ZombiedSideOptions): Promise<ZombiedTurn> {
	const { liveRuns, events, seed, framesPerSecond } = options;
	const startedMs = performance.now();
	const subscribed = source.subscribed();
	const daemon = new MeasuredDaemon(source, options);
	await daemon.page("/-/status");
	const startMs = performance.now() - startedMs;
	await subscribed;
	const hadCaughtUp = liveRuns <= listedRunsMax && (await daemon.caughtUp());
	const { startedAtMs, runsBeaten } = await source.send({ frames: events, seed, framesPerSecond });
	await daemon.hasRead(events);
	const dropped = await daemon.dropped();
	const { exitedAtMs, looks } = await daemon.stop();
	const unstored = dropped === 0 ? runsBeaten - runsStored(options.database, startedAtMs) : 0;
	const within = looks.filter(({ atMs }) => atMs >= startedAtMs - 40);
	const cpuMicros = (within.at(-1)?.cpuMicros ?? 0) - (within[0]?.cpuMicros ?? 0);
	return {
		events,
		eventsPerSecond: events / ((exitedAtMs - startedAtMs) / 1000),
		cpuMicrosPerEvent: cpuMicros / events,
		rssMb: Math.max(...within.map(({ rssMb }) => rssMb)),
		loopDelayP99Ms: percentile(
			within.map(({ lateMs }) => lateMs),
			0.99,
		),
		startMs,
		hadCaughtUp,
		dropped,
		unstored,
	};
}

/** Of how many runs the store has a beat of this turn. */
function runsStored(path: string, startedAtMs: number): number {
	const database = new Database(path, { readonly: true });
	try {
		const query = database.prepare("SELECT count(*) AS runs FROM runs WHERE beat_received_ms >= ?");
		return (query.get(startedAtMs) as { runs: number }).runs;
	} finally {
		database.close();
	}
}
