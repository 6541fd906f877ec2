import type { Episode } from "./episode.ts";
import type { GroupIncident } from "./group-incident.ts";
import type { Refusal, RemedyAction, RemedyEntry, RemedyMistake } from "./remedy.ts";
import type { Licence } from "./remedy-settings.ts";
import type { BeatView, Run, StateType } from "./run.ts";

/** An open alert that a remedy exists for, as memory has it. */
export interface RemedyCase {
	readonly episode: Episode;
	readonly run: Run;
	/** The run's silence belongs to a group incident, or one is open around it. */
	readonly isInGroup: boolean;
}

/** What stands around a case when it is looked at. */
export interface CaseFacts {
	/** Our wall clock. */
	readonly nowMs: number;
	readonly graceMs: number;
	/** We could not hear it live, or REST has been away. */
	readonly isBlind: boolean;
	/** Which bucket is empty; null: none. */
	readonly budget: "budget" | "pool_budget" | null;
	/** What has been tried already: the entry of this alert and action that is no refusal. */
	readonly tried: Pick<RemedyEntry, "result" | "times" | "mode"> | null;
}

/** `wait`: nothing is to be done now, and nothing to be told. `ask`: the server has to say how the run is at this moment. */
export type Consideration =
	| { readonly kind: "wait" }
	| { readonly kind: "refuse"; readonly action: RemedyAction; readonly refusal: Refusal }
	| { readonly kind: "ask"; readonly action: RemedyAction };

/** Tries of one remedy that Prefect did not accept or answer; then people have to. */
const triesMax = 3;

/**
 * What is done about such an alert; null: nothing, ever. Deaf, undead, overrun and stale runs may be alive, those that
 * never beat are not known, and one that waits for its schedule does no harm. A silent run that is being cancelled is
 * cancelled, since Prefect lets nobody crash it.
 */
export function actionFor({ condition }: Pick<Episode, "condition">, stateType: StateType): RemedyAction | null {
	switch (condition) {
		case "zombie":
			if (stateType === "RUNNING") return "crash";
			return stateType === "CANCELLING" ? "cancel" : null;
		case "stuck_pending":
			return stateType === "PENDING" ? "cancel" : null;
		case "stuck_cancelling":
			return stateType === "CANCELLING" ? "cancel" : null;
		case "stuck_retry":
		case "stuck_scheduled":
		case "undead":
		case "deaf":
		case "never_beat":
		case "overrun":
		case "stale":
			return null;
	}
	return condition satisfies never;
}

/** The incident is open, and covers the run. */
export function isWithin({ groupKind, group }: GroupIncident, { labels }: Pick<Run, "labels">): boolean {
	switch (groupKind) {
		case "everything":
			return true;
		case "work_pool":
			return labels.workPool === group;
		case "client_version":
			return labels.clientVersion === group;
	}
	return groupKind satisfies never;
}

/** Before anybody is asked. */
export function consider(one: RemedyCase, { mode, isDenied }: Licence, facts: CaseFacts): Consideration {
	const { episode, run, isInGroup } = one;
	const action = run.state === null ? null : actionFor(episode, run.state.type);
	if (action === null || mode === "off" || isSettled(facts, mode)) return { kind: "wait" };
	if (facts.nowMs < episode.raisedAtMs + facts.graceMs) return { kind: "wait" };
	const refuse = (reason: Refusal["reason"], detail: string): Consideration => ({
		kind: "refuse",
		action,
		refusal: { reason, detail },
	});
	if (isDenied) return refuse("denied", "the run is on remedy.deny");
	if (isInGroup || episode.groupId !== null) return refuse("group", "the run fell silent together with others");
	if (facts.isBlind) return refuse("blind", "heartbeats cannot be heard now, or the server's API is away");
	if (facts.budget !== null) return refuse(facts.budget, "as many remedies as are allowed have been done lately");
	return { kind: "ask", action };
}

/** A dry run that has been told is done for real once the operator switches the scope on. */
function isSettled({ tried }: CaseFacts, mode: Licence["mode"]): boolean {
	if (tried === null) return false;
	switch (tried.result) {
		case "done":
			return true;
		case "would":
			return mode === "dry-run";
		case "failed":
			return tried.times >= triesMax;
		// The server has yet to say what came of it.
		case "intended":
			return true;
		case "refused":
			return false;
	}
	return tried.result satisfies never;
}

/** How the server says the run is, right before it would be touched. */
export interface RunNow {
	readonly attempt: number;
	readonly stateId: string;
	readonly stateType: StateType;
	readonly newestBeat: BeatView | null;
	/** The newest log line or task-run change, by the worker's clock. */
	readonly newestSignMs: number | null;
	/** Null: its deployment has no limit. */
	readonly slot: SlotNow | null;
}

