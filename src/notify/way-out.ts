import { type Dispatcher, ProxyAgent } from "undici";
import { type ProxyEnvironment, proxyFor } from "../lib/proxy.ts";

/** A proxy on the way to a receiver. */
export interface WayOut {
	readonly dispatcher: Dispatcher;
	/** The variable that names it, for messages. */
	readonly variable: string;
}

/** Which proxy is on the way to an address; null: none. */
export type WayOutTo = (url: string) => WayOut | null;

/** To the proxy, through it, and TLS, each; a receiver that takes longer has failed, and is tried again. */
const connectMsMax = 10_000;

/**
 * As REST goes: an `https:` address is tunnelled, an `http:` one forwarded. Connections that nobody uses keep no process alive.
 *
 * @throws OperatorError, at an address, when the variable names no HTTP proxy
 */
export function wayOutFrom(environment: ProxyEnvironment): WayOutTo {
	return (to) => {
		const proxy = proxyFor(to, environment);
		if (proxy === null) return null;
		const { url, headers, variable } = proxy;
		const dispatcher = new ProxyAgent({
			uri: url.href,
			headers: { ...headers },
			connectTimeout: connectMsMax,
			proxyTls: { allowH2: false },
			requestTls: { allowH2: false },
		});
		return { dispatcher, variable };
	};
}
