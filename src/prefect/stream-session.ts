import type { Socket } from "node:net";
import WebSocket from "ws";
import type { Clock, Instant } from "../lib/clock.ts";
import type { Reporter, StreamEndReason } from "../observe/reporter.ts";
import { BeatTap } from "./beat-tap.ts";
import { type Connection, eventsUrl, requestHeaders, socketToken } from "./connection.ts";
import { deliverFrame, type FrameDelivery, type FrameListener } from "./frame-delivery.ts";
import { HeartbeatScanner } from "./heartbeat-scan.ts";
import { openSocket } from "./open-socket.ts";
import { ReadBuffer } from "./read-buffer.ts";
import { ReadInstant } from "./read-instant.ts";
import { type StreamEnd, type StreamPhase, streamEndOf } from "./stream-end.ts";
import type { StreamTiming } from "./stream-timing.ts";
import { authMessage, filterMessage, readHandshake } from "./subscription.ts";

/** Told of what the stream brings, at once and in order. Called from the socket: it must be quick, and not throw. */
export interface StreamListener extends FrameListener {
	/** Subscribed: from now on events come. */
	opened(at: Instant): void;
	/** A sign of life other than an event of a run: pong, ping, any other frame. */
	heard(at: Instant): void;
	/** Only after `opened`. */
	closed(at: Instant, reason: StreamEndReason): void;
}

export interface SessionOptions {
	readonly settings: Connection;
	readonly clock: Clock;
	readonly reporter: Reporter;
	readonly listener: StreamListener;
	readonly timing: StreamTiming;
}

/**
 * Against 100 MiB by default; Prefect's largest event is far below 1 MiB. A larger one ends the connection
 * (`zombied_frames_rejected_total`, reason too_large), and the next one catches up over REST.
 */
const frameBytesMax = 4 * 1024 * 1024;
/**
 * Prefect sends each message whole; a proxy may cut it. Each piece costs 100 bytes and more, however
 * small it is: a frame in more of them is as one that is too large.
 */
const framePiecesMax = 4_096;
/** From our side of a closing handshake to destroying the socket. */
const closeTimeoutMs = 2_000;

/** One connection to the events socket, from dialling to its end. */
export class StreamSession {
	readonly #options: SessionOptions;
	readonly #delivery: FrameDelivery;
	#phase: StreamPhase = "connecting";
	#heardAtMonoMs: number;
	readonly #readInstant = new ReadInstant(() => this.#heardNow());
	#subscribedAtMonoMs: number | null = null;
	#hasHeardSinceFilter = false;
	#error: Error | null = null;
	#words = "";
	#httpStatus: number | null = null;
	#isTokenRefused = false;
	#ownWill: "hung" | "stopped" | null = null;
	readonly #readBuffer = new ReadBuffer();
	/** What the websocket reads from. */
	#tcp: Socket | null = null;
	/** Thrown by the listener: a bug, which ends `run`. */
	#bug: { readonly error: unknown } | null = null;

	constructor(options: SessionOptions) {
		this.#options = options;
		this.#delivery = { listener: options.listener, reporter: options.reporter, scanner: new HeartbeatScanner() };
		this.#heardAtMonoMs = options.clock.now().monoMs;
	}

	/** How long events could come, so far or until the end. */
	get subscribedForMs(): number {
		return this.#subscribedAtMonoMs === null ? 0 : this.#options.clock.now().monoMs - this.#subscribedAtMonoMs;
	}

	/**
	 * Resolves when the socket is gone, and on abort soon after it. Rejects with what the listener threw.
	 *
	 * @param previous how the connection before this one ended
	 */
	async run(previous: StreamEnd | null, signal: AbortSignal): Promise<StreamEnd> {
		const isFilterSuspect = previous?.isFilterSuspect === true;
		const socket = await this.#dial(signal);
		if (socket === null) {
			return this.#end(null, isFilterSuspect);
		}
		const gone = new AbortController();
		const stop = (): void => {
			this.#ownWill ??= "stopped";
			socket.terminate();
		};
		const closed = this.#closed(socket);
		signal.addEventListener("abort", stop, { once: true });
		if (signal.aborted) {
			stop();
		}
		const watch = this.#watch(socket, gone.signal);
		const code = await closed;
		signal.removeEventListener("abort", stop);
		gone.abort();
		await watch;
		const end = this.#end(code, isFilterSuspect);
		if (end.reason === "frame_too_large") {
			this.#options.reporter.frameRejected("too_large", end.detail);
		}
		if (this.#phase === "subscribed") {
			this.#options.listener.closed(this.#options.clock.now(), end.reason);
		}
		if (this.#bug !== null) {
			throw this.#bug.error;
		}
		return end;
	}

