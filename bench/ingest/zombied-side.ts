import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import Database from "better-sqlite3";
import { eventually } from "../../test/_util/eventually.ts";
import { bareEnvironment, ProcessGroup } from "../../test/_util/process-group.ts";
import { percentile } from "../figures.ts";
import type { Turn } from "./prefect-side.ts";
import type { ProbeReport } from "./probe.ts";
import type { SourceProcess } from "./source-process.ts";

export interface ZombiedTurn extends Turn {
	readonly loopDelayP99Ms: number;
	/** Until its pages answered, with the fleet loaded. */
	readonly startMs: number;
	/** It had caught up over REST before the first frame; false: at this size that takes too long. */
	readonly hadCaughtUp: boolean;
	/** Events that its queue had no room for; REST would have to bring them. */
	readonly dropped: number;
}

export interface ZombiedSideOptions {
	/** Holds the database with the fleet, which the turn changes. */
	readonly folder: string;
	readonly database: string;
	readonly liveRuns: number;
	readonly events: number;
	readonly seed: number;
	readonly framesPerSecond: number | null;
	/** Further arguments of node's, before the program. */
	readonly nodeArgs: readonly string[];
	readonly signal: AbortSignal;
}

/** More runs are not listed over REST within a turn, at Prefect's 200 a page. */
const listedRunsMax = 100_000;
const startPatienceMs = 300_000;
const drainPatienceMs = 600_000;

/**
 * The daemon as operators run it, with its store, takes the frames in a process of its own. The clock runs from the first
 * frame until the process has exited with everything committed.
 */
export async function zombiedTurn(source: SourceProcess, options: ZombiedSideOptions): Promise<ZombiedTurn> {
	const { liveRuns, events, seed, framesPerSecond } = options;
	const startedMs = performance.now();
	const subscribed = source.subscribed();
	const daemon = new MeasuredDaemon(source, options);
	await daemon.page("/-/status");
	const startMs = performance.now() - startedMs;
	await subscribed;
	const hadCaughtUp = liveRuns <= listedRunsMax;
	if (hadCaughtUp) await daemon.caughtUp();
	const { startedAtMs, runsBeaten } = await source.send({ frames: events, seed, framesPerSecond });
	await daemon.hasRead(events);
	const dropped = await daemon.dropped();
	const { exitedAtMs, looks } = await daemon.stop();
	if (dropped === 0) expectCommitted(options.database, startedAtMs, runsBeaten);
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
	};
}

class MeasuredDaemon {
	readonly #process: ProcessGroup;
	readonly #probeFile: string;
	readonly #signal: AbortSignal;
	#address: string | null = null;

	constructor(source: SourceProcess, { folder, database, liveRuns, nodeArgs, signal }: ZombiedSideOptions) {
		this.#signal = signal;
		this.#probeFile = `${folder}/probe.json`;
		const probe = new URL("probe.ts", import.meta.url);
		this.#process = new ProcessGroup({
			command: process.execPath,
			args: [...nodeArgs, "--import", probe.href, fileURLToPath(new URL("../../src/main.ts", import.meta.url)), "run"],
			cwd: folder,
			env: bareEnvironment({
				HOME: folder,
				PREFECT_API_URL: source.apiUrl,
				ZOMBIED_STORE_URL: `sqlite:${database}`,
				ZOMBIED_HTTP_LISTEN: "127.0.0.1:0",
				ZOMBIED_CATCH_UP_SECOND_PASS: "1s",
				// One listing before the first frame, and none beside them.
				ZOMBIED_RECONCILE_EVERY: "1h",
				...(liveRuns <= listedRunsMax ? { ZOMBIED_LIMITS_REST_PER_SECOND: "100" } : {}),
				ZOMBIED_BENCH_PROBE: this.#probeFile,
			}),
			logFile: `${folder}/daemon.log`,
			onStderrLine: (line) => this.#hear(line),
			signal,
		});
	}

	async page(path: string): Promise<string> {
		const look = async (): Promise<string | null> => {
			if (this.#process.ending !== null) throw new Error(`the daemon has ended:\n${this.#process.tail}`);
			if (this.#address === null) return null;
			const response = await fetch(`${this.#address}${path}`, { signal: AbortSignal.timeout(60_000) });
			return await response.text();
		};
		return await eventually(look, { what: path, timeoutMs: startPatienceMs, everyMs: 20, signal: this.#signal });
	}

	async caughtUp(): Promise<void> {
		const look = async (): Promise<boolean> => {
			const status = JSON.parse(await this.page("/-/status")) as { stream_connected: boolean; blind: boolean };
			return status.stream_connected && !status.blind;
		};
		const why = (): string => this.#process.tail;
		await eventually(look, { what: "the catch-up", timeoutMs: startPatienceMs, signal: this.#signal, why });
	}

	/** Every frame has been read from the socket. */
	async hasRead(frames: number): Promise<void> {
		const look = async (): Promise<boolean> =>
			seriesSum(await this.page("/metrics"), 'zombied_frames_total{kind="heartbeat"') >= frames;
		const why = (): string => this.#process.tail;
		await eventually(look, {
			what: "all frames to be read",
			timeoutMs: drainPatienceMs,
			everyMs: 100,
			signal: this.#signal,
			why,
		});
	}

	async dropped(): Promise<number> {
		return seriesSum(await this.page("/metrics"), "zombied_queue_overflows_total");
	}

	/** Everything that waits is processed and committed before the process ends. */
	async stop(): Promise<ProbeReport> {
		const { code } = await this.#process.terminate(drainPatienceMs);
		if (code !== 0) throw new Error(`the daemon ended with code ${code}:\n${this.#process.tail}`);
		return JSON.parse(readFileSync(this.#probeFile, "utf8")) as ProbeReport;
	}

	#hear(line: string): void {
		if (!line.includes('"http.listening"')) return;
		this.#address = (JSON.parse(line) as { address: string }).address;
	}
}

function seriesSum(page: string, series: string): number {
	const lines = page.split("\n").filter((line) => line.startsWith(series));
	return lines.reduce((sum, line) => sum + Number(line.split(" ").at(-1)), 0);
}

/** The store has a beat of this turn of every run that has beaten in it. */
function expectCommitted(path: string, startedAtMs: number, runsBeaten: number): void {
	const database = new Database(path, { readonly: true });
	try {
		const query = database.prepare("SELECT count(*) AS runs FROM runs WHERE beat_received_ms >= ?");
		const { runs } = query.get(startedAtMs) as { runs: number };
		if (runs !== runsBeaten) throw new Error(`${runsBeaten} runs have beaten, and the database knows it of ${runs}`);
	} finally {
		database.close();
	}
}
