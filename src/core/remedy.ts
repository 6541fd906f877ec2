import type { Condition } from "./episode.ts";
import type { StateType } from "./run.ts";

/** What can be done about a run: mark it Crashed, mark it Cancelled, run it again as a new run of its deployment. */
export const remedyActions = ["crash", "cancel", "reschedule"] as const;
export type RemedyAction = (typeof remedyActions)[number];

export const remedyModes = ["off", "dry-run", "on"] as const;
export type RemedyMode = (typeof remedyModes)[number];

/**
 * How far a remedy came. `intended`: written down, and not known to have been carried out; `done`: Prefect accepted it;
 * `would`: a dry run would have done it; `refused`: a guard stood in its way; `failed`: Prefect did not accept it, or did
 * not answer.
 */
export const remedyResults = ["intended", "done", "would", "refused", "failed"] as const;
export type RemedyResult = (typeof remedyResults)[number];

/**
 * Which guard stood in the way. `denied`: on the deny-list; `group`: part of a group incident, or one is open around it;
 * `blind`: we cannot hear, or REST is away; `budget` and `pool_budget`: enough was done lately; `gone`: the server does
 * not know the run; `changed`: another state or attempt than the verdict's; `alive`: a sign of life since; `slot`: its
 * concurrency slot may be another run's by now; `subflow`: somebody waits for just this run; `often`: run again often
 * enough; `not_crashed`: it is not as we left it.
 */
export const refusalReasons = [
	"denied",
	"group",
	"blind",
	"budget",
	"pool_budget",
	"gone",
	"changed",
	"alive",
	"slot",
	"subflow",
	"often",
	"not_crashed",
] as const;
export type RefusalReason = (typeof refusalReasons)[number];

export interface Refusal {
	readonly reason: RefusalReason;
	/** For people; one line. */
	readonly detail: string;
}

/** What was done about an alert, or why not: the last word, as the alert carries it. */
export interface RemedyNote {
	readonly action: RemedyAction;
	readonly mode: Exclude<RemedyMode, "off">;
	readonly result: RemedyResult;
	/** Of a refusal. */
	readonly reason: RefusalReason | null;
	/** For people; one line. */
	readonly detail: string;
	/** Our wall clock. */
	readonly atMs: number;
}

/** The run showed that it was alive after it had been marked: it beat, or it went on to another state. */
export interface RemedyMistake {
	readonly kind: "beat" | "went_on";
	/** Our wall clock. */
	readonly atMs: number;
}

/**
 * A row of the ledger: an attempt or a refusal. An alert has one row for its attempt of each action, and one for each
 * reason of refusal however often it stood in the way.
 */
export interface RemedyEntry extends RemedyNote {
	readonly workspace: string;
	readonly alertId: string;
	readonly runId: string;
	readonly attempt: number;
	readonly condition: Condition;
	/** Of the settings: see `scopeKeyOf`. */
	readonly scope: string;
	/** The state that it rested on. */
	readonly stateId: string;
	readonly stateType: StateType;
	readonly deploymentId: string | null;
	/** "flow/deployment" where both are told. */
	readonly deployment: string | null;
	readonly workPool: string | null;
	/** When it was first so; `atMs` is the last time. */
	readonly firstAtMs: number;
	readonly times: number;
	/** When the server set the state, its own clock; null: it did not. */
	readonly markedServerMs: number | null;
	/** The run that a chain of reschedules began with. */
	readonly originRunId: string;
	/** Of a reschedule. */
	readonly newRunId: string | null;
	readonly mistake: RemedyMistake | null;
}

/** A scope that is treated as dry-run, whatever the settings say, since a remedy in it was a mistake. */
export interface ScopeHold {
	readonly scope: string;
	readonly runId: string;
	readonly alertId: string;
	/** For people; one line. */
	readonly why: string;
	/** Our wall clock. */
	readonly sinceMs: number;
}

/** Within an alert an entry's place: the last word counts. */
export function placeOf({ action, result, reason }: Pick<RemedyEntry, "action" | "result" | "reason">): string {
	return result === "refused" ? `${action} refused ${reason}` : action;
}

export function noteOf({ action, mode, result, reason, detail, atMs }: RemedyEntry): RemedyNote {
	return { action, mode, result, reason, detail, atMs };
}

const resultWords: Readonly<Record<RemedyResult, string>> = {
	intended: "is about to do",
	done: "did",
	would: "would have done",
	refused: "did not do",
	failed: "could not do",
};

/** What was done about a run, or why not: one sentence without a full stop. */
export function remedyText({ action, result, detail }: Pick<RemedyNote, "action" | "result" | "detail">): string {
	return `zombied ${resultWords[result]} the remedy ${action}: ${detail}`;
}