	/** Null, with the error kept, when there is no connection. */
	async #dial(signal: AbortSignal): Promise<WebSocket | null> {
		const { settings, timing } = this.#options;
		const url = eventsUrl(settings);
		const { handshakeMsMax: connectMsMax } = timing;
		const way = { connection: settings, forwards: false, readBuffer: this.#readBuffer, connectMsMax };
		let socket: Socket | null = null;
		try {
			const open = await openSocket(new URL(url), way, signal);
			socket = open;
			this.#tcp = open;
			const options = {
				headers: { ...requestHeaders(settings) },
				// Compression costs 30 times the CPU, and invites bombs.
				perMessageDeflate: false,
				maxPayload: frameBytesMax,
				maxFragments: framePiecesMax,
				handshakeTimeout: timing.handshakeMsMax,
				closeTimeout: closeTimeoutMs,
				createConnection: () => open,
			};
			return new WebSocket(url, ["prefect"], options);
		} catch (error) {
			// No way to the server, or a secret that no header can hold.
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
			this.#heardNow();
			if (this.#tcp !== null)
				BeatTap.between(this.#tcp, this.#readBuffer, (bytes, from, end) => this.#takeBeat(socket, bytes, from, end));
			socket.send(authMessage(socketToken(this.#options.settings)));
		});
		socket.on("message", (data: Buffer) => this.#guarded(socket, () => this.#onMessage(socket, data)));
		const onLife = (): void => this.#guarded(socket, () => this.#onLife());
		socket.on("ping", onLife);
		socket.on("pong", onLife);
		return new Promise((resolve) => {
			socket.once("close", (code, reason) => {
				this.#words ||= reason.toString("utf8");
				resolve(this.#phase === "connecting" ? null : code);
			});
		});
	}

	#guarded(socket: WebSocket, act: () => void): void {
		// Frames that were read before terminate still come; after it they are nobody's.
		if (this.#ownWill !== null || this.#bug !== null) {
			return;
		}
		try {
			act();
		} catch (error) {
			this.#bug = { error };
			socket.terminate();
		}
	}

	/** A frame's payload, before anybody has looked at it. @returns false when it has to come as a message */
	#takeBeat(socket: WebSocket, bytes: Buffer, from: number, end: number): boolean {
		if (this.#phase !== "subscribed" || this.#ownWill !== null || this.#bug !== null) return false;
		const { listener, scanner } = this.#delivery;
		if (!scanner.scan(bytes, from, end)) return false;
		let isTaken = false;
		this.#guarded(socket, () => {
			isTaken = listener.beat(this.#readInstant.get(), scanner);
		});
		if (isTaken) this.#hasHeardSinceFilter = true;
		return isTaken;
	}

	#onMessage(socket: WebSocket, data: Buffer): void {
		const at = this.#readInstant.get();
		if (this.#phase === "authenticating") {
			this.#onHandshake(socket, data, at);
			return;
		}
		this.#hasHeardSinceFilter = true;
		deliverFrame(data, at, this.#delivery);
	}

	#onHandshake(socket: WebSocket, data: Buffer, at: Instant): void {
		const answer = readHandshake(data.toString("utf8"));
		switch (answer.kind) {
			case "accepted":
				this.#options.reporter.frame("control");
				socket.send(filterMessage);
				this.#phase = "subscribed";
				this.#subscribedAtMonoMs = at.monoMs;
				this.#options.reporter.streamConnected({ url: eventsUrl(this.#options.settings) });
				this.#options.listener.opened(at);
				return;
			case "refused":
				this.#words = answer.words;
				this.#isTokenRefused = true;
				socket.terminate();
				return;
			case "other":
				this.#options.reporter.frame("control");
				return;
		}
		answer satisfies never;
	}

	#onLife(): void {
		const at = this.#heardNow();
		if (this.#phase === "subscribed") {
			this.#hasHeardSinceFilter = true;
			this.#options.listener.heard(at);
		}
	}

	#heardNow(): Instant {
		const at = this.#options.clock.now();
		this.#heardAtMonoMs = at.monoMs;
		return at;
	}

	/** Pings, and ends a socket that has gone silent, until `gone`. */
	async #watch(socket: WebSocket, gone: AbortSignal): Promise<void> {
		const { clock, timing } = this.#options;
		let pingAtMonoMs = clock.now().monoMs + timing.pingEveryMs;
		while (!gone.aborted) {
			const nextMonoMs = Math.min(pingAtMonoMs, this.#heardAtMonoMs + timing.silenceMsMax);
			try {
				await clock.sleep(Math.max(0, nextMonoMs - clock.now().monoMs), gone);
			} catch {
				return;
			}
			const nowMonoMs = clock.now().monoMs;
			if (nowMonoMs - this.#heardAtMonoMs >= timing.silenceMsMax) {
				this.#ownWill ??= "hung";
				socket.terminate();
				return;
			}
			if (nowMonoMs >= pingAtMonoMs) {
				pingAtMonoMs = nowMonoMs + timing.pingEveryMs;
				if (socket.readyState === WebSocket.OPEN) {
					socket.ping();
				}
			}
		}
	}

	#end(code: number | null, isFilterSuspect: boolean): StreamEnd {
		const { settings, timing } = this.#options;
		return streamEndOf(
			{
				phase: this.#phase,
				code,
				words: this.#words,
				error: this.#error,
				httpStatus: this.#httpStatus,
				isTokenRefused: this.#isTokenRefused,
				isFilterJustSent: !this.#hasHeardSinceFilter && this.subscribedForMs <= timing.filterVerdictMs,
				isFilterSuspect,
				ownWill: this.#ownWill,
				silenceMsMax: timing.silenceMsMax,
			},
			settings,
		);
	}
}
