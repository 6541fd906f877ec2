import { lookup } from "node:dns/promises";
import { isIP, type Socket } from "node:net";
import { Agent, buildConnector } from "undici";
import { messageOf, OutsideError } from "../../lib/errors.ts";
import { refusalOf } from "./address-guard.ts";

/** Name, TCP and TLS together; a receiver that takes longer has failed, and is tried again. */
const connectMsMax = 10_000;

export interface GuardOptions {
	readonly denyPrivate: boolean;
}

/**
 * Connections that lead to no address of `refusalOf`: a name is resolved here, what it resolves to is looked at, and just
 * that is connected to, so that a name which means something else a moment later cannot lead elsewhere. The address
 * at the other end is looked at once more before anything is sent.
 */
export function guardedAgent(guard: GuardOptions): Agent {
	const connect = buildConnector({ timeout: connectMsMax, allowH2: false });
	return new Agent({
		connections: 1,
		connect: (options, callback) => void connectGuarded(connect, options, guard, callback),
	});
}

async function connectGuarded(
	connect: buildConnector.connector,
	options: buildConnector.Options,
	guard: GuardOptions,
	callback: buildConnector.Callback,
): Promise<void> {
	let socket: Socket;
	try {
		const address = await allowedAddressOf(options.hostname, guard);
		const to = { ...options, hostname: address, servername: options.servername ?? options.hostname };
		socket = await new Promise((resolve, reject) => {
			connect(to, (error, made) => (made === null ? reject(error) : resolve(made)));
		});
		checkPeer(socket, guard);
	} catch (error) {
		callback(error instanceof Error ? error : new Error(String(error)), null);
		return;
	}
	callback(null, socket);
}

/** @throws OutsideError when it is not who it should be; the socket is gone then */
function checkPeer(socket: Socket, guard: GuardOptions): void {
	const { remoteAddress = "?" } = socket;
	const refusal = refusalOf(remoteAddress, guard);
	if (refusal === null) return;
	socket.destroy();
	throw refused(remoteAddress, refusal);
}

/**
 * The address to connect to.
 *
 * @param hostname as `URL` gives it: IPv4 in whatever form it was written in its usual one, IPv6 in brackets
 * @throws OutsideError: final when an address of the name is refused
 */
export async function allowedAddressOf(hostname: string, guard: GuardOptions): Promise<string> {
	const host = hostname.replace(/^\[(.*)\]$/u, "$1");
	const addresses = isIP(host) === 0 ? await resolved(host) : [host];
	for (const address of addresses) {
		const refusal = refusalOf(address, guard);
		// One is enough: a name that leads there at times is not to be trusted at others.
		if (refusal !== null) throw refused(address, refusal);
	}
	return addresses[0] as string;
}

async function resolved(host: string): Promise<readonly string[]> {
	try {
		return (await lookup(host, { all: true })).map(({ address }) => address);
	} catch (error) {
		throw new OutsideError(`the webhook's host cannot be found (${messageOf(error)})`, {
			retryable: true,
			cause: error,
		});
	}
}

function refused(address: string, refusal: string): OutsideError {
	return new OutsideError(`webhook: nothing is sent to ${address}: it ${refusal}`, { retryable: false });
}
