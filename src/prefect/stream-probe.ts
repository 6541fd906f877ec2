import type { Clock } from "../lib/clock.ts";
import { messageOf } from "../lib/errors.ts";
import { type Finding, fault, unknown, well } from "../lib/finding.ts";
import { type Connection, credentialSetting, eventsUrl, socketToken } from "./connection.ts";
import { streamTiming } from "./event-stream.ts";
import { parseFrame } from "./frame-schema.ts";
import { RawStream } from "./raw-stream.ts";
import { type EndFacts, streamEndOf } from "./stream-end.ts";

/** How far the events socket lets us. */
export interface StreamFindings {
	readonly websocket: Finding;
	readonly subprotocol: Finding;
	readonly token: Finding;
	readonly filter: Finding;
	/** Null where the steps before it failed. */
	readonly heard: Heard | null;
}

/** What came once we had subscribed. */
export interface Heard {
	readonly events: number;
	/** Our wall clock. */
	readonly subscribedMs: number;
	readonly untilMs: number;
	/** How the connection ended, unless it was we who ended it. */
	readonly lost: string | null;
}

export interface StreamProbeOptions {
	readonly connection: Connection;
	readonly clock: Clock;
	/** After subscribing; the first event ends it. */
	readonly listenMs: number;
	/** REST has taken our credentials: what is then refused on the upgrade is not for want of them. */
	readonly isKnown: boolean;
}

/** Subscribes once, and once more where the filter seems to be refused: a server that is stopped just then looks alike. */
export async function probeStream(options: StreamProbeOptions, signal: AbortSignal): Promise<StreamFindings> {
	const first = await listen(options, false, signal);
	const isSuspect = streamEndOf(first.end, options.connection).isFilterSuspect;
	const { end, heard } = isSuspect ? await listen(options, true, signal) : first;
	signal.throwIfAborted();
	return findingsOf(end, heard, options);
}

async function listen(
	{ connection, clock, listenMs }: StreamProbeOptions,
	isFilterSuspect: boolean,
	signal: AbortSignal,
): Promise<{ readonly end: EndFacts; readonly heard: Omit<Heard, "lost"> | null }> {
	const enough = new AbortController();
	const either = AbortSignal.any([signal, enough.signal]);
	let subscribedMs: number | null = null;
	let events = 0;
	const stream = new RawStream({
		settings: connection,
		clock,
		timing: streamTiming,
		isFilterSuspect,
		listener: {
			subscribed: ({ wallMs }) => {
				subscribedMs = wallMs;
				clock.sleep(listenMs, either).then(
					() => enough.abort(),
					() => undefined,
				);
			},
			frame: (_at, text) => {
				if (parseFrame(text).kind !== "event") return;
				events += 1;
				enough.abort();
			},
		},
	});
	const end = await stream.run(either);
	const untilMs = clock.now().wallMs;
	return { end, heard: subscribedMs === null ? null : { events, subscribedMs, untilMs } };
}

function findingsOf(end: EndFacts, heard: Omit<Heard, "lost"> | null, options: StreamProbeOptions): StreamFindings {
	const { reason, detail } = streamEndOf(end, options.connection);
	const not = (what: string): Finding => unknown(`not looked at: ${what} failed`);
	const upgraded = well(`${eventsUrl(options.connection)} is open`);
	const agreed = well("the server speaks the subprotocol prefect");
	switch (end.phase) {
		case "connecting": {
			const isStripped = reason === "subprotocol" || (end.httpStatus === 403 && options.isKnown);
			if (isStripped) {
				const rest = { token: not("subprotocol"), filter: not("subprotocol"), heard: null };
				return { websocket: well("the upgrade is let through"), subprotocol: strippedFault(end), ...rest };
			}
			const rest = { subprotocol: not("websocket"), token: not("websocket"), filter: not("websocket"), heard: null };
			return { websocket: upgradeFault(end, detail, options.connection), ...rest };
		}
		case "authenticating": {
			const token = tokenFault(end, detail, options.connection);
			return { websocket: upgraded, subprotocol: agreed, token, filter: not("token"), heard: null };
		}
		case "subscribed": {
			const lost = end.ownWill === "stopped" ? null : detail;
			const accepted = well(socketToken(options.connection) === null ? "none is asked for" : "ours is taken");
			const open = { websocket: upgraded, subprotocol: agreed, token: accepted };
			if (reason !== "bad_filter") return { ...open, filter: well("taken"), heard: heard && { ...heard, lost } };
			const fix = "zombied and the server are too far apart in age: upgrade the older of the two";
			const refused = "the connection is dropped as soon as our filter is sent, twice in a row";
			return { ...open, filter: fault(refused, fix), heard: null };
		}
	}
	return end.phase satisfies never;
}

function strippedFault({ httpStatus }: EndFacts): Finding {
	const how = httpStatus === 403 ? " (the upgrade answers 403, although REST takes our credentials)" : "";
	return fault(
		`something between us and the server strips the header Sec-WebSocket-Protocol${how}`,
		"let the ingress or proxy pass Sec-WebSocket-Protocol, in requests and answers",
	);
}

const withoutSocket = "until then zombied works over REST alone, and verdicts come 15 to 45 s later";

function upgradeFault({ httpStatus, error }: EndFacts, detail: string, connection: Connection): Finding {
	if (httpStatus === null) return fault(error === null ? detail : messageOf(error) || detail, hintIn(detail));
	const says = `the upgrade to a websocket is answered with HTTP ${httpStatus}`;
	if (httpStatus === 401 || httpStatus === 403) {
		return fault(says, `${credentialSetting(connection)}; if REST takes it, an ingress in between refuses websockets`);
	}
	return fault(
		says,
		`let the ingress or proxy pass websockets (the headers Upgrade and Connection, over HTTP/1.1) to ${eventsUrl(connection)}; ${withoutSocket}`,
	);
}

/** What `streamEndOf` proposes stands after the cause. */
function hintIn(detail: string): string {
	const at = detail.lastIndexOf(": ");
	return at < 0 ? "is the server up, and PREFECT_API_URL right?" : detail.slice(at + 2);
}

function tokenFault({ code, words, isTokenRefused }: EndFacts, detail: string, connection: Connection): Finding {
	if (code !== 1008 && !isTokenRefused) {
		return fault(`the connection ends in the handshake: ${detail}`, "look into the server's log");
	}
	return fault(
		`the server refuses our token${words === "" ? "" : ` ("${words}")`}${code === null ? "" : `, with close code ${code}`}`,
		credentialSetting(connection),
	);
}
