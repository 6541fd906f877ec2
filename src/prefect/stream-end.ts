import { messageOf } from "../lib/errors.ts";
import type { StreamEndReason } from "../observe/reporter.ts";
import { authorizationSetting, type Connection, credentialSetting, socketToken } from "./connection.ts";
import { errorCodeOf, reachHint } from "./out-of-reach.ts";

/** How far a connection had come when it ended. */
export type StreamPhase = "connecting" | "authenticating" | "subscribed";

/** What is known of a connection's end. */
export interface EndFacts {
	readonly phase: StreamPhase;
	/** Close code; null when the connection was never open. */
	readonly code: number | null;
	/** The server's words in its close frame or refusal. */
	readonly words: string;
	readonly error: Error | null;
	/** HTTP status where the upgrade was answered by something else than 101. */
	readonly httpStatus: number | null;
	/** The server refused the token in a message (Prefect Cloud does), not in a close frame. */
	readonly isTokenRefused: boolean;
	/** The filter was sent moments ago, and nothing has come since. */
	readonly isFilterJustSent: boolean;
	/** The connection before this one was dropped right after the filter was sent. */
	readonly isFilterSuspect: boolean;
	/** We ended it ourselves. */
	readonly ownWill: "hung" | "stopped" | null;
	/** For words alone. */
	readonly silenceMsMax: number;
}

export interface StreamEnd {
	readonly reason: StreamEndReason;
	/** One line for the operator. */
	readonly detail: string;
	/** Dropped right after the filter was sent: the server was stopped just then, or does not take the filter. */
	readonly isFilterSuspect: boolean;
}

/** Faults that a retry does not mend: they wait longer, so that a server and its operator are not flooded. */
export function isOperatorsTurn(reason: StreamEndReason): boolean {
	return reason === "unauthorized" || reason === "subprotocol" || reason === "bad_filter";
}

/** Why a connection ended, and what to do about it. */
export function streamEndOf(facts: EndFacts, settings: Connection): StreamEnd {
	// What broke the protocol of websockets was ended by us, whatever was sent before.
	const isDropped = facts.ownWill === null && facts.code === 1006 && !isBreach(facts);
	const isFilterSuspect = isDropped && facts.phase === "subscribed" && facts.isFilterJustSent;
	return { ...reasonOf(facts, settings), isFilterSuspect };
}

/** The other end does not keep to the protocol of websockets: `ws` has ended it for that. */
function isBreach({ phase, error }: EndFacts): boolean {
	return phase !== "connecting" && errorCodeOf(error)?.startsWith("WS_ERR_") === true;
}

type Reason = Pick<StreamEnd, "reason" | "detail">;

function reasonOf(facts: EndFacts, settings: Connection): Reason {
	if (facts.ownWill === "stopped") {
		return { reason: "stopped", detail: "stopped by us" };
	}
	if (facts.ownWill === "hung") {
		return { reason: "hung", detail: `nothing heard for ${facts.silenceMsMax / 1000} s, not even an answer to a ping` };
	}
	if (facts.code === 1009 || errorCodeOf(facts.error) === "WS_ERR_UNSUPPORTED_MESSAGE_LENGTH") {
		return { reason: "frame_too_large", detail: "a frame was larger than 4 MiB" };
	}
	if (errorCodeOf(facts.error) === "WS_ERR_TOO_MANY_BUFFERED_PARTS") {
		return { reason: "frame_too_large", detail: "a frame came in more than 4096 pieces" };
	}
	if (isBreach(facts)) return closed(facts);
	switch (facts.phase) {
		case "connecting":
			return refusal(facts, settings);
		case "authenticating":
			return authenticationEnd(facts, settings);
		case "subscribed":
			return subscriptionEnd(facts, settings);
	}
	return facts.phase satisfies never;
}

