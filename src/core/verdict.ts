import type { Instant } from "../lib/clock.ts";
import { type Circumstances, type Company, impactOf, likelyCauseOf } from "./circumstances.ts";
import type { Claim } from "./claims.ts";
import { alertIdOf, type Condition, type Episode, type Evidence, type Outcome, severityOf } from "./episode.ts";
import { hasEnded, isBeatingState, isGone, isReopenedUnchecked, type Run, type StateView } from "./run.ts";

/** What a verdict is made of; all of it has been checked by the caller. */
export interface Verdict {
	readonly namespace: string;
	readonly workspace: string;
	readonly run: Run;
	readonly state: StateView;
	readonly claim: Claim;
	readonly newestStoredBeatMs: number | null;
	readonly otherSignAtMs: number | null;
	readonly circumstances: Circumstances | null;
	/** Who fell silent with it, where that is told of the condition. */
	readonly company: Company | null;
	readonly relatedRuns: readonly string[];
	readonly groupId: string | null;
	/** Ids of the run's episodes that may come again. */
	readonly spentAlertIds: readonly string[];
	readonly at: Instant;
}

export function openEpisode(verdict: Verdict): Episode {
	const { run, state, claim } = verdict;
	const { condition } = claim;
	const evidence = evidenceOf(verdict);
	return {
		alertId: unspentIdOf(verdict, restsOnBeats(condition) ? (run.lastBeat?.eventId ?? state.id) : state.id),
		workspace: verdict.workspace,
		runId: run.runId,
		attempt: run.attempt,
		condition,
		severity: severityOf[condition],
		reason: reasonOf(condition, evidence),
		evidence,
		stateType: state.type,
		stateName: state.name,
		labels: run.labels,
		relatedRuns: verdict.relatedRuns,
		groupId: verdict.groupId,
		raisedAtMs: verdict.at.wallMs,
		closed: null,
	};
}

/** The first that no closed episode of the run bears: the anchor's own, unless the same one has come before. */
function unspentIdOf({ namespace, workspace, run, claim, spentAlertIds }: Verdict, anchor: string): string {
	const { runId, attempt } = run;
	const idOf = (anchorOfTime: string): string =>
		alertIdOf({ namespace, workspace, runId, attempt, condition: claim.condition, anchor: anchorOfTime });
	let alertId = idOf(anchor);
	for (let time = 2; spentAlertIds.includes(alertId); time += 1) alertId = idOf(`${anchor} ${time}`);
	return alertId;
}

function restsOnBeats(condition: Condition): boolean {
	return condition === "zombie" || condition === "deaf" || condition === "undead";
}

function evidenceOf(verdict: Verdict): Evidence {
	const { run, state, claim, newestStoredBeatMs, otherSignAtMs, circumstances, company } = verdict;
	const { workPool } = run.labels;
	return {
		lastBeatOccurredMs: run.lastBeat?.occurredMs ?? null,
		lastBeatReceivedMs: run.lastBeat?.receivedMs ?? null,
		cadenceSeconds: claim.cadence.tauMs === null ? null : seconds(claim.cadence.tauMs),
		cadenceSource: claim.cadence.source,
		thresholdSeconds: seconds(claim.dueAfterMs),
		silenceSeconds: seconds(claim.elapsedMs + claim.blindMs),
		blindSeconds: seconds(claim.blindMs),
		apiStateType: state.type,
		apiStateId: state.id,
		newestStoredBeatMs,
		otherSignAtMs,
		likelyCause: likelyCauseOf({ condition: claim.condition, workPool, circumstances, company }),
		impact: impactOf(state.type, circumstances),
	};
}

/**
 * Why an open episode is over; null while it goes on. An undead falls quiet with time, not by an input: see the sweep.
 */
export function outcomeOf(episode: Episode, run: Run): Outcome | null {
	if (run.state === null) return isGone(run) ? "deleted" : null;
	if (episode.condition === "undead") return hasEnded(run) || isReopenedUnchecked(run) ? null : "moved";
	if (hasEnded(run)) return "ended";
	if (run.attempt > episode.attempt) return "moved";
	return isStateBound(episode.condition)
		? outcomeOfWaiting(episode, run.state)
		: outcomeOfSilent(episode, run, run.state);
}

/** Conditions of a state: they last as long as it does. */
function isStateBound(condition: Condition): boolean {
	return condition.startsWith("stuck_");
}

function outcomeOfWaiting(episode: Episode, state: StateView): Outcome | null {
	// The server renews AwaitingConcurrencySlot every 20 to 30 s: it is the same wait.
	const isSame =
		state.id === episode.evidence.apiStateId || (state.type === episode.stateType && state.name === episode.stateName);
	return isSame ? null : "moved";
}

/** The server's clock may have been set back since: then the worker's tells which beat is the later one. */
function hasBeatenSince({ lastBeatReceivedMs, lastBeatOccurredMs }: Evidence, { lastBeat }: Run): boolean {
	const receivedMs = lastBeat?.receivedMs ?? Number.NEGATIVE_INFINITY;
	const knownMs = lastBeatReceivedMs ?? Number.NEGATIVE_INFINITY;
	if (receivedMs >= knownMs) return receivedMs > knownMs;
	return (lastBeat?.occurredMs ?? 0) > (lastBeatOccurredMs ?? Number.POSITIVE_INFINITY);
}

/** A run that is being cancelled is as dead as before: RUNNING to CANCELLING changes nothing. */
function outcomeOfSilent(episode: Episode, run: Run, state: StateView): Outcome | null {
	if (!isBeatingState(state.type)) return "moved";
	if (episode.condition === "overrun") return null;
	if (hasBeatenSince(episode.evidence, run)) return "recovered";
	return state.type === "RUNNING" && state.id !== episode.evidence.apiStateId ? "moved" : null;
}

function reasonOf(condition: Condition, evidence: Evidence): string {
	const { cadenceSeconds, apiStateType } = evidence;
	const heard = Math.round(evidence.silenceSeconds - evidence.blindSeconds);
	const limit = `limit ${Math.round(evidence.thresholdSeconds)} s`;
	const cadence = cadenceSeconds === null ? "cadence unknown" : `beats every ${Math.round(cadenceSeconds)} s`;
	switch (condition) {
		case "zombie":
			return `no heartbeat for ${heard} s (${limit}, ${cadence}), and the server still says ${apiStateType}`;
		case "deaf":
			return `no heartbeat for ${heard} s (${limit}, ${cadence}), yet its logs or task runs show it alive`;
		case "undead":
			return `the server says ${apiStateType}, yet the process goes on beating ${heard} s after the end`;
		case "stuck_pending":
		case "stuck_cancelling":
		case "stuck_scheduled":
			return `${apiStateType} for ${heard} s (${limit})`;
		case "stuck_retry":
			return `the retry was due ${heard} s ago (${limit}), and no attempt has begun`;
		case "never_beat":
			return `RUNNING for ${heard} s without a heartbeat, although earlier runs of its deployment beat from the start`;
		case "stale":
			return `RUNNING without a heartbeat or any other sign of life for ${heard} s (${limit})`;
		case "overrun":
			return `running for ${heard} s (${limit})`;
	}
	return condition satisfies never;
}

/** Milliseconds as seconds, to the millisecond. */
function seconds(ms: number): number {
	return Math.round(ms) / 1000;
}
