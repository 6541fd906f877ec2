import { z } from "zod";
import type { RunView } from "../core/run.ts";
import type { Clock } from "../lib/clock.ts";
import { formatDuration } from "../lib/duration.ts";
import { messageOf, OutsideError } from "../lib/errors.ts";
import { type Finding, fault, unknown, well } from "../lib/finding.ts";
import type { Random } from "../lib/random.ts";
import { createSilentReporter } from "../observe/silent-reporter.ts";
import type { Connection } from "./connection.ts";
import { eventPages, eventsPageRowsMax } from "./event-pages.ts";
import { oneOffTransport } from "./one-off-transport.ts";
import { PageSize } from "./page-size.ts";
import type { RestTransport } from "./rest-transport.ts";
import { readEventRows, readRunRows } from "./row-reading.ts";
import type { Heard } from "./stream-probe.ts";
import { aheadMsMax, farFuture } from "./timestamp.ts";
import { flowRunEventPrefix, heartbeatEvent } from "./to-input.ts";

export interface TrafficProbeOptions {
	readonly connection: Connection;
	readonly clock: Clock;
	readonly random: Random;
	readonly restPerSecond: number;
	/** The server's clock less ours, milliseconds. */
	readonly aheadMs: number;
	/** No client beats more slowly. */
	readonly slowestCadenceMs: number;
	/** Null: there was no stream to listen to. */
	readonly heard: Heard | null;
}

/** What the runs of this moment send, and whether it reaches us. */
export interface TrafficFindings {
	readonly events: Finding;
	readonly heartbeats: Finding;
}

/** Of the RUNNING ones: enough to tell whether clients send heartbeats at all. */
const runsMax = 50;
/** Of events in a short time; more do not change the answer. */
const pagesMax = 4;
/** A younger run's first heartbeat may not be stored yet. */
const youngMs = 60_000;
/** The server's clock is known to the second. */
const doubtMs = 1_000;

const rowsSchema = z.array(z.unknown());

/** Asks REST for the RUNNING runs and their heartbeats. Never rejects but on abort. */
export async function probeTraffic(options: TrafficProbeOptions, signal: AbortSignal): Promise<TrafficFindings> {
	await using transport = oneOffTransport(options);
	const probe = new TrafficProbe(options, transport);
	try {
		const running = await probe.running(signal);
		return { events: await probe.events(running.length, signal), heartbeats: await probe.heartbeats(running, signal) };
	} catch (error) {
		signal.throwIfAborted();
		if (!(error instanceof OutsideError)) throw error;
		const failed = fault(messageOf(error), "look into the server's log");
		return { events: options.heard === null ? unknown("not looked at") : failed, heartbeats: failed };
	}
}

class TrafficProbe {
	readonly #options: TrafficProbeOptions;
	readonly #transport: RestTransport;
	readonly #runsPage = new PageSize(runsMax);
	readonly #eventsPage = new PageSize(eventsPageRowsMax);

	constructor(options: TrafficProbeOptions, transport: RestTransport) {
		this.#options = options;
		this.#transport = transport;
	}

