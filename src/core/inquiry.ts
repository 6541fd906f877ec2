import type { Condition } from "./episode.ts";
import type { Inquiry, InquiryBasis, InquiryStage } from "./input.ts";
import type { Run } from "./run.ts";

/** Stored beats of a run that was never heard are looked for from its state on, less what clocks may be apart. */
const clockSkewAllowedMs = 25 * 60 * 60_000;
/** Of all runs at once, at the start: the wider window comes later, for those of which this one finds nothing. */
const clockSkewAtFirstMs = 60 * 60_000;

/** @param condition what is suspected; null when the question is who the run is */
export function inquiryOf(run: Run, stage: InquiryStage, condition: Condition | null): Inquiry {
	const skewMs = stage === "identify" ? clockSkewAtFirstMs : clockSkewAllowedMs;
	const lastOccurredMs = run.occurredMs.at(-1) ?? run.lastBeat?.occurredMs ?? null;
	return {
		runId: run.runId,
		stage,
		condition,
		isUnheard: run.lastBeat === null,
		parentTaskRunId: run.labels.parentRunId === null ? run.labels.parentTaskRunId : null,
		basis: { attempt: run.attempt, stateId: run.state?.id ?? null, aliveAtMonoMs: run.aliveAtMonoMs },
		beatsSinceMs: lastOccurredMs ?? Math.max(0, (run.state?.timestampMs ?? 0) - skewMs),
	};
}

/** Nothing that the question rested on has changed since it was asked. */
export function restsOn(run: Run, basis: InquiryBasis): boolean {
	return run.attempt === basis.attempt && run.state?.id === basis.stateId && run.aliveAtMonoMs === basis.aliveAtMonoMs;
}
