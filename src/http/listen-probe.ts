import { once } from "node:events";
import { createServer } from "node:net";
import { messageOf, OutsideError } from "../lib/errors.ts";
import { type Finding, fault, well } from "../lib/finding.ts";
import { askStatus } from "./daemon-client.ts";
import type { ListenOn } from "./http-server.ts";

const otherAddress = "choose another one with http.listen (ZOMBIED_HTTP_LISTEN)";

/** Whether a daemon could serve its pages there, or does. */
export async function probeListen(listen: ListenOn, signal: AbortSignal): Promise<Finding> {
	const { host, port } = listen;
	const address = host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
	if (port === 0) return well(`${address}: any free port of the moment`);
	const server = createServer();
	try {
		server.listen({ host, port, exclusive: true });
		await once(server, "listening", { signal });
		return well(`${address} is free: no daemon runs there`);
	} catch (error) {
		signal.throwIfAborted();
		const code = error instanceof Error && "code" in error ? String(error.code) : "";
		if (code === "EADDRINUSE") return await whoListens(listen, address, signal);
		const why = code === "EACCES" ? "this user may not listen there" : messageOf(error);
		return fault(`${address} cannot be had: ${why}`, otherAddress);
	} finally {
		server.close();
	}
}

async function whoListens(listen: ListenOn, address: string, signal: AbortSignal): Promise<Finding> {
	try {
		const { version, ready, reason } = await askStatus(listen, signal);
		return well(`zombied ${version} answers at ${address}, ${ready ? "and is ready" : `not ready: ${reason}`}`);
	} catch (error) {
		if (!(error instanceof OutsideError)) throw error;
		return fault(`something else than a zombied of this version listens at ${address}`, `stop it, or ${otherAddress}`);
	}
}
