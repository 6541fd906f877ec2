import type { Instant } from "../lib/clock.ts";
import type { Cadence } from "./cadence.ts";
import type { Deadline } from "./deadline.ts";
import { alertIdOf, type Episode, type Evidence, type Outcome, severityOf } from "./episode.ts";
import { hasEnded, isBeatingState, isGone, type Run, type StateView } from "./run.ts";
import type { Silence } from "./silence.ts";

/** What a zombie verdict is made of; all of it has been checked by the caller. */
export interface ZombieCase {
	readonly namespace: string;
	readonly workspace: string;
	/** Armed: has a state and a last beat. */
	readonly run: Run;
	readonly state: StateView;
	readonly cadence: Cadence;
	readonly deadline: Deadline;
	readonly silence: Silence;
	readonly newestStoredBeatMs: number | null;
	readonly at: Instant;
}

export function openZombie(found: ZombieCase): Episode {
	const { run, state, silence, deadline, cadence } = found;
	const evidence: Evidence = {
		lastBeatOccurredMs: run.lastBeat?.occurredMs ?? null,
		lastBeatReceivedMs: run.lastBeat?.receivedMs ?? null,
		cadenceSeconds: cadence.tauMs === null ? null : seconds(cadence.tauMs),
		cadenceSource: cadence.source,
		thresholdSeconds: seconds(deadline.dueAfterMs),
		silenceSeconds: seconds(silence.totalMs),
		blindSeconds: seconds(silence.blindMs),
		apiStateType: state.type,
		apiStateId: state.id,
		newestStoredBeatMs: found.newestStoredBeatMs,
	};
	return {
		alertId: alertIdOf({
			namespace: found.namespace,
			workspace: found.workspace,
			runId: run.runId,
			attempt: run.attempt,
			condition: "zombie",
			anchor: run.lastBeat?.eventId ?? state.id,
		}),
		workspace: found.workspace,
		runId: run.runId,
		attempt: run.attempt,
		condition: "zombie",
		severity: severityOf.zombie,
		reason: reasonOf(evidence),
		evidence,
		stateType: state.type,
		stateName: state.name,
		labels: run.labels,
		raisedAtMs: found.at.wallMs,
		closed: null,
	};
}

/**
 * Why an open episode is over; null while it goes on. A run that is being cancelled is as dead as before: RUNNING to
 * CANCELLING changes nothing.
 */
export function outcomeOf(episode: Episode, run: Run): Outcome | null {
	if (run.state === null) return isGone(run) ? "deleted" : null;
	if (hasEnded(run)) return "ended";
	if (run.attempt > episode.attempt || !isBeatingState(run.state.type)) return "moved";
	const beatenMs = run.lastBeat?.receivedMs ?? Number.NEGATIVE_INFINITY;
	if (beatenMs > (episode.evidence.lastBeatReceivedMs ?? Number.NEGATIVE_INFINITY)) return "recovered";
	if (run.state.type === "RUNNING" && run.state.id !== episode.evidence.apiStateId) return "moved";
	return null;
}

function reasonOf(evidence: Evidence): string {
	const heard = evidence.silenceSeconds - evidence.blindSeconds;
	const cadence =
		evidence.cadenceSeconds === null ? "cadence unknown" : `beats every ${Math.round(evidence.cadenceSeconds)} s`;
	return `no heartbeat for ${Math.round(heard)} s (limit ${Math.round(evidence.thresholdSeconds)} s, ${cadence}), and the server still says ${evidence.apiStateType}`;
}

/** Milliseconds as seconds, to the millisecond. */
function seconds(ms: number): number {
	return Math.round(ms) / 1000;
}
