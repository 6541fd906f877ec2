import { BlockList, isIPv4, isIPv6 } from "node:net";
import type { FastifyRequest } from "fastify";

/** The header that whatever changes something must carry; a browser cannot send it to another origin without a preflight, which gets 404. */
export const changeHeader = "x-zombied-reload";

const loopback = new BlockList();
loopback.addSubnet("127.0.0.0", 8, "ipv4");
loopback.addAddress("::1", "ipv6");

/** Headers that a proxy adds: then the loopback peer is the proxy, and who really asks is unknown. */
const proxyHeaders = ["forwarded", "x-forwarded-for", "x-real-ip", "via"];
/** Headers that every browser adds to a POST: no page has any business here, whatever name it reached us by. */
const browserHeaders = ["origin", "sec-fetch-site"];

/** Why a request must not reload the settings, or change anything else; null: it may. */
export function refusalOfReload({ socket, headers }: Pick<FastifyRequest, "headers" | "socket">): string | null {
	if (!isLoopback(socket.remoteAddress ?? "")) return "only from the machine itself; elsewhere send SIGHUP";
	if (proxyHeaders.some((name) => headers[name] !== undefined)) return "not through a proxy";
	if (browserHeaders.some((name) => headers[name] !== undefined)) return "not from a browser";
	return headers[changeHeader] === "1" ? null : "needs the header X-Zombied-Reload: 1";
}

/** Addresses of IPv4 appear as `::ffff:127.0.0.1` on a socket that listens on both. */
export function isLoopback(address: string): boolean {
	const plain = address.replace(/^::ffff:(?=\d+\.)/iu, "");
	if (isIPv4(plain)) return loopback.check(plain, "ipv4");
	return isIPv6(plain) && loopback.check(plain, "ipv6");
}
