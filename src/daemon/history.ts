import { z } from "zod";
import type { Settings } from "../config/schema.ts";
import type { Clock } from "../lib/clock.ts";
import type { ProxyEnvironment } from "../lib/proxy.ts";
import type { Random } from "../lib/random.ts";
import { oneOffTransport } from "../prefect/one-off-transport.ts";
import type { RestTransport } from "../prefect/rest-transport.ts";
import { StoredHistory } from "../prefect/stored-history.ts";
import { eventOf, type IncidentLine } from "../replay/incident-file.ts";
import { OpeningRuns } from "../replay/recorded-runs.ts";
import type { Story } from "../replay/story.ts";
import { connectionOf } from "./connection.ts";

export interface HistoryOptions {
	readonly settings: Settings;
	/** Of the process: which proxy leads to the server. */
	readonly environment: ProxyEnvironment;
	readonly version: string;
	readonly clock: Clock;
	readonly random: Random;
	/** How far back from the server's now. */
	readonly sinceMs: number;
	/** Told at most every ten seconds. */
	readonly onProgress: (facts: { readonly events: number; readonly share: number }) => void;
}

export interface History {
	readonly story: Story;
	readonly server: string;
	readonly events: number;
	/** Events that could not be read. */
	readonly unread: number;
	readonly startsMs: number;
	readonly endsMs: number;
	/** More is stored than is held at once: the story ends where reading ended. */
	readonly truncated: boolean;
}

/** About 150 MB of text; at the default budget they take 14 minutes to read. */
const eventsMax = 200_000;
const progressEveryMs = 10_000;

/**
 * What the server has stored, as the socket would have brought it: each event at the moment at which the server got it.
 *
 * @throws OutsideError when the server cannot be asked; the signal's reason when aborted
 */
export async function readHistory(options: HistoryOptions, signal: AbortSignal): Promise<History> {
	const { settings, clock, random, onProgress } = options;
	const connection = connectionOf(settings, options.version, options.environment);
	await using transport = oneOffTransport({
		connection,
		restPerSecond: settings.limits.restPerSecond,
		clock,
		random,
	});
	const untilMs = await serverNowMs(transport, clock, signal);
	const sinceMs = untilMs - options.sinceMs;
	const lines: IncidentLine[] = [];
	let [unread, endsMs, toldMonoMs] = [0, sinceMs, clock.now().monoMs];
	for await (const part of new StoredHistory(transport).read({ sinceMs, untilMs }, signal)) {
		for (const { receivedMs, event } of part.events) {
			// Text takes a fraction of the room of the same object.
			lines.push({ at: Math.floor(receivedMs), text: JSON.stringify({ type: "event", event }) });
		}
		unread += part.unread;
		endsMs = part.untilMs;
		if (lines.length >= eventsMax) break;
		if (clock.now().monoMs - toldMonoMs < progressEveryMs) continue;
		toldMonoMs = clock.now().monoMs;
		onProgress({ events: lines.length, share: (endsMs - sinceMs) / (untilMs - sinceMs) });
	}
	const truncated = endsMs < untilMs;
	const story = storyOf(lines, sinceMs, endsMs);
	return { story, server: connection.apiUrl, events: lines.length, unread, startsMs: sinceMs, endsMs, truncated };
}

async function serverNowMs(transport: RestTransport, clock: Clock, signal: AbortSignal): Promise<number> {
	const call = { endpoint: "health", method: "GET", path: "/health", schema: z.unknown(), retries: true } as const;
	const { serverDateMs } = await transport.call(call, signal);
	return serverDateMs ?? clock.now().wallMs;
}

/** What came before or after the time is put at its edge: the daemon would have read it on connecting. */
function storyOf(unsorted: readonly IncidentLine[], startsMs: number, endsMs: number): Story {
	const within = unsorted.filter(({ at }) => at <= endsMs);
	const lines = within.map((line) => ({ ...line, at: Math.max(startsMs, line.at) })).sort((a, b) => a.at - b.at);
	const opening = new OpeningRuns();
	for (const line of lines) opening.learn(eventOf(line));
	return {
		name: "stored",
		startsMs,
		endsMs,
		runsFromEvents: true,
		opening: opening.runsAt(startsMs),
		lines: async function* () {
			yield* lines;
		},
	};
}
