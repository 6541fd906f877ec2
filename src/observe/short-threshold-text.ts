import type { Match } from "../core/rules.ts";
import type { RunLabels } from "../core/run.ts";
import type { DoubtfulThreshold } from "../core/threshold-watch.ts";
import { formatDuration } from "../lib/duration.ts";

const cadencesWanted = { tight: 3, too_short: 2 } as const;
const consequences = {
	tight: "used, but a short stall is then a false alert",
	too_short: "not used, K cadences are",
} as const;

/** For the operator who wrote the rule: which, beside what, and what comes of it. */
export function shortThresholdText({ rule, match, labels, thresholdMs, cadenceMs, fixed }: DoubtfulThreshold): string {
	const seconds = Math.round(cadenceMs / 10) / 100;
	const beside = `${cadencesWanted[fixed]} cadences of ${seconds} s of ${nameOf(labels)}`;
	return `rule ${rule} (${matchText(match)}): threshold ${formatDuration(thresholdMs)} is under ${beside}: ${consequences[fixed]}`;
}

function matchText(match: Match): string {
	const wanted = Object.entries(match).filter(([, glob]) => glob !== undefined);
	return wanted.length === 0 ? "all runs" : wanted.map(([field, glob]) => `${field} ${glob}`).join(", ");
}

function nameOf({ flowName, deploymentName, deploymentId }: RunLabels): string {
	if (flowName !== null && deploymentName !== null) return `${flowName}/${deploymentName}`;
	if (deploymentId !== null) return `deployment ${deploymentId}`;
	return flowName === null ? "runs without a deployment" : `flow ${flowName}`;
}