/** A deployment's limit, and who counts against it. */
export interface SlotNow {
	readonly limit: number;
	/** Slots that the server counts as taken; null: it does not tell. */
	readonly taken: number | null;
	/** Of this run; null: the server gave none, so that its slot is never taken from it. */
	readonly leaseId: string | null;
	/** Other runs of the deployment in a state that holds a slot. */
	readonly othersHolding: number;
	readonly othersAwaiting: number;
}

/** With the server's answer: null is no obstacle. @param now null: the server does not know the run */
export function refusalBy({ episode, run }: RemedyCase, now: RunNow | null): Refusal | null {
	if (now === null) return { reason: "gone", detail: "the server does not know the run any more" };
	const { attempt, stateId, stateType } = now;
	if (stateId !== run.state?.id) return { reason: "changed", detail: `its state is another one by now, ${stateType}` };
	if (attempt !== run.attempt || attempt !== episode.attempt) {
		return { reason: "changed", detail: `it is at attempt ${attempt} by now` };
	}
	return refusalByLife(episode, now) ?? refusalBySlot(now.slot);
}

/** A run that is stuck while it is being cancelled is known to beat. */
function refusalByLife({ condition, evidence }: Episode, { newestBeat, newestSignMs }: RunNow): Refusal | null {
	if (condition !== "zombie") return null;
	const { lastBeatReceivedMs, lastBeatOccurredMs, otherSignAtMs } = evidence;
	const hasBeaten =
		isLater(newestBeat?.receivedMs, lastBeatReceivedMs) || isLater(newestBeat?.occurredMs, lastBeatOccurredMs);
	if (hasBeaten) return { reason: "alive", detail: "the server has stored a newer heartbeat" };
	const knownSignMs = Math.max(lastBeatOccurredMs ?? 0, otherSignAtMs ?? 0);
	if (isLater(newestSignMs, knownSignMs)) return { reason: "alive", detail: "its logs or task runs go on" };
	return null;
}

function isLater(ms: number | null | undefined, thanMs: number | null): boolean {
	return ms != null && ms > (thanMs ?? Number.NEGATIVE_INFINITY);
}

/**
 * The lease of a slot lasts 300 s from its last renewal, which the run's process makes. Once it has passed the slot is
 * free for others, and a write frees it a second time: then somebody else's. It is surely still this run's while more
 * slots are taken than other runs can hold.
 */
function refusalBySlot(slot: SlotNow | null): Refusal | null {
	if (slot === null || slot.leaseId === null) return null;
	const { othersHolding, othersAwaiting } = slot;
	if (isSurelyHeld(slot) || othersHolding + othersAwaiting === 0) return null;
	const others = othersHolding > 0 ? `${othersHolding} other runs hold` : `${othersAwaiting} other runs wait for`;
	return {
		reason: "slot",
		detail: `its concurrency lease has passed and ${others} a slot of its deployment: marking it would free theirs`,
	};
}

function isSurelyHeld({ taken, othersHolding }: SlotNow): boolean {
	return taken !== null && taken > othersHolding;
}

/** The lease that has to be kept from passing while the run is marked; null: none, or it matters to nobody. */
export function leaseToKeep({ slot }: RunNow): string | null {
	return slot !== null && isSurelyHeld(slot) ? slot.leaseId : null;
}

/** What shows that a run that was marked was alive; null: nothing does. */
export function mistakeOf(entry: RemedyEntry, run: Run, nowMs: number): RemedyMistake | null {
	const { markedServerMs, result, condition, attempt } = entry;
	if (result !== "done" || markedServerMs === null || entry.mistake !== null) return null;
	const { lastBeat, state } = run;
	// A process that is being cancelled, and beats, is known to live: that it lives on is what the operator is told anyway.
	const mayBeat = condition === "stuck_cancelling";
	if (!mayBeat && isLater(lastBeat?.receivedMs, markedServerMs)) return { kind: "beat", atMs: nowMs };
	// Another attempt is somebody's who started it again.
	if (state === null || run.attempt > attempt || state.timestampMs <= markedServerMs) return null;
	const hasGoneOn = state.type === "COMPLETED" || state.type === "FAILED" || state.type === "RUNNING";
	return hasGoneOn ? { kind: "went_on", atMs: nowMs } : null;
}

/** Before a run is run again. */
export interface RescheduleFacts {
	/** Reschedules of the same origin within the last day. */
	readonly doneToday: number;
	readonly isSubflow: boolean;
	/** It is still as we marked it. */
	readonly isAsMarked: boolean;
}

/** Null: no obstacle. */
export function refusalOfReschedule(licence: Licence, facts: RescheduleFacts): Refusal | null {
	if (licence.isDenied) return { reason: "denied", detail: "the run is on remedy.deny" };
	if (facts.isSubflow) return { reason: "subflow", detail: "its parent waits for this run, and not for another one" };
	if (!facts.isAsMarked) return { reason: "not_crashed", detail: "it is not Crashed any more" };
	if (facts.doneToday >= licence.reschedule) {
		return { reason: "often", detail: `it was run again ${facts.doneToday} times within a day` };
	}
	return null;
}
