import { type Episode, type EpisodeTransition, type Severity, transitionOf } from "../core/episode.ts";
import { noLabels } from "../core/run.ts";

const noRun = "00000000-0000-0000-0000-000000000000";

/** An alert about no run, and its resolve; whatever a receiver shows of them says that they are a test. */
export function testAlert(about: {
	/** Of this test alone: a receiver that knows it would drop it. */
	readonly alertId: string;
	readonly workspace: string;
	readonly severity: Severity;
	/** Our wall clock. */
	readonly atMs: number;
}): { readonly raised: EpisodeTransition; readonly resolved: EpisodeTransition } {
	const { atMs, ...given } = about;
	const episode: Episode = {
		...given,
		runId: noRun,
		attempt: 1,
		condition: "zombie",
		reason: "this is only a test, sent by zombied notify test: no flow run is dead, and nobody has to do anything",
		evidence: {
			lastBeatOccurredMs: null,
			lastBeatReceivedMs: null,
			cadenceSeconds: null,
			cadenceSource: "unknown",
			thresholdSeconds: 0,
			silenceSeconds: 0,
			blindSeconds: 0,
			apiStateType: "RUNNING",
			apiStateId: noRun,
			newestStoredBeatMs: null,
			otherSignAtMs: null,
			likelyCause: null,
			impact: null,
		},
		stateType: "RUNNING",
		stateName: "Running",
		labels: { ...noLabels, name: "TEST", flowId: noRun, flowName: "zombied notify test", tags: ["zombied-test"] },
		relatedRuns: [],
		groupId: null,
		raisedAtMs: atMs,
		closed: null,
	};
	const closed = { outcome: "disabled", atMs, stateType: "RUNNING" } as const;
	return { raised: transitionOf(episode), resolved: transitionOf({ ...episode, closed }) };
}
