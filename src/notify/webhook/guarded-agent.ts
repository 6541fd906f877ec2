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
			// Of a failure there is no socket at all, whatever the types say.
			connect(to, (error, made) => (error === null ? resolve(made) : reject(error)));
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

/** By these names clouds serve credentials; our own machine need not know them where the proxy does. */
const metadataNames: ReadonlySet<string> = new Set([
	"metadata",
	"metadata.google.internal",
	"metadata.goog",
	"instance-data",
	"instance-data.ec2.internal",
]);

/**
 * Where a proxy connects, its address is not ours to look at: an address that is refused, and a name that leads to one as far as
 * our own machine knows, are not asked for. A name that we cannot find is the proxy's business, but where private addresses
 * are denied.
 *
 * @param hostname as `URL` gives it
 * @throws OutsideError: final when it is refused
 */
export async function checkBehindProxy(hostname: string, guard: GuardOptions): Promise<void> {
	const name = hostname.replace(/\.$/u, "");
	if (metadataNames.has(name)) throw refused(name, "is a metadata service");
	try {
		await allowedAddressOf(hostname, guard);
	} catch (error) {
		if (!(error instanceof OutsideError) || !error.retryable) throw error;
		if (!guard.denyPrivate) return;
		const mend = "name it in NO_PROXY, or leave denyPrivate out";
		const message = `webhook: whether ${name} is private cannot be seen before the proxy connects; ${mend}`;
		throw new OutsideError(message, { retryable: true, cause: error });
	}
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
