import { createServer } from "node:net";

const lowest = 20_000;
const highest = 32_000;

/**
 * A loopback port that is free now. Below the kernel's range for outgoing connections: a server that is down for a
 * while must find its port free again, and a client which keeps dialling a port of that range can end up connected to
 * itself.
 */
export async function freePort(): Promise<number> {
	for (let attempt = 0; attempt < 100; attempt++) {
		const port = lowest + Math.floor(Math.random() * (highest - lowest));
		if (await isFree(port)) {
			return port;
		}
	}
	throw new Error(`no free port between ${lowest} and ${highest}`);
}

function isFree(port: number): Promise<boolean> {
	return new Promise((resolve) => {
		const probe = createServer();
		probe.once("error", () => resolve(false));
		probe.listen(port, "127.0.0.1", () => probe.close(() => resolve(true)));
	});
}
