import type { BlindCause } from "../core/blindness.ts";

const texts: Readonly<Record<BlindCause, string>> = {
	socket: "no connection to Prefect's events",
	own_pause: "zombied was asleep, or this machine's clock was set",
	silent_stream: "connected, but no event of any run comes",
	lag: "events come more than 30 s late",
	server_outage: "Prefect is away, or has just come back",
};

/** What keeps heartbeats from being heard at this moment, in words. */
export function blindText(cause: BlindCause): string {
	return texts[cause];
}
