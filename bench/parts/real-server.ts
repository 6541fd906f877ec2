import { randomUUID } from "node:crypto";
import { readFile } from "node:fs/promises";
import { eventually, pause } from "../../test/_util/eventually.ts";
import { PrefectServer } from "../../test/_util/prefect-server.ts";
import { DaemonProcess } from "../../test/_util/real-daemon.ts";
import { TempFolder } from "../../test/_util/temp-folder.ts";
import { clientVersion, relatedOf, runIdOf, runNameOf } from "../ingest/fleet.ts";
import { seriesSum } from "../ingest/measured-daemon.ts";
import { PrefectSubscriber } from "../ingest/prefect-side.ts";

export interface RealServerFigures {
	readonly offeredPerSecond: number;
	/** What the server took of it. */
	readonly postedPerSecond: number;
	/** Shares of the posted events that arrived, in percent. */
	readonly zombiedPercent: number;
	readonly prefectSubscriberPercent: number;
	/** Shares of a core while events were posted, in percent. */
	readonly serverCpuPercent: number;
	readonly daemonCpuPercent: number;
}

export interface RealServerOptions {
	readonly python: string;
	readonly rates: readonly number[];
	readonly seconds: number;
	readonly report: (line: string) => void;
	readonly signal: AbortSignal;
}

const runs = 1_000;
const postsPerSecond = 10;
/** The server goes on delivering what it has taken. */
const settleMs = 15_000;

/** A real Prefect server hands the same events to the daemon and to Prefect's own subscriber, at rising rates. */
export async function measureRealServer(options: RealServerOptions): Promise<readonly RealServerFigures[]> {
	const { python, rates, report, signal } = options;
	await using server = await PrefectServer.start({ python, signal });
	await using daemon = await DaemonProcess.start({ apiUrl: server.apiUrl, signal });
	const isSubscribed = async (): Promise<boolean> =>
		seriesSum(await daemon.metricsPage(), "zombied_stream_connected") > 0;
	await eventually(isSubscribed, { what: "the daemon to subscribe", timeoutMs: 120_000, signal });
	const figures: RealServerFigures[] = [];
	for (const rate of rates) {
		const row = await measureRate({ ...options, server, daemon, rate });
		report(`real server, ${JSON.stringify(row)}`);
		figures.push(row);
	}
	return figures;
}

interface RateOptions extends RealServerOptions {
	readonly server: PrefectServer;
	readonly daemon: DaemonProcess;
	readonly rate: number;
}

async function measureRate({ python, server, daemon, rate, seconds, signal }: RateOptions): Promise<RealServerFigures> {
	await using folder = await TempFolder.make("bench-prefect");
	const { apiUrl } = server;
	await using subscriber = new PrefectSubscriber({ python, apiUrl, events: Number.MAX_SAFE_INTEGER, folder, signal });
	// Its import of Prefect alone takes seconds, and nothing tells when it has subscribed.
	await pause(settleMs, signal);
	subscriber.countAgain();
	const heardBefore = await framesHeard(daemon);
	const cpuBefore = [await cpuMs(server.pid), await cpuMs(daemon.pid)] as const;
	const beganMs = performance.now();
	const posted = await post(apiUrl, { rate, seconds, signal });
	const tookMs = performance.now() - beganMs;
	const cpuAfter = [await cpuMs(server.pid), await cpuMs(daemon.pid)] as const;
	await pause(settleMs, signal);
	const heard = (await framesHeard(daemon)) - heardBefore;
	const { events } = await subscriber.stop();
	return {
		offeredPerSecond: rate,
		postedPerSecond: Math.round(posted / (tookMs / 1000)),
		zombiedPercent: Math.round((100 * heard) / posted),
		prefectSubscriberPercent: Math.round((100 * events) / posted),
		serverCpuPercent: Math.round((100 * (cpuAfter[0] - cpuBefore[0])) / tookMs),
		daemonCpuPercent: Math.round((100 * (cpuAfter[1] - cpuBefore[1])) / tookMs),
	};
}

async function framesHeard(daemon: DaemonProcess): Promise<number> {
	return seriesSum(await daemon.metricsPage(), 'zombied_frames_total{kind="heartbeat"');
}

/** As many as the server takes, at most the rate. */
async function post(
	apiUrl: string,
	{ rate, seconds, signal }: { rate: number; seconds: number; signal: AbortSignal },
): Promise<number> {
	const beganMs = performance.now();
	let posted = 0;
	for (let turn = 0; turn < seconds * postsPerSecond; turn += 1) {
		const aheadMs = beganMs + (turn * 1000) / postsPerSecond - performance.now();
		if (aheadMs > 0) await pause(aheadMs, signal);
		const events = Array.from({ length: rate / postsPerSecond }, (_, index) => heartbeat((posted + index) % runs));
		const response = await fetch(`${apiUrl}/events`, {
			method: "POST",
			headers: { "content-type": "application/json" },
			body: JSON.stringify(events),
			signal,
		});
		if (!response.ok) throw new Error(`POST /events: ${response.status}`);
		posted += events.length;
	}
	return posted;
}

function heartbeat(index: number): object {
	return {
		occurred: new Date().toISOString(),
		event: "prefect.flow-run.heartbeat",
		resource: {
			"prefect.resource.id": `prefect.flow-run.${runIdOf(index)}`,
			"prefect.resource.name": runNameOf(index),
			"prefect.version": clientVersion,
		},
		related: relatedOf(index),
		payload: {},
		id: randomUUID(),
	};
}

/** User and system; Linux counts it in ticks of 10 ms. */
async function cpuMs(pid: number | null): Promise<number> {
	const stat = await readFile(`/proc/${pid}/stat`, "utf8");
	// The name in parentheses may hold blanks.
	const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
	return (Number(fields[11]) + Number(fields[12])) * 10;
}
