import type { HoldReason } from "../core/delivery.ts";
import type { Condition, EpisodeTransition } from "../core/episode.ts";
import type { GroupIncident, GroupKind } from "../core/group-incident.ts";
import type { RemedyAction, RemedyEntry } from "../core/remedy.ts";
import type { DoubtfulThreshold } from "../core/threshold-watch.ts";

/** Frames as they are counted: events of runs, and everything that is skipped. */
export type FrameKind = "heartbeat" | "state" | "other_event" | "control";

/** Why a frame or a row was not understood. */
export type RejectReason =
	| "not_json"
	| "not_an_object"
	| "unknown_type"
	| "malformed_event"
	| "too_large"
	| "malformed_row";

/** Why the socket ended; the label of `zombied_stream_reconnects_total`. */
export type StreamEndReason =
	| "refused"
	| "unauthorized"
	| "subprotocol"
	| "bad_filter"
	| "closed_clean"
	| "closed_dirty"
	| "hung"
	| "frame_too_large"
	| "stopped";

/** REST endpoints by their job, not their path: a label of two metrics. */
export type ApiEndpoint =
	| "flow_runs"
	| "events"
	| "logs"
	| "task_runs"
	| "workers"
	| "work_pools"
	| "concurrency_limits"
	| "flows"
	| "deployments"
	| "health"
	| "csrf"
	| "version";

export type ApiFailureReason =
	| "unreachable"
	| "timeout"
	| "unauthorized"
	| "rate_limited"
	| "rejected"
	| "server_error"
	| "malformed";

export type JobName = "sweep" | "reconcile" | "retention" | "remedy" | "outbox";

/** What runs side by side as long as the daemon does. */
export type LoopName =
	| "pipeline"
	| "dispatcher"
	| "backlog"
	| "stream"
	| "catch-up"
	| "probe"
	| "inquirer"
	| "lesson"
	| "persister"
	| "schedule"
	| "reposter"
	| "dead-man"
	| "watchdog";

/** Oddities that the core notices: counted, and logged where a human should look. */
export type Anomaly =
	| "senseless_time"
	| "late_beat"
	| "terminal_overwritten"
	| "stored_beat_not_heard"
	| "stored_state_not_heard"
	| "unknown_run"
	| "run_set_aside"
	| "own_pause"
	| "server_clock_step";

/**
 * One function an event: the log line and the metric are written together, and none of them throws. Whoever has
 * something to tell calls this and nothing else.
 */
export interface Reporter {
	starting(facts: { version: string; configFile: string | null; apiUrl: string; storeUrl: string }): void;
	/** A setting that is allowed and probably not meant, in words. */
	settingDoubtful(warning: string): void;
	/** A rule's threshold is short beside the cadence of a deployment: told once for both. */
	thresholdShort(threshold: DoubtfulThreshold): void;
	/** All sources of the settings were read again; paths of settings, never values. */
	configReloaded(facts: { changed: readonly string[]; needRestart: readonly string[] }): void;
	/** They were not sound, so those in use stay. */
	configRefused(problems: string): void;
	httpListening(address: string): void;
	ready(facts: { runs: number; openEpisodes: number }): void;
	stopping(signal: string): void;
	stopped(): void;

	/** @param count of so many frames; 1 where it is left out */
	frame(kind: FrameKind, count?: number): void;
	/** `sample` is shown, cut short and stripped of control characters, at most once a minute a reason. */
	frameRejected(reason: RejectReason, sample: string): void;
	eventLag(lagMs: number): void;
	/** A heartbeat came of a run whose cadence is known. */
	beatOfCadence(cadenceMs: number): void;

	waitingForServer(facts: { apiUrl: string; reason: string; retryInMs: number }): void;
	streamConnected(facts: { url: string }): void;
	streamEnded(facts: { reason: StreamEndReason; detail: string; retryInMs: number }): void;

	apiAnswered(endpoint: ApiEndpoint): void;
	apiFailed(endpoint: ApiEndpoint, reason: ApiFailureReason, detail: string): void;
	apiRecovered(): void;

