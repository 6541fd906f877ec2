import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import packageJson from "#package" with { type: "json" };
import { eventually } from "../../test/_util/eventually.ts";
import { bareEnvironment, ProcessGroup } from "../../test/_util/process-group.ts";
import type { ProbeReport } from "./probe.ts";
import type { SourceProcess } from "./source-process.ts";

export interface MeasuredDaemonOptions {
	readonly folder: string;
	/** Holds the fleet; the daemon changes it. */
	readonly database: string;
	readonly liveRuns: number;
	/** Further arguments of node's, before the program. */
	readonly nodeArgs: readonly string[];
	readonly signal: AbortSignal;
}

/** More runs are not listed over REST in good time, at Prefect's 200 a page. */
export const listedRunsMax = 10_000;
/** What `npm start` gives node. */
const usualNodeArgs = packageJson.scripts.start.split(" ").filter((word) => word.startsWith("--"));
const startPatienceMs = 300_000;
const catchUpPatienceMs = 60_000;
const drainPatienceMs = 600_000;
const cutShort = "stopped while the database had not ended a commit";

/** `zombied run` from the sources on a fleet's database, with the probe beside it. */
export class MeasuredDaemon {
	readonly #process: ProcessGroup;
	readonly #probeFile: string;
	readonly #signal: AbortSignal;
	#address: string | null = null;

	constructor(source: SourceProcess, { folder, database, liveRuns, nodeArgs, signal }: MeasuredDaemonOptions) {
		this.#signal = signal;
		this.#probeFile = `${folder}/probe.json`;
		const probe = new URL("probe.ts", import.meta.url);
		const main = fileURLToPath(new URL("../../src/main.ts", import.meta.url));
		this.#process = new ProcessGroup({
			command: process.execPath,
			args: [...usualNodeArgs, ...nodeArgs, "--import", probe.href, main, "run"],
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
				BENCH_PROBE_FILE: this.#probeFile,
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

	/** False: it has not within a minute. */
	async caughtUp(): Promise<boolean> {
		const look = async (): Promise<boolean> => {
			const status = JSON.parse(await this.page("/-/status")) as { stream_connected: boolean; blind: boolean };
			return status.stream_connected && !status.blind;
		};
		const patience = { what: "the catch-up", timeoutMs: catchUpPatienceMs, signal: this.#signal };
		return await eventually(look, patience).catch(() => false);
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

	/**
	 * Everything that waits is processed before the process ends, and committed, as far as the seconds that a shutdown has
	 * are enough for it: with a million rows to write they are not.
	 */
	async stop(): Promise<ProbeReport> {
		const { code } = await this.#process.terminate(drainPatienceMs);
		const isCutShort = code === 75 && this.#process.tail.includes(cutShort);
		if (code !== 0 && !isCutShort) throw new Error(`the daemon ended with code ${code}:\n${this.#process.tail}`);
		return JSON.parse(readFileSync(this.#probeFile, "utf8")) as ProbeReport;
	}

	#hear(line: string): void {
		if (!line.includes('"http.listening"')) return;
		this.#address = (JSON.parse(line) as { address: string }).address;
	}
}

/** Of a metrics page: the sum of the series that begin so. */
export function seriesSum(page: string, series: string): number {
	const lines = page.split("\n").filter((line) => line.startsWith(series));
	return lines.reduce((sum, line) => sum + Number(line.split(" ").at(-1)), 0);
}
