import { randomUUID } from "node:crypto";
import type { Settings } from "../config/schema.ts";
import { type EpisodeTransition, isOfEpisode } from "../core/episode.ts";
import type { Inquiry } from "../core/input.ts";
import { Tracker } from "../core/tracker.ts";
import type { Clock, Instant } from "../lib/clock.ts";
import type { ProxyEnvironment } from "../lib/proxy.ts";
import type { Random } from "../lib/random.ts";
import { type EpisodeLine, toEpisodeLine } from "../notify/episode-line.ts";
import { createReporter } from "../observe/log-and-metrics.ts";
import type { Logger } from "../observe/logger.ts";
import { Metrics } from "../observe/metrics.ts";
import { ApiClient } from "../prefect/api-client.ts";
import { runPageUrl } from "../prefect/connection.ts";
import { RestTransport } from "../prefect/rest-transport.ts";
import { connectionOf, workspaceOf } from "./connection.ts";
import { detectorSettings } from "./reload.ts";

export interface ScanOptions {
	readonly settings: Settings;
	/** Of the process: which proxy leads to the server. */
	readonly environment: ProxyEnvironment;
	readonly version: string;
	readonly logger: Logger;
	readonly clock: Clock;
	readonly random: Random;
	/** So many look dead; whether they are is known after this time. */
	readonly onWait: (facts: { readonly zombies: number; readonly ms: number }) => void;
}

export interface ScanResult {
	readonly server: string;
	readonly checkedAtMs: number;
	readonly runs: { readonly beating: number; readonly unmonitored: number; readonly idle: number };
	/** Silent for longer than they should be, and not long enough for a verdict. */
	readonly suspects: number;
	/** The lines that a daemon would have written. */
	readonly zombies: readonly EpisodeLine[];
	/** More heartbeats are stored than were read: cadences may be unknown, and limits then longer than they need be. */
	readonly truncated: boolean;
}

/** Pages of 50 events: 40 s of the REST budget. Newest beats are asked for one by one, so this bounds cadences alone. */
const pagesMax = 200;
/** A run is asked about four times at most, unless it beats meanwhile. */
const roundsARun = 8;
/** As the core: how long a run of unknown cadence may be silent, in slowest cadences, and what is added. */
const windowCadences = 2;
const windowMarginMs = 60_000;
/** The core trusts REST so long after a start at the latest; clients resend what they held within 30 s of its return. */
const settleMs = 45_000;

/**
 * Looks over REST, without a daemon: the core judges what the server has stored. A first look that finds nobody is the
 * answer. One that does is repeated when a server that has just come back would have got the heartbeats that its
 * clients held: only the second look calls a run dead.
 *
 * @throws OutsideError when the server cannot be asked; the signal's reason when aborted
 */
export async function scan(options: ScanOptions, signal: AbortSignal): Promise<ScanResult> {
	const first = await lookOnce(options, signal);
	if (first.zombies.length === 0) return first;
	options.onWait({ zombies: first.zombies.length, ms: settleMs });
	await options.clock.sleep(settleMs, signal);
	return await lookOnce(options, signal);
}

/** Time stands still meanwhile, at the moment of the call, so that the look's own length is nobody's silence. */
async function lookOnce(options: ScanOptions, signal: AbortSignal): Promise<ScanResult> {
	const { settings, version, logger, clock, random } = options;
	const connection = connectionOf(settings, version, options.environment);
	const workspace = workspaceOf(connection);
	const metrics = new Metrics({ version, revision: "", nodeVersion: process.version }).workspace(workspace);
	const at = clock.now();
	const tracker = settledTracker(settings, workspace, at);
	const reporter = createReporter({ logger, metrics, clock });
	await using transport = new RestTransport({
		settings: connection,
		clock,
		random,
		reporter,
		restPerSecond: settings.limits.restPerSecond,
		csrfClientId: randomUUID(),
		onAnswer: ({ serverDateMs }) => tracker.apply({ kind: "rest_answered", at, serverDateMs }),
		onFailure: () => undefined,
	});
	const api = new ApiClient({ transport, clock, reporter });
	await api.health(signal);
	const look = { api, tracker, at, slowestCadenceMs: settings.detector.slowestCadence.ms };
	const truncated = await readEverything(look, signal);
	const raised = await judge(look, signal);
	const { beating, unmonitored, idle, suspects } = tracker.census;
	const context = { namespace: settings.namespace, uiUrl: (runId: string) => runPageUrl(connection, runId) };
	return {
		server: connection.apiUrl,
		checkedAtMs: at.wallMs,
		runs: { beating, unmonitored, idle },
		suspects,
		zombies: raised.map((transition) => toEpisodeLine(transition, context)),
		truncated,
	};
}

/** The wait after a start is `scan`'s own, so this one began before it. */
function settledTracker(settings: Settings, workspace: string, at: Instant): Tracker {
	return new Tracker({
		namespace: settings.namespace,
		workspace,
		live: { current: detectorSettings(settings) },
		holdsMassLapses: false,
		startedAt: { monoMs: at.monoMs - settleMs, wallMs: at.wallMs - settleMs },
	});
}

interface Look {
	readonly api: ApiClient;
	readonly tracker: Tracker;
	readonly at: Instant;
	readonly slowestCadenceMs: number;
}

/**
 * The live runs, then stored heartbeats as far back as a run of unknown cadence may be silent: in this order, because beats
 * count for the attempt that is known when they come. To the core it is a stream that has just been caught up with.
 */
async function readEverything({ api, tracker, at, slowestCadenceMs }: Look, signal: AbortSignal): Promise<boolean> {
	tracker.apply({ kind: "stream_opened", at });
	const serverNowMs = tracker.observation.clock.toServerMs(at.monoMs) ?? at.wallMs;
	const sinceMs = serverNowMs - windowCadences * slowestCadenceMs - windowMarginMs;
	for await (const views of api.listLiveRuns(signal)) tracker.apply({ kind: "listed", at, views });
	let truncated = false;
	for await (const page of api.storedEvents({ sinceMs, pagesMax }, signal)) {
		tracker.apply({ kind: "stored", at, views: page.views });
		truncated ||= page.truncated;
	}
	tracker.apply({ kind: "caught_up", at });
	return truncated;
}

/** Puts the core's questions until it has no more. */
async function judge({ api, tracker, at }: Look, signal: AbortSignal): Promise<readonly EpisodeTransition[]> {
	const raised: EpisodeTransition[] = [];
	const rounds = new Map<string, number>();
	for (;;) {
		tracker.apply({ kind: "tick", at });
		const { inquiries, transitions } = tracker.drain();
		raised.push(...transitions.filter(isOfEpisode).filter(({ kind }) => kind === "raised"));
		const asked = inquiries.filter((inquiry) => countRound(rounds, inquiry) <= roundsARun);
		if (asked.length === 0) return raised;
		const { answers, unanswered } = await api.answer(asked, signal);
		tracker.apply({ kind: "answered", at, answers });
		tracker.apply({ kind: "unanswered", at, inquiries: unanswered });
	}
}

function countRound(rounds: Map<string, number>, { runId }: Inquiry): number {
	const count = (rounds.get(runId) ?? 0) + 1;
	rounds.set(runId, count);
	return count;
}
