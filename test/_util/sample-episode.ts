import { alertIdOf, type Episode, type EpisodeTransition, transitionOf } from "../../src/core/episode.ts";
import { noLabels, type RunLabels } from "../../src/core/run.ts";

const runId = "0198a3c4-1111-7222-8333-444455556666";

/** An episode of a run that fell silent, with everything filled in. */
function sampleEpisode(changes: Partial<Episode> = {}, labels: Partial<RunLabels> = {}): Episode {
	return {
		alertId: alertIdOf({
			namespace: "default",
			workspace: "default",
			runId: changes.runId ?? runId,
			attempt: 1,
			condition: "zombie",
			anchor: "beat-9",
		}),
		workspace: "default",
		runId,
		attempt: 1,
		condition: "zombie",
		severity: "critical",
		reason: "no heartbeat for 110 s, at a cadence of 30 s",
		evidence: {
			lastBeatOccurredMs: Date.UTC(2026, 7, 1, 12, 0, 0, 250),
			lastBeatReceivedMs: Date.UTC(2026, 7, 1, 12, 0, 0, 500),
			cadenceSeconds: 30.015,
			cadenceSource: "learned",
			thresholdSeconds: 105,
			silenceSeconds: 110,
			blindSeconds: 2,
			apiStateType: "RUNNING",
			apiStateId: "0198a3c4-aaaa-7bbb-8ccc-ddddeeeeffff",
			newestStoredBeatMs: null,
			otherSignAtMs: null,
			likelyCause: null,
			impact: null,
		},
		stateType: "RUNNING",
		stateName: "Running",
		labels: { ...noLabels, name: "calm-otter", flowId: "f-1", flowName: "etl", tags: ["nightly"], ...labels },
		relatedRuns: [],
		groupId: null,
		raisedAtMs: Date.UTC(2026, 7, 1, 12, 1, 50),
		closed: null,
		...changes,
	};
}

export function sampleTransition(changes: Partial<Episode> = {}, labels: Partial<RunLabels> = {}): EpisodeTransition {
	return transitionOf(sampleEpisode(changes, labels));
}
