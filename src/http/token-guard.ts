import { createHash, timingSafeEqual } from "node:crypto";
import type { FastifyRequest } from "fastify";

/** Numbers and health alone: probes and Prometheus carry no token. */
const openPaths = /^\/(?:metrics|-\/[a-z]+)$/u;

/**
 * May this request be answered? With a token set, whatever names runs needs it: as `Authorization: Bearer`, or as the
 * password of basic auth, which a browser asks for by itself.
 *
 * @param token null: none is set
 */
export function isAllowed({ url, headers }: Pick<FastifyRequest, "url" | "headers">, token: string | null): boolean {
	if (token === null || openPaths.test(url.split("?")[0] ?? "")) return true;
	const given = tokenOf(headers.authorization ?? "");
	return given !== null && timingSafeEqual(digestOf(given), digestOf(token));
}

export const challenge = 'Basic realm="zombied: any name, the token as password", charset="UTF-8"';

function tokenOf(authorization: string): string | null {
	const { scheme, value = "" } = /^(?<scheme>bearer|basic) (?<value>.*)$/isu.exec(authorization)?.groups ?? {};
	if (scheme === undefined) return null;
	if (scheme.toLowerCase() === "bearer") return value;
	const pair = Buffer.from(value, "base64").toString("utf8");
	const colon = pair.indexOf(":");
	return colon === -1 ? null : pair.slice(colon + 1);
}

/** Of one length, whatever was given. */
function digestOf(text: string): Buffer {
	return createHash("sha256").update(text).digest();
}
