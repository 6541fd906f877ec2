import { hashOf } from "../lib/hash.ts";
import type { Impact } from "./circumstances.ts";
import type { GroupIncident } from "./group-incident.ts";
import type { RemedyNote } from "./remedy.ts";
import type { RunLabels, StateType } from "./run.ts";

/** What can be wrong with a run, the strongest first: an open episode gives way to a stronger condition. */
export const conditions = [
	"zombie",
	"undead",
	"stuck_pending",
	"stuck_retry",
	"stuck_cancelling",
	"stuck_scheduled",
	"deaf",
	"never_beat",
	"overrun",
	"stale",
] as const;
export type Condition = (typeof conditions)[number];
export const severities = ["critical", "warning", "info"] as const;
export type Severity = (typeof severities)[number];

/**
 * How an episode ended. `recovered`: it beats again in the same attempt; `ended`: a terminal state; `moved`: another
 * state or attempt; `quiet`: an undead's beats stopped; `superseded`: a stronger condition took over; `deleted`: the
 * server does not know the run any more; `disabled`: the operator switched the condition off.
 */
export const outcomes = ["recovered", "ended", "moved", "quiet", "superseded", "deleted", "disabled"] as const;
export type Outcome = (typeof outcomes)[number];

export const severityOf: Readonly<Record<Condition, Severity>> = {
	zombie: "critical",
	undead: "warning",
	stuck_pending: "warning",
	stuck_retry: "warning",
	stuck_cancelling: "warning",
	stuck_scheduled: "warning",
	deaf: "warning",
	never_beat: "warning",
	overrun: "warning",
	stale: "info",
};

export function isStronger(condition: Condition, than: Condition): boolean {
	return conditions.indexOf(condition) < conditions.indexOf(than);
}

/** Where a run's cadence comes from: its own beats, those of its deployment's earlier runs, or nothing. */
export type CadenceSource = "learned" | "prior" | "unknown";

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
	/** The newest log line or task-run change, by the worker's clock; null when there is none, or none was looked for. */
	readonly otherSignAtMs: number | null;
	/** What became of the run, one sentence without a full stop; null when nothing is known. A hint, and no part of the proof. */
	readonly likelyCause: string | null;
	/** What it keeps from others; null when nothing is known. */
	readonly impact: Impact | null;
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
	/** Runs of the same branch that are silent with it: ids. */
	readonly relatedRuns: readonly string[];
	/** The group incident that the run lapsed in. */
	readonly groupId: string | null;
	/** Our wall clock. */
	readonly raisedAtMs: number;
	/** `stateType`: the run's then; missing in what a release that did not keep it has closed. */
	readonly closed: { readonly outcome: Outcome; readonly atMs: number; readonly stateType?: StateType } | null;
	/** What was done about it, or why not, as far as it is known; the ledger has all of it. Missing: nothing. */
	readonly remedy?: RemedyNote;
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

/**
 * An episode so closed can come again although nothing of the run has changed: the operator switches the condition on
 * again, or the stronger condition ends. That is another episode, which needs another id: see `openEpisode`.
 */
const reopenableOutcomes = ["superseded", "disabled"] as const satisfies readonly Outcome[];

export function isReopenable(outcome: Outcome): boolean {
	return reopenableOutcomes.some((one) => one === outcome);
}

/** The id of an episode that was closed in such a way. */
export interface SpentAlert {
	readonly runId: string;
	readonly alertId: string;
}

export interface EpisodeTransition {
	/** `alert_id:raised` or `alert_id:resolved`: the same in every retry, so receivers can drop duplicates. */
	readonly key: string;
	readonly kind: "raised" | "resolved";
	readonly episode: Episode;
}

export interface GroupTransition {
	/** `group_id:raised` or `group_id:resolved`. */
	readonly key: string;
	readonly kind: "group_raised" | "group_resolved";
	readonly workspace: string;
	readonly incident: GroupIncident;
}

/** What sinks are told: an episode of one run, or an incident of many, opens or closes. */
export type Transition = EpisodeTransition | GroupTransition;

export function transitionOf(episode: Episode): EpisodeTransition {
	const kind = episode.closed === null ? "raised" : "resolved";
	return { key: `${episode.alertId}:${kind}`, kind, episode };
}

export function groupTransitionOf(incident: GroupIncident, workspace: string): GroupTransition {
	const step = incident.closed === null ? "raised" : "resolved";
	return { key: `${incident.groupId}:${step}`, kind: `group_${step}`, workspace, incident };
}

export function isOfEpisode(transition: Transition): transition is EpisodeTransition {
	return transition.kind === "raised" || transition.kind === "resolved";
}

export function isRaise({ kind }: Transition): boolean {
	return kind === "raised" || kind === "group_raised";
}

/** The key of the raise that a resolve ends. */
export function raiseKeyOf({ key }: Transition): string {
	return key.replace(/:resolved$/u, ":raised");
}

export function workspaceOf(transition: Transition): string {
	return isOfEpisode(transition) ? transition.episode.workspace : transition.workspace;
}
