import { lookup } from "node:dns/promises";
import { once } from "node:events";
import { isIP, connect as tcpConnect } from "node:net";
import { TLSSocket } from "node:tls";
import { messageOf } from "../lib/errors.ts";
import { type Finding, fault, well } from "../lib/finding.ts";
import type { Connection } from "./connection.ts";
import { openSocket } from "./open-socket.ts";
import { errorCodeOf, reachHint } from "./out-of-reach.ts";

/** One step: a name, a connection, a tunnel or a TLS handshake. The daemon allows as much for all of them. */
const stepMsMax = 10_000;

/** The steps that lead to the server, each worth a look only if those before it went well. */
export class ReachProbe {
	readonly #connection: Connection;
	/** Whom we have to reach ourselves: the server, or the proxy before it. */
	readonly #next: { readonly host: string; readonly port: number; readonly name: string; readonly setting: string };

	constructor(connection: Connection) {
		this.#connection = connection;
		const { proxy, apiUrl } = connection;
		const url = proxy?.url ?? new URL(apiUrl);
		const host = url.hostname.replaceAll(/^\[|\]$/gu, "");
		const port = portOf(url);
		const setting = proxy?.variable ?? "PREFECT_API_URL";
		this.#next = { host, port, name: `${proxy === null ? "" : "the proxy "}${url.hostname}:${port}`, setting };
	}

	async dns(signal: AbortSignal): Promise<Finding> {
		const { host, setting } = this.#next;
		if (isIP(host) !== 0) return well(`${host} is an address, no name`);
		try {
			const found = await withinStep(lookup(host, { all: true }), signal);
			return well(`${host} is ${found.map(({ address }) => address).join(", ")}`);
		} catch (error) {
			signal.throwIfAborted();
			const isLate = error instanceof Error && error.name === "TimeoutError";
			const code = isLate ? `no answer within ${stepMsMax / 1000} s` : codeOf(error);
			if (code === "ENOTFOUND") return fault(`there is no host of the name ${host}`, `mend the name in ${setting}`);
			return fault(
				`the name ${host} cannot be resolved (${code ?? messageOf(error)})`,
				`is the name in ${setting} right, and does this machine (or container) reach its DNS server?`,
			);
		}
	}

	async tcp(signal: AbortSignal): Promise<Finding> {
		const { host, port, name, setting } = this.#next;
		const socket = tcpConnect({ host, port });
		try {
			const either = AbortSignal.any([signal, AbortSignal.timeout(stepMsMax)]);
			await once(socket, "connect", { signal: either });
			return well(`${name} accepts connections`);
		} catch (error) {
			signal.throwIfAborted();
			return tcpFault(codeOf(error), name, setting, error);
		} finally {
			socket.destroy();
		}
	}

	/** The tunnel to the server, which the socket needs in any case. */
	async proxy(signal: AbortSignal): Promise<Finding> {
		const { proxy, apiUrl } = this.#connection;
		if (proxy === null) return well("none on the way");
		const target = new URL(apiUrl);
		// Of this kind of address nothing but the tunnel is made.
		const plain = new URL(`ws://${target.hostname}:${portOf(target)}`);
		const { host } = proxy.url;
		try {
			await this.#open(plain, false, signal);
			return well(`${host} (${proxy.variable}) lets us through to ${target.host}`);
		} catch (error) {
			signal.throwIfAborted();
			const login = messageOf(error).includes("answers 407");
			return fault(
				messageOf(error),
				login
					? `put "user:password@" into the address in ${proxy.variable}`
					: `let ${host} allow CONNECT to ${target.hostname}:${portOf(target)}, or name the server in NO_PROXY`,
			);
		}
	}

	async tls(signal: AbortSignal): Promise<Finding> {
		const { apiUrl, trust } = this.#connection;
		const target = new URL(apiUrl);
		if (target.protocol === "http:") return well("not used: PREFECT_API_URL begins with http://");
		try {
			const told = await this.#open(target, true, signal);
			return well(trust.rejectUnauthorized ? told : `${told}; NOT CHECKED (prefect.tlsInsecureSkipVerify)`);
		} catch (error) {
			signal.throwIfAborted();
			return fault(messageOf(error), reachHint(codeOf(error), this.#connection));
		}
	}

	/** @returns what is known of the connection's encryption */
	async #open(target: URL, forwards: boolean, signal: AbortSignal): Promise<string> {
		const way = { connection: this.#connection, forwards, connectMsMax: stepMsMax };
		const socket = await openSocket(target, way, signal);
		try {
			if (!(socket instanceof TLSSocket)) return "";
			const { valid_to: until, issuer } = socket.getPeerCertificate();
			return `${socket.getProtocol()}, the certificate is of ${issuer?.CN ?? "an unnamed issuer"}, valid until ${until}`;
		} finally {
			socket.destroy();
		}
	}
}

function tcpFault(code: string | null, name: string, setting: string, error: unknown): Finding {
	switch (code) {
		case "ECONNREFUSED":
			return fault(`nobody listens at ${name}`, `start it, or mend host and port in ${setting}`);
		case "ABORT_ERR":
		case "ETIMEDOUT":
			return fault(
				`${name} does not answer within ${stepMsMax / 1000} s`,
				"a firewall or security group seems to drop what we send: let this machine through",
			);
		case "EHOSTUNREACH":
		case "ENETUNREACH":
			return fault(`there is no way to ${name} (${code})`, "check the network, VPN or routes of this machine");
		default:
			return fault(`${name}: ${messageOf(error) || code}`, `check the network, and host and port in ${setting}`);
	}
}

function portOf(url: URL): number {
	return url.port === "" ? (url.protocol === "https:" ? 443 : 80) : Number(url.port);
}

function codeOf(error: unknown): string | null {
	return error instanceof Error ? errorCodeOf(error) : null;
}

/** For what takes no signal. */
async function withinStep<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
	const { promise: over, reject } = Promise.withResolvers<never>();
	const either = AbortSignal.any([signal, AbortSignal.timeout(stepMsMax)]);
	const onAbort = (): void => reject(either.reason);
	either.addEventListener("abort", onAbort, { once: true });
	try {
		return await Promise.race([promise, over]);
	} finally {
		either.removeEventListener("abort", onAbort);
	}
}
