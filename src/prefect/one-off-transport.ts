import { randomUUID } from "node:crypto";
import type { Clock } from "../lib/clock.ts";
import type { Random } from "../lib/random.ts";
import { createSilentReporter } from "../observe/silent-reporter.ts";
import type { Connection } from "./connection.ts";
import { RestTransport } from "./rest-transport.ts";

/** REST for somebody who asks a few things and ends: what fails is told by who asked, and nothing is counted. */
export function oneOffTransport(parts: {
	readonly connection: Connection;
	readonly restPerSecond: number;
	readonly clock: Clock;
	readonly random: Random;
}): RestTransport {
	const { connection, ...rest } = parts;
	return new RestTransport({
		...rest,
		settings: connection,
		reporter: createSilentReporter(),
		csrfClientId: randomUUID(),
		onAnswer: () => undefined,
		onFailure: () => undefined,
	});
}