function refusal(facts: EndFacts, settings: Connection): Reason {
	const { httpStatus } = facts;
	const message = facts.error === null ? "no connection" : messageOf(facts.error);
	if (/^Server sent (no|an invalid) subprotocol/u.test(message)) {
		return {
			reason: "subprotocol",
			detail:
				'the server did not confirm the websocket subprotocol "prefect": a proxy in between strips the header Sec-WebSocket-Protocol; let it pass',
		};
	}
	if (errorCodeOf(facts.error) === "ERR_INVALID_CHAR") {
		const detail = `the credential holds characters that no HTTP header can: ${credentialSetting(settings)}`;
		return { reason: "unauthorized", detail };
	}
	if (httpStatus === null) {
		const code = errorCodeOf(facts.error);
		// A refused connection to a name with several addresses has no message of its own.
		const cause = message === "" ? (code ?? "no connection") : message;
		return { reason: "refused", detail: code === null ? cause : `${cause}: ${reachHint(code, settings)}` };
	}
	if (httpStatus === 401) {
		return { reason: "unauthorized", detail: `HTTP 401 on the upgrade: ${authorizationSetting(settings)}` };
	}
	if (httpStatus === 403) {
		return {
			reason: "unauthorized",
			detail: `HTTP 403 on the upgrade: the credentials are refused (${authorizationSetting(settings)}), or a proxy in between strips the header Sec-WebSocket-Protocol, without which a server with authentication refuses`,
		};
	}
	const hint =
		httpStatus === 404
			? "no events socket there: does PREFECT_API_URL end in /api, and does a proxy in between pass websockets?"
			: "does a proxy in between pass websockets?";
	return { reason: "refused", detail: `HTTP ${httpStatus} on the upgrade: ${hint}` };
}

function authenticationEnd(facts: EndFacts, settings: Connection): Reason {
	if (facts.code === 1008 || facts.isTokenRefused) {
		const says = facts.words === "" ? "the server refuses our token" : `the server says "${facts.words}"`;
		return { reason: "unauthorized", detail: `${says}: ${credentialSetting(settings)}` };
	}
	// Prefect compares tokens in a way that fails for other than ASCII, and drops the connection without a word.
	if (facts.code === 1006 && /[^\p{ASCII}]/u.test(socketToken(settings) ?? "")) {
		return {
			reason: "unauthorized",
			detail: `dropped at the handshake: the token has characters beyond ASCII, which Prefect cannot take: ${credentialSetting(settings)}`,
		};
	}
	return closed(facts);
}

function subscriptionEnd(facts: EndFacts, settings: Connection): Reason {
	// The reason for refusing a filter is too long for a close frame, so the server's attempt to give it ends in 1006; so
	// does a server that is stopped at that moment. Twice in a row it is the filter.
	const isRefusal = facts.code === 1002 || (facts.code === 1006 && facts.isFilterJustSent && facts.isFilterSuspect);
	if (isRefusal) {
		return {
			reason: "bad_filter",
			detail: `${describe(facts)} right after the filter was sent: this server does not take zombied's filter; its version may be too old or too new`,
		};
	}
	if (facts.code === 1006 && facts.isFilterJustSent) {
		const detail = `${describe(facts)} right after the filter was sent: trying once more, in case the server was stopped just then`;
		return { reason: "closed_dirty", detail };
	}
	return facts.code === 1008 ? authenticationEnd(facts, settings) : closed(facts);
}

/** 1000 normal, 1001 going away, 1005 no code given, 1012 restart: the server said goodbye. */
const cleanCodes: ReadonlySet<number> = new Set([1000, 1001, 1005, 1012]);

function closed(facts: EndFacts): Reason {
	const isClean = facts.code !== null && cleanCodes.has(facts.code);
	return { reason: isClean ? "closed_clean" : "closed_dirty", detail: describe(facts) };
}

function describe(facts: EndFacts): string {
	const code = facts.code === 1006 ? "dropped without a close frame (1006)" : `closed with ${facts.code ?? "no code"}`;
	const words = facts.words || (facts.error === null ? "" : messageOf(facts.error));
	return words === "" ? code : `${code}: ${words}`;
}
