import { randomUUID } from "node:crypto";
import type { Settings } from "../config/schema.ts";
import type { Clock } from "../lib/clock.ts";
import type { ProxyEnvironment } from "../lib/proxy.ts";
import type { Random } from "../lib/random.ts";
import { httpGet } from "../notify/http-post.ts";
import type { Sink } from "../notify/sink.ts";
import { type WayOutTo, wayOutFrom } from "../notify/way-out.ts";
import type { Reporter } from "../observe/reporter.ts";
import { type Connection, runPageUrl } from "../prefect/connection.ts";
import { EventStream, type StreamListener, streamTiming } from "../prefect/event-stream.ts";
import { EventWriter } from "../prefect/event-writer.ts";
import { RestTransport } from "../prefect/rest-transport.ts";
import type { Transport } from "../prefect/transport.ts";
import { cronSlots } from "../schedule/cron-slots.ts";
import type { Slots } from "../schedule/schedule.ts";
import type { Ping } from "./dead-man.ts";
import { sinksOf } from "./sinks.ts";

/** How each REST call ended: it dates the server's clock, and says whether REST is there. */
export interface RestEnds {
	readonly onAnswer: (answer: { readonly serverDateMs: number | null }) => void;
	readonly onFailure: () => void;
}

export type TransportPort = Transport & AsyncDisposable;
export interface StreamPort {
	/** Resolves on abort only. */
	run(signal: AbortSignal): Promise<void>;
}

/** The ways between a watch and the world outside. Behind them a replay is the same program as the daemon. */
export interface Ports {
	transport(told: RestEnds): TransportPort;
	stream(listener: StreamListener): StreamPort;
	readonly slots: Slots;
	readonly sinks: readonly Sink[];
	/** Tells the dead man's switch that we work; null: there is none. */
	readonly ping: Ping | null;
	/** False for a replay: whatever the settings say, nothing is done about the runs of a story. */
	readonly actsOnRuns: boolean;
}

export interface LivePortsOptions {
	readonly settings: Settings;
	readonly connection: Connection;
	/** Of the process: which proxy leads to whom. */
	readonly environment: ProxyEnvironment;
	readonly clock: Clock;
	readonly random: Random;
	readonly reporter: Reporter;
	readonly stdout: NodeJS.WritableStream & { readonly isTTY?: boolean | undefined };
}

/** Prefect's socket and REST API, the seconds of the wall clock, and stdout. */
export function livePorts(options: LivePortsOptions): Ports {
	const { settings, connection, environment, clock, random, reporter, stdout } = options;
	const { namespace } = settings;
	let transport: RestTransport | null = null;
	const prefect = new EventWriter(() => {
		if (transport === null) throw new Error("an event is to be written before there is a connection");
		return transport;
	});
	const wayOutTo = wayOutFrom(environment);
	const uiUrl = (runId: string): string => runPageUrl(connection, runId);
	return {
		transport: (told) => {
			transport = new RestTransport({
				settings: connection,
				clock,
				random,
				reporter,
				restPerSecond: settings.limits.restPerSecond,
				csrfClientId: randomUUID(),
				...told,
			});
			return transport;
		},
		stream: (listener) =>
			new EventStream({ settings: connection, clock, random, reporter, listener, timing: streamTiming }),
		slots: cronSlots(() => reporter.scheduleMissed("sweep")),
		sinks: sinksOf(settings, { stdout, namespace, clock, uiUrl, prefect, wayOutTo }),
		ping: pingOf(settings, wayOutTo, clock),
		actsOnRuns: true,
	};
}

function pingOf({ deadManSwitch: { url } }: Settings, wayOutTo: WayOutTo, clock: Clock): Ping | null {
	if (url === null) return null;
	const wayOut = wayOutTo(url);
	return async (signal) => {
		const receiver = "the dead man's switch";
		await httpGet({ url, headers: {}, receiver, wayOut, nowMs: clock.now().wallMs }, signal);
	};
}
