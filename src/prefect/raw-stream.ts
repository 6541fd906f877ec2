import type { Socket } from "node:net";
import WebSocket from "ws";
import type { Clock, Instant } from "../lib/clock.ts";
import { type Connection, eventsUrl, requestHeaders, socketToken } from "./connection.ts";
import type { StreamTiming } from "./event-stream.ts";
import { openSocket } from "./open-socket.ts";
import type { EndFacts, StreamPhase } from "./stream-end.ts";
import { authMessage, filterMessage, readHandshake } from "./subscription.ts";

export interface RawStreamListener {
	/** The filter is sent: from now on events come. */
	subscribed(at: Instant): void;
	/** A text frame after that, as it came. */
	frame(at: Instant, text: string): void;
}

export interface RawStreamOptions {
	readonly settings: Connection;
	readonly clock: Clock;
	readonly timing: Pick<StreamTiming, "pingEveryMs" | "silenceMsMax" | "handshakeMsMax" | "filterVerdictMs">;
	readonly listener: RawStreamListener;
	/** The connection before this one was dropped right after the filter was sent. */
	readonly isFilterSuspect: boolean;
}

/** As the daemon's own stream. */
const frameBytesMax = 4 * 1024 * 1024;
const closeTimeoutMs = 2_000;

/**
 * One connection to the events socket, whose frames are handed over as they came, unread: for a recording, and for a
 * diagnosis, which wants to know how far it got. The daemon itself uses EventStream.
 */
export class RawStream {
	readonly #options: RawStreamOptions;
	#phase: StreamPhase = "connecting";
	#heardAtMonoMs: number;
	#subscribedAtMonoMs: number | null = null;
	#hasHeardSinceFilter = false;
	#error: Error | null = null;
	#words = "";
	#httpStatus: number | null = null;
	#isTokenRefused = false;
	#ownWill: "hung" | "stopped" | null = null;

	constructor(options: RawStreamOptions) {
		this.#options = options;
		this.#heardAtMonoMs = options.clock.now().monoMs;
	}

	/** Resolves when the connection is gone, and on abort soon after it, with how it ended. */
	async run(signal: AbortSignal): Promise<EndFacts> {
		const socket = await this.#dial(signal);
		if (socket === null) return this.#end(null);
		const gone = new AbortController();
		const stop = (): void => {
			this.#ownWill ??= "stopped";
			socket.terminate();
		};
		const closed = this.#closed(socket);
		signal.addEventListener("abort", stop, { once: true });
		if (signal.aborted) stop();
		const watch = this.#watch(socket, gone.signal);
		const code = await closed;
		signal.removeEventListener("abort", stop);
		gone.abort();
		await watch;
		return this.#end(code);
	}

	/** Null, with the error kept, when there is no connection. */
	async #dial(signal: AbortSignal): Promise<WebSocket | null> {
		const { settings, timing } = this.#options;
		const url = eventsUrl(settings);
		const way = { connection: settings, forwards: false, connectMsMax: timing.handshakeMsMax };
		let socket: Socket | null = null;
		try {
			const open = await openSocket(new URL(url), way, signal);
			socket = open;
			const options = {
				headers: { ...requestHeaders(settings) },
				perMessageDeflate: false,
				maxPayload: frameBytesMax,
				handshakeTimeout: timing.handshakeMsMax,
				closeTimeout: closeTimeoutMs,
				createConnection: () => open,
			};
			return new WebSocket(url, ["prefect"], options);
		} catch (error) {
			socket?.destroy();
			this.#error = error instanceof Error ? error : new Error(String(error));
			this.#ownWill = signal.aborted ? "stopped" : null;
			return null;
		}
	}

	/** Resolves with the close code once the underlying socket is destroyed; null when it was never open. */
	#closed(socket: WebSocket): Promise<number | null> {
		socket.on("unexpected-response", (_request, response) => {
			this.#httpStatus = response.statusCode ?? 0;
			socket.terminate();
		});
		socket.on("error", (error) => {
			this.#error ??= error;
			socket.terminate();
		});
		socket.on("open", () => {
			this.#phase = "authenticating";
			this.#heard();
			socket.send(authMessage(socketToken(this.#options.settings)));
		});
		socket.on("message", (data: Buffer) => this.#onMessage(socket, data.toString("utf8")));
		socket.on("ping", () => this.#heard());
		socket.on("pong", () => this.#heard());
		return new Promise((resolve) => {
			socket.once("close", (code, reason) => {
				this.#words ||= reason.toString("utf8");
				resolve(this.#phase === "connecting" ? null : code);
			});
		});
	}

	#onMessage(socket: WebSocket, text: string): void {
		if (this.#ownWill !== null) return;
		const at = this.#heard();
		if (this.#phase === "subscribed") {
			this.#options.listener.frame(at, text);
			return;
		}
		const answer = readHandshake(text);
		if (answer.kind === "refused") {
			this.#words = answer.words;
			this.#isTokenRefused = true;
			socket.terminate();
		}
		if (answer.kind !== "accepted") return;
		socket.send(filterMessage);
		this.#phase = "subscribed";
		this.#subscribedAtMonoMs = at.monoMs;
		this.#options.listener.subscribed(at);
	}

	#heard(): Instant {
		const at = this.#options.clock.now();
		this.#heardAtMonoMs = at.monoMs;
		this.#hasHeardSinceFilter = this.#phase === "subscribed";
		return at;
	}

	/** Pings, and ends a socket that has gone silent, until `gone`. */
	async #watch(socket: WebSocket, gone: AbortSignal): Promise<void> {
		const { clock, timing } = this.#options;
		while (!gone.aborted) {
			try {
				await clock.sleep(timing.pingEveryMs, gone);
			} catch {
				return;
			}
			if (clock.now().monoMs - this.#heardAtMonoMs >= timing.silenceMsMax) {
				this.#ownWill ??= "hung";
				socket.terminate();
				return;
			}
			if (socket.readyState === WebSocket.OPEN) socket.ping();
		}
	}

	#end(code: number | null): EndFacts {
		const { clock, timing, isFilterSuspect } = this.#options;
		const subscribedForMs = clock.now().monoMs - (this.#subscribedAtMonoMs ?? Number.NEGATIVE_INFINITY);
		return {
			phase: this.#phase,
			code,
			words: this.#words,
			error: this.#error,
			httpStatus: this.#httpStatus,
			isTokenRefused: this.#isTokenRefused,
			isFilterJustSent: !this.#hasHeardSinceFilter && subscribedForMs <= timing.filterVerdictMs,
			isFilterSuspect,
			ownWill: this.#ownWill,
			silenceMsMax: timing.silenceMsMax,
		};
	}
}