	caughtUp(facts: { pass: 1 | 2; events: number; sinceMs: number; truncated: boolean }): void;
	/** The socket has been away so long that REST stands in for it: told once, until the socket is back. */
	overRestAlone(facts: { everyMs: number }): void;
	/** Cadences were learned from what the server stored before the first start: once a database. */
	priorsLearned(facts: { deployments: number; runs: number; requests: number }): void;
	/** They could not be read now: told at the first failure in a row. */
	priorsPutOff(facts: { reason: string; retryInMs: number }): void;
	reconciled(facts: { listed: number; durationMs: number }): void;

	/** A verdict was committed (or, while the store fails, decided). */
	transition(transition: EpisodeTransition): void;
	/** Runs of one group fell silent together, or that is over: told once each. */
	groupIncident(incident: GroupIncident): void;
	anomaly(kind: Anomaly, facts: { runId: string | null; detail: string }): void;
	blind(cause: string, seconds: number): void;

	/** Something was done about a run, would have been, was refused by a guard, or failed. */
	remedied(entry: RemedyEntry): void;
	/** A run that was touched was alive: our mistake; its scope is a dry run from now on. */
	remedyMistaken(facts: {
		runId: string;
		alertId: string;
		action: RemedyAction;
		scope: string;
		kind: "beat" | "went_on";
		why: string;
	}): void;
	/** The server or the store did not answer: what is due is tried again in seconds. */
	remedyPutOff(reason: string): void;

	swept(facts: SweepFigures): void;
	scheduleMissed(job: JobName): void;
	queueOverflowed(dropped: number): void;
	/** So many runs that events alone had told of have left, since there were too many of them. */
	unconfirmedDropped(runs: number): void;

	committed(facts: { durationMs: number; rows: number }): void;
	storeFailed(code: string, detail: string): void;
	storeRecovered(): void;
	/** The database was damaged: it is kept under another name, and a new one is filled over REST. */
	storeSetAside(facts: { path: string; keptAs: string; detail: string }): void;
	retained(facts: { runs: number; episodes: number }): void;
	/** `isHeld`: the write-ahead log has outgrown its bound, which another program's reading alone can make it do. */
	storeLog(facts: { bytes: number; isHeld: boolean }): void;

	outboxPending(sink: string, rows: number): void;
	/** A sink of that name is there: its counters begin at 0. */
	sinkConfigured(sink: string): void;
	delivered(sink: string): void;
	deliveryFailed(sink: string, reason: string, detail: string): void;
	/** Of a sink that is not there any more. */
	deliveriesGivenUp(facts: { sink: string; rows: number; detail: string }): void;
	/** A delivery is kept from its sink for a while. */
	deliveryHeld(sink: string, reason: HoldReason): void;

	/** The dead man's switch was told that we work. */
	deadManPinged(): void;
	/** It was not to be reached, or refused: told once, until a ping succeeds. */
	deadManFailed(detail: string): void;
	/** It is left to think that we are dead: told once, until a ping succeeds. */
	deadManWithheld(reason: string): void;

	/** A loop failed in a way that may pass, and is about to be started again. */
	loopRestarted(facts: { loop: LoopName; reason: string; retryInMs: number }): void;
}

/** What one sweep saw: gauges are set from it, so that a scrape computes nothing. */
export interface SweepFigures {
	readonly durationMs: number;
	/** Wall clock. */
	readonly atMs: number;
	readonly runs: { readonly beating: number; readonly unmonitored: number; readonly idle: number };
	readonly suspects: number;
	/** Runs that events alone have told of. */
	readonly unconfirmed: number;
	/** Conditions without an open episode may be missing. */
	readonly openEpisodes: Readonly<Partial<Record<Condition, number>>>;
	/** Kinds without an open incident may be missing. */
	readonly openGroups: Readonly<Partial<Record<GroupKind, number>>>;
	/** Wall clock, by work pool; null: in none. */
	readonly oldestBeatsMs: ReadonlyMap<string | null, number>;
	readonly streamConnected: boolean;
	/** Wall clock; null before the first. */
	readonly lastEventAtMs: number | null;
	readonly ownHealth: number;
}
