import type { Episode } from "../../src/core/episode.ts";
import type { RemedyEntry } from "../../src/core/remedy.ts";
import type { RemedyCase, RunNow } from "../../src/core/remedy-policy.ts";
import type { RemedySettings } from "../../src/core/remedy-settings.ts";
import { newRun, type Run, type StateType, type StateView } from "../../src/core/run.ts";
import { episodeOf, runIdOf } from "./store-samples.ts";

export const minute = 60_000;
/** When the sample's alert was raised, wall clock. */
export const raisedAtMs = 1_790_000_000_000;

export const allOn: RemedySettings = {
	mode: "on",
	scopes: [],
	deny: [],
	graceMs: 5 * minute,
	perMinute: 5,
	perPoolPerMinute: 2,
	reschedule: 0,
};

/** What a case may be without. */
export interface CaseChanges {
	readonly n?: number;
	readonly episode?: Partial<Episode>;
	readonly run?: Partial<Run>;
	readonly state?: Partial<StateView>;
	readonly isInGroup?: boolean;
}

/** A dead run of deployment etl/nightly in pool k8s: silent alone, and told. */
export function caseOf({ n = 1, episode = {}, run = {}, state = {}, isInGroup = false }: CaseChanges = {}): RemedyCase {
	const told = episodeOf(n, `alert-${n}`, { groupId: null, raisedAtMs, ...episode });
	const known: StateView = {
		id: `state-${n}`,
		type: "RUNNING",
		name: "Running",
		timestampMs: raisedAtMs - 60 * minute,
		scheduledTimeMs: null,
		fromRest: true,
		...state,
	};
	return {
		episode: told,
		run: { ...newRun(runIdOf(n)), attempt: told.attempt, labels: told.labels, state: known, ...run },
		isInGroup,
	};
}

/** As the server has it: just as memory does, and no limit on its deployment. */
export function nowOf({ episode, run }: RemedyCase, changes: Partial<RunNow> = {}): RunNow {
	const { lastBeatReceivedMs, lastBeatOccurredMs } = episode.evidence;
	return {
		attempt: run.attempt,
		stateId: run.state?.id ?? "",
		stateType: run.state?.type ?? "RUNNING",
		newestBeat: { eventId: "beat-1", occurredMs: lastBeatOccurredMs, receivedMs: lastBeatReceivedMs },
		newestSignMs: null,
		slot: null,
		...changes,
	};
}

/** The state that follows, so long after the alert. */
export function stateAfter(type: StateType, afterMs: number, message = ""): StateView & { readonly message: string } {
	const name = type.toLowerCase();
	const timestampMs = raisedAtMs + afterMs;
	return { id: `state-${type}`, type, name, timestampMs, scheduledTimeMs: null, fromRest: true, message };
}

/** A run that was marked Crashed six minutes after its alert. */
export function entryOf(n: number, changes: Partial<RemedyEntry> = {}): RemedyEntry {
	return {
		workspace: "prod",
		alertId: `alert-${n}`,
		runId: runIdOf(n),
		attempt: 2,
		condition: "zombie",
		action: "crash",
		mode: "on",
		result: "done",
		reason: null,
		detail: "set to CRASHED",
		scope: "all",
		stateId: `state-${n}`,
		stateType: "RUNNING",
		deploymentId: "deployment-1",
		deployment: "etl/nightly",
		workPool: "k8s",
		atMs: raisedAtMs + 6 * minute,
		firstAtMs: raisedAtMs + 6 * minute,
		times: 1,
		markedServerMs: raisedAtMs + 6 * minute,
		originRunId: runIdOf(n),
		newRunId: null,
		mistake: null,
		...changes,
	};
}
