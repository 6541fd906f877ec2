import { hashOf } from "../lib/hash.ts";
import type { RunLabels, StateType } from "./run.ts";

/** What can be wrong with a run. More conditions join as the detector grows. */
export type Condition = "zombie";
export type Severity = "critical" | "warning" | "info";

/** How an episode ended: see docs; `recovered` is our own mistake or a thawed process. */
export type Outcome = "recovered" | "ended" | "moved" | "deleted";

export const severityOf: Readonly<Record<Condition, Severity>> = {
	zombie: "critical",
};

/** Where a run's cadence comes from: its own beats, or nothing (then the slowest plausible one is assumed). */
export type CadenceSource = "learned" | "unknown";

/** The facts a verdict rests on, as they stood when it was made. Times of record are epoch milliseconds. */
export interface Evidence {
	/** The worker's clock. */
	readonly lastBeatOccurredMs: number | null;
	/** The server's clock. */
	readonly lastBeatReceivedMs: number | null;
	readonly cadenceSeconds: number | null;
	readonly cadenceSource: CadenceSource;
	readonly thresholdSeconds: number;
	/** From the proof of life to the verdict, blind time included. */
	readonly silenceSeconds: number;
	/** The part of the silence in which a beat could not have been heard. */
	readonly blindSeconds: number;
	readonly apiStateType: StateType;
	readonly apiStateId: string;
	/** `received` of the newest heartbeat the server has stored; null when it has none. */
	readonly newestStoredBeatMs: number | null;
}

/** One silence of one run: opens once, closes once. */
export interface Episode {
	readonly alertId: string;
	readonly workspace: string;
	readonly runId: string;
	readonly attempt: number;
	readonly condition: Condition;
	readonly severity: Severity;
	/** One sentence for a human. */
	readonly reason: string;
	readonly evidence: Evidence;
	readonly stateType: StateType;
	readonly stateName: string;
	readonly labels: RunLabels;
	/** Our wall clock. */
	readonly raisedAtMs: number;
	readonly closed: { readonly outcome: Outcome; readonly atMs: number } | null;
}

/**
 * The same silence gives the same id after a crash, after a rebuild from REST, and in a second daemon.
 *
 * @param anchor what the episode rests on: for a zombie the event id of the last heartbeat
 */
export function alertIdOf(parts: {
	readonly namespace: string;
	readonly workspace: string;
	readonly runId: string;
	readonly attempt: number;
	readonly condition: Condition;
	readonly anchor: string;
}): string {
	return hashOf(parts.namespace, parts.workspace, parts.runId, parts.attempt, parts.condition, parts.anchor);
}

/** A transition of an episode: what sinks are told. */
export interface Transition {
	/** `alert_id:raised` or `alert_id:resolved`: the same in every retry, so receivers can drop duplicates. */
	readonly key: string;
	readonly kind: "raised" | "resolved";
	readonly episode: Episode;
}

export function transitionOf(episode: Episode): Transition {
	const kind = episode.closed === null ? "raised" : "resolved";
	return { key: `${episode.alertId}:${kind}`, kind, episode };
}
