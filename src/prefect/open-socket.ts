import { once } from "node:events";
import { request as httpRequest } from "node:http";
import { request as httpsRequest } from "node:https";
import { isIP, type Socket, connect as tcpConnect } from "node:net";
import { connect as tlsConnect } from "node:tls";
import { OutsideError } from "../lib/errors.ts";
import type { ProxyServer } from "../lib/proxy.ts";
import type { Connection } from "./connection.ts";
import type { ReadBuffer } from "./read-buffer.ts";

/** No connection, for a reason that the network has no error for. */
class NoWayError extends OutsideError {
	override readonly name = "NoWayError";
	readonly code: "ETIMEDOUT" | "ERR_PROXY";

	constructor(code: "ETIMEDOUT" | "ERR_PROXY", message: string) {
		super(message, { retryable: true });
		this.code = code;
	}
}

export interface Way {
	readonly connection: Pick<Connection, "trust" | "proxy">;
	/** An `http:` request can be sent to the proxy itself, which forwards it; the socket always needs a tunnel. */
	readonly forwards: boolean;
	/** Reads the socket, where no proxy is between. */
	readonly readBuffer?: ReadBuffer;
	/** Until the connection is ready: name, TCP, tunnel and TLS together. */
	readonly connectMsMax: number;
}

/**
 * A connection that is ready for HTTP with the server: direct or through the proxy (CONNECT), and with TLS where the
 * address (`http:`, `https:`, `ws:`, `wss:`) wants it. One function for REST and the socket, so that both have the same
 * trust and proxy, and end at once when told to.
 *
 * @throws the signal's reason when aborted; otherwise an error with a `code`
 */
export async function openSocket(target: URL, way: Way, signal: AbortSignal): Promise<Socket> {
	const timeout = AbortSignal.timeout(way.connectMsMax);
	try {
		return await open(target, way, AbortSignal.any([signal, timeout]));
	} catch (error) {
		signal.throwIfAborted();
		throw timeout.aborted
			? new NoWayError("ETIMEDOUT", `no connection with ${target.host} within ${way.connectMsMax / 1000} s`)
			: error;
	}
}

async function open(target: URL, { connection, forwards, readBuffer }: Way, signal: AbortSignal): Promise<Socket> {
	const { proxy, trust } = connection;
	const isSecure = ["https:", "wss:"].includes(target.protocol);
	if (proxy === null) {
		const end = readBuffer === undefined ? endOf(target) : { ...endOf(target), onread: readBuffer.onread };
		return await (isSecure ? secured(end, trust, signal) : plain(end, signal));
	}
	if (forwards && !isSecure) {
		const isProxySecure = proxy.url.protocol === "https:";
		return await (isProxySecure ? secured(endOf(proxy.url), {}, signal) : plain(endOf(proxy.url), signal));
	}
	const socket = await tunnelled(target, proxy, signal);
	return isSecure ? await secured({ ...endOf(target), socket }, trust, signal) : socket;
}

interface End {
	readonly host: string;
	readonly port: number;
}

function endOf(url: URL): End {
	const usual = ["https:", "wss:"].includes(url.protocol) ? 443 : 80;
	return { host: url.hostname.replaceAll(/^\[|\]$/gu, ""), port: url.port === "" ? usual : Number(url.port) };
}

function plain(end: End, signal: AbortSignal): Promise<Socket> {
	return ready(tcpConnect(end), "connect", signal);
}

function secured(
	end: End & { readonly socket?: Socket },
	trust: Partial<Connection["trust"]>,
	signal: AbortSignal,
): Promise<Socket> {
	const name = isIP(end.host) === 0 ? { servername: end.host } : {};
	return ready(tlsConnect({ ...end, ...name, ...trust, ALPNProtocols: ["http/1.1"] }), "secureConnect", signal);
}

async function ready(socket: Socket, event: string, signal: AbortSignal): Promise<Socket> {
	try {
		await once(socket, event, { signal });
		return socket.setNoDelay(true);
	} catch (error) {
		socket.destroy();
		throw error;
	}
}

/** The status by which a proxy refuses is told as the proxy's, and cannot be taken for the server's. */
async function tunnelled(target: URL, { url: proxy, headers }: ProxyServer, signal: AbortSignal): Promise<Socket> {
	const { host, port } = endOf(target);
	const authority = `${isIP(host) === 6 ? `[${host}]` : host}:${port}`;
	const request = (proxy.protocol === "https:" ? httpsRequest : httpRequest)({
		...endOf(proxy),
		method: "CONNECT",
		path: authority,
		headers: { host: authority, ...headers },
		agent: false,
		signal,
	});
	const connected = once(request, "connect");
	request.end();
	const [response, socket] = (await connected) as [{ readonly statusCode?: number }, Socket];
	const status = response.statusCode ?? 0;
	if (status >= 200 && status < 300) {
		return socket;
	}
	socket.destroy();
	throw new NoWayError("ERR_PROXY", `the proxy ${proxy.host} answers ${status} to CONNECT ${authority}`);
}
