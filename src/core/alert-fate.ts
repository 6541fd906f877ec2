import type { Condition, Episode } from "./episode.ts";

/**
 * What became of an alert. `dead`: somebody ended the run as Crashed or Cancelled, or it is still as it was an hour after
 * the alert; `false_alarm`: it beat again, ended by itself, or went on; `unclear`: neither is known; `open`: not over.
 */
export const alertFates = ["dead", "false_alarm", "unclear", "open"] as const;
export type AlertFate = (typeof alertFates)[number];

/** What has not moved for so long after its alert is not going to. */
const stillDeadAfterMs = 60 * 60_000;

/** Conditions that something can be done about: how right they are is what an operator wants to know before. */
export const remediedConditions = [
	"zombie",
	"stuck_pending",
	"stuck_cancelling",
] as const satisfies readonly Condition[];

/** By the alert alone: what the run did after its end is another matter. @param nowMs our wall clock */
export function fateOf({ condition, closed, raisedAtMs }: Episode, nowMs: number): AlertFate {
	if (closed === null) return nowMs - raisedAtMs >= stillDeadAfterMs ? "dead" : "open";
	switch (closed.outcome) {
		case "recovered":
		case "quiet":
			return "false_alarm";
		case "ended":
			return fateOfEnded(closed.stateType);
		// What was stuck has gone on; a silent run that is in another state may have been started again by somebody.
		case "moved":
			return condition.startsWith("stuck_") ? "false_alarm" : "unclear";
		case "superseded":
		case "deleted":
		case "disabled":
			return "unclear";
	}
	return closed.outcome satisfies never;
}

/** A run says itself that it has completed or failed; of what an older release closed the state is not known. */
function fateOfEnded(stateType: NonNullable<Episode["closed"]>["stateType"]): AlertFate {
	if (stateType === "CRASHED" || stateType === "CANCELLED") return "dead";
	return stateType === "COMPLETED" || stateType === "FAILED" ? "false_alarm" : "unclear";
}