	get #serverNowMs(): number {
		return this.#options.clock.now().wallMs + this.#options.aheadMs;
	}

	async running(signal: AbortSignal): Promise<readonly RunView[]> {
		const rows = await this.#runsPage.adapt(async (limit) => {
			const body = { flow_runs: { state: { type: { any_: ["RUNNING"] } } }, sort: "START_TIME_ASC", limit };
			const asked = { path: "/flow_runs/filter", body, rows: limit, schema: rowsSchema } as const;
			const call = { endpoint: "flow_runs", method: "POST", ...asked, retries: false } as const;
			return (await this.#transport.call(call, signal)).value;
		});
		return readRunRows(rows, this.#serverNowMs, createSilentReporter()).views;
	}

	async events(running: number, signal: AbortSignal): Promise<Finding> {
		const { heard, aheadMs } = this.#options;
		if (heard === null) return unknown("not looked at: the socket could not be subscribed to");
		const took = formatDuration(Math.max(1000, Math.round((heard.untilMs - heard.subscribedMs) / 1000) * 1000));
		if (heard.lost !== null) {
			return fault(
				`the socket was lost after ${took}: ${heard.lost}`,
				"does an ingress or proxy in between end long connections, or was the server restarted? Try again",
			);
		}
		if (heard.events > 0) return well(`one came within ${took}`);
		if (running === 0) return well(`none came within ${took}, and no run is RUNNING that could send any`);
		const fromMs = heard.subscribedMs + aheadMs + doubtMs;
		const stored = await this.#storedBeats(fromMs, heard.untilMs + aheadMs - doubtMs, signal);
		const few =
			running === runsMax ? `${running} or more runs are` : running === 1 ? "1 run is" : `${running} runs are`;
		if (stored === 0) {
			return well(
				`none came within ${took}, although ${few} RUNNING; the server has stored no heartbeat of that time either (they come every 180 s by default; listen longer with --listen 4m)`,
			);
		}
		return fault(
			`the socket is open and silent: none came within ${took}, and the server has stored ${stored === 1 ? "a heartbeat" : `${stored} heartbeats`} of that time`,
			"the server does not pass events on: set PREFECT_SERVER_EVENTS_STREAM_OUT_ENABLED=true there, and let several servers share one broker (PREFECT_MESSAGING_BROKER)",
		);
	}

	async heartbeats(running: readonly RunView[], signal: AbortSignal): Promise<Finding> {
		const nowMs = this.#serverNowMs;
		const grown = running.filter(({ state }) => state === null || state.timestampMs < nowMs - youngMs);
		if (running.length === 0) return well("no run is RUNNING now, so there is none to hear");
		if (grown.length === 0) return well("all RUNNING runs began within the last minute");
		const windowMs = 2 * this.#options.slowestCadenceMs + youngMs;
		const beating = await this.#beating(grown, nowMs - windowMs, signal);
		const silent = grown.length - beating;
		const window = formatDuration(windowMs);
		if (beating > 0) {
			const others = silent === 0 ? "" : `; ${silent} sent none: older clients, heartbeats off, or dead (zombied scan)`;
			return well(`${beating} of ${grown.length} RUNNING runs sent one in the last ${window}${others}`);
		}
		const who = grown.length === 1 ? "the one RUNNING run" : `none of ${grown.length} RUNNING runs`;
		return fault(
			`${who} has sent ${grown.length === 1 ? "no heartbeat" : "a heartbeat"} in the last ${window}: its client is older than Prefect 3.6.22, its heartbeats are off, or it is dead`,
			"where flows run: Prefect 3.6.22 or newer, or from 3.1.8 on PREFECT_FLOWS_HEARTBEAT_FREQUENCY=30; without heartbeats zombied cannot tell a run's death",
		);
	}

	async #beating(runs: readonly RunView[], sinceMs: number, signal: AbortSignal): Promise<number> {
		const filter = {
			event: { name: [heartbeatEvent] },
			resource: { id: runs.map(({ runId }) => `${flowRunEventPrefix}${runId}`), distinct: true },
			occurred: {
				since: new Date(sinceMs).toISOString(),
				until: new Date(this.#serverNowMs + aheadMsMax).toISOString(),
			},
			order: "DESC",
		};
		return new Set((await this.#beats(filter, signal)).map(({ runId }) => runId)).size;
	}

	/** Heartbeats that the server received between, whatever the workers' clocks say. */
	async #storedBeats(fromMs: number, untilMs: number, signal: AbortSignal): Promise<number> {
		const since = new Date(fromMs - youngMs).toISOString();
		const filter = { event: { name: [heartbeatEvent] }, occurred: { since, until: farFuture }, order: "DESC" };
		const views = await this.#beats(filter, signal);
		return views.filter(({ beat }) => {
			const receivedMs = beat?.receivedMs ?? 0;
			return receivedMs >= fromMs && receivedMs <= untilMs;
		}).length;
	}

	async #beats(filter: object, signal: AbortSignal): Promise<readonly RunView[]> {
		const views: RunView[] = [];
		let pages = 0;
		for await (const { rows } of eventPages(this.#transport, this.#eventsPage, filter, signal)) {
			views.push(...readEventRows(rows, createSilentReporter()).views);
			pages += 1;
			if (pages >= pagesMax) break;
		}
		return views;
	}
}
