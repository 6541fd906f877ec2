import { formatDuration, parseDuration } from "../lib/duration.ts";
import { OperatorError } from "../lib/errors.ts";
import { fixedWindow } from "./peers/fixed-window.ts";
import { learnedMean3 } from "./peers/learned-mean.ts";
import type { PeerRule } from "./peers/peer.ts";
import { phiRescaled } from "./peers/phi-rescaled.ts";
import { prefectAutomation } from "./peers/prefect-automation.ts";

/** A rule of others, by the name that an operator gives it. */
export interface Policy {
	readonly name: string;
	readonly rule: PeerRule;
}

/** What Prefect's documentation has for its default cadence of 180 s. */
const automationWindowMs = 540_000;
const automationCadences = 3;
const windowMsMin = 1_000;
const windowMsMax = 7 * 86_400_000;

const known = "fixed:540s, prefect-automation, prefect-automation:90s, learned-mean or phi";

/** @throws OperatorError when there is no such rule */
export function policyOf(text: string): Policy {
	const [kind, window, ...rest] = text.split(":");
	const windowMs = window === undefined ? null : parseDuration(window);
	const isSane = windowMs === null ? window === undefined : windowMs >= windowMsMin && windowMs <= windowMsMax;
	const rule = rest.length === 0 && isSane ? ruleOf(kind ?? "", windowMs) : null;
	if (rule === null) throw new OperatorError(`--policy ${JSON.stringify(text.slice(0, 50))}: expected ${known}`);
	const isDefault = kind === "prefect-automation" && windowMs === null;
	return { name: isDefault ? `${kind}:${formatDuration(automationWindowMs)}` : text, rule };
}

function ruleOf(kind: string, windowMs: number | null): PeerRule | null {
	switch (kind) {
		case "fixed":
			return windowMs === null ? null : fixedWindow(windowMs);
		case "prefect-automation":
			return prefectAutomation((windowMs ?? automationWindowMs) / automationCadences);
		case "learned-mean":
			return windowMs === null ? learnedMean3 : null;
		case "phi":
			return windowMs === null ? phiRescaled : null;
		default:
			return null;
	}
}
