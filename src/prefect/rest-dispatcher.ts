import type { Socket } from "node:net";
import { Agent, type buildConnector, type Dispatcher } from "undici";
import { orAborted } from "../lib/or-aborted.ts";
import type { Connection } from "./connection.ts";
import { openSocket } from "./open-socket.ts";

/** Name, TCP, proxy and TLS together; and connections at a time, of which the budget of requests leaves most unused. */
const connectMsMax = 10_000;
const connectionsMax = 8;
/** 200 runs with ordinary parameters are about 1 MiB; parsing more than this would stop the process for too long. */
const answerBytesMax = 32 * 1024 * 1024;

export interface RestRequest {
	readonly method: "GET" | "POST";
	/** Below the base of the API, beginning with "/". */
	readonly path: string;
	readonly headers: Readonly<Record<string, string>>;
	readonly body: string | null;
}

/**
 * Connections for REST, direct or through the proxy: an `https:` address is tunnelled, an `http:` one forwarded, which
 * every proxy allows for every port. HTTP/1.1 only. Requests have no time limits of their own: the caller's signal covers
 * the whole of each.
 */
export class RestDispatcher implements AsyncDisposable {
	readonly #connection: Connection;
	readonly #disposed = new AbortController();
	readonly #agent: Agent;

	constructor(connection: Connection) {
		this.#connection = connection;
		this.#agent = new Agent({
			connections: connectionsMax,
			headersTimeout: 0,
			bodyTimeout: 0,
			maxResponseSize: answerBytesMax,
			allowH2: false,
			connect: (_options, callback) => void this.#connect(callback),
		});
	}

	/** Ends connections in use and those being made, which would else keep the process for up to 10 s. */
	async [Symbol.asyncDispose](): Promise<void> {
		this.#disposed.abort(new DOMException("the connections are closed", "AbortError"));
		await this.#agent.destroy();
	}

	async #connect(callback: buildConnector.Callback): Promise<void> {
		const connection = this.#connection;
		const way = { connection, forwards: true, connectMsMax };
		let socket: Socket;
		try {
			socket = await openSocket(new URL(connection.apiUrl), way, this.#disposed.signal);
		} catch (error) {
			callback(error instanceof Error ? error : new Error(String(error)), null);
			return;
		}
		callback(null, socket);
	}

	/** @throws the signal's reason as soon as it aborts, also while a connection is being made */
	async request({ method, path, headers, body }: RestRequest, signal: AbortSignal): Promise<Dispatcher.ResponseData> {
		const { apiUrl, proxy } = this.#connection;
		const url = new URL(`${apiUrl}${path}`);
		const isForwarded = proxy !== null && url.protocol === "http:";
		const response = this.#agent.request({
			origin: url.origin,
			path: isForwarded ? url.href : `${url.pathname}${url.search}`,
			method,
			headers: isForwarded ? { ...headers, ...proxy.headers } : headers,
			body,
			signal,
		});
		// undici itself heeds the signal only once there is a connection.
		return await orAborted(response, signal);
	}
}
