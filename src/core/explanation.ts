import type { Instant } from "../lib/clock.ts";
import type { BlindCause } from "./blindness.ts";
import type { Cadence } from "./cadence.ts";
import { type Claim, claimsOf } from "./claims.ts";
import type { Condition, Episode } from "./episode.ts";
import type { GroupWatch } from "./group-watch.ts";
import type { Observation } from "./observation.ts";
import type { Obstacle, Obstacles } from "./obstacles.ts";
import type { Match } from "./rules.ts";
import { hasEnded, isArmed, isBeatingState, isGone, isReopenedUnchecked, type Run } from "./run.ts";
import type { Passed, Slot } from "./slot.ts";
import type { Silence, Yardstick } from "./yardstick.ts";

/**
 * What the watching of a run has come to. `unidentified`: REST has yet to say what state it is in; `idle`: in a state in
 * which nobody beats; `unmonitored`: has never beaten; `overdue`: one beat is missed; `suspect`: past the line of
 * suspicion; `flagged`: an episode is open; `aside`: set aside after a fault met at it.
 */
export const standings = [
	"unidentified",
	"idle",
	"unmonitored",
	"beating",
	"overdue",
	"suspect",
	"flagged",
	"ended",
	"aside",
] as const;
export type Standing = (typeof standings)[number];

/** How long the run may be silent, and why. */
export interface Limit {
	readonly suspectAfterMs: number;
	readonly dueAfterMs: number;
	/** Missed cadences before a verdict, with what was learned of the deployment. */
	readonly k: number;
	/** The same, as set. */
	readonly kSet: number;
	/** The operator's own deadline; null: none, or one too short to be used. */
	readonly thresholdMs: number | null;
	/** Of the operator's, the one that applies; null: none does. */
	readonly rule: { readonly place: number; readonly match: Match } | null;
	readonly off: readonly Condition[];
}

/** What a run may be accused of at this moment, and how far that has come. */
export type Accusation = Pick<Claim, "condition" | "elapsedMs" | "blindMs" | "dueAfterMs">;

/** Where the watching of one run stands, and what that rests on. Instants are on our wall clock where they are not named otherwise. */
export interface Explanation {
	readonly run: Run;
	readonly standing: Standing;
	readonly aliveAtMs: number | null;
	readonly cadence: Cadence;
	readonly limit: Limit;
	/** Null: nobody expects beats of it. */
	readonly silence: Silence | null;
	/** Within the silence. */
	readonly blindSpans: readonly { readonly fromMs: number; readonly untilMs: number; readonly cause: BlindCause }[];
	/** The strongest first. */
	readonly accusations: readonly Accusation[];
	/** What keeps the strongest from being told now; null: nothing does, or there is none. */
	readonly obstacle: ObstacleFacts | null;
	/** A question about it is with REST. */
	readonly isAsked: boolean;
	/** No question before this; null: at any time. */
	readonly askAgainAtMs: number | null;
	readonly episode: Episode | null;
}

export type ObstacleFacts =
	| Exclude<Obstacle, { readonly kind: "group" }>
	| { readonly kind: "group"; readonly untilMs: number; readonly groupId: string | null };

export interface ExplanationOptions {
	readonly yardstick: Yardstick;
	readonly observation: Observation;
	readonly obstacles: Obstacles;
	readonly groups: GroupWatch;
}

/** For any run, flagged or not. */
export function explain(slot: Slot, options: ExplanationOptions, at: Instant): Explanation {
	const { run, episode, asking } = slot;
	const { yardstick } = options;
	const wallOf = (monoMs: number): number => at.wallMs - (at.monoMs - monoMs);
	const silence = isArmed(run) ? yardstick.silence(run, at.monoMs) : null;
	const claims = claimsOf(run, yardstick, at.monoMs);
	return {
		run,
		standing: standingOf(slot, at),
		aliveAtMs: run.aliveAtMonoMs === null ? null : wallOf(run.aliveAtMonoMs),
		cadence: yardstick.cadence(run),
		limit: limitOf(run, yardstick),
		silence,
		blindSpans: silence === null ? [] : blindSpansOf(run, options, at),
		accusations: claims.map(({ condition, elapsedMs, blindMs, dueAfterMs }) => ({
			condition,
			elapsedMs,
			blindMs,
			dueAfterMs,
		})),
		obstacle: obstacleOf(run, claims[0], options, at),
		isAsked: asking,
		askAgainAtMs: slot.askAgainMonoMs > at.monoMs ? wallOf(slot.askAgainMonoMs) : null,
		episode,
	};
}

export function standingOf({ run, episode, passed, asideUntilMonoMs }: Slot, at: Instant): Standing {
	if (at.monoMs < asideUntilMonoMs) return "aside";
	if (episode !== null) return "flagged";
	if (hasEnded(run) || isGone(run)) return "ended";
	if (run.state === null || isReopenedUnchecked(run)) return "unidentified";
	if (!isBeatingState(run.state.type)) return "idle";
	return isArmed(run) ? standingOfPassed(passed) : "unmonitored";
}

/** Of an armed run. */
export function standingOfPassed(passed: Passed): Standing {
	if (passed === "nothing") return "beating";
	return passed === "missed" ? "overdue" : "suspect";
}

function limitOf(run: Run, yardstick: Yardstick): Limit {
	const { rule, k: kSet, thresholdMs, off } = yardstick.treatment(run);
	const { suspectAfterMs, dueAfterMs, fixed } = yardstick.deadline(run);
	return {
		suspectAfterMs,
		dueAfterMs,
		k: yardstick.patientK(run),
		kSet,
		thresholdMs: fixed === "too_short" ? null : thresholdMs,
		// The last rule, for all others, is ours: nobody wrote it.
		rule: rule === null || Object.keys(rule.match).length === 0 ? null : rule,
		off: [...off],
	};
}

function blindSpansOf(
	{ aliveAtMonoMs }: Run,
	{ observation }: ExplanationOptions,
	at: Instant,
): Explanation["blindSpans"] {
	const sinceMonoMs = aliveAtMonoMs ?? at.monoMs;
	return observation
		.spansAt(at.monoMs)
		.filter(({ untilMonoMs }) => untilMonoMs > sinceMonoMs)
		.map(({ fromMonoMs, untilMonoMs, cause }) => ({
			fromMs: at.wallMs - (at.monoMs - Math.max(fromMonoMs, sinceMonoMs)),
			untilMs: at.wallMs - (at.monoMs - untilMonoMs),
			cause,
		}));
}

function obstacleOf(
	run: Run,
	claim: Claim | undefined,
	{ obstacles, groups }: ExplanationOptions,
	at: Instant,
): ObstacleFacts | null {
	if (claim === undefined || claim.elapsedMs < claim.suspectAfterMs) return null;
	const obstacle =
		obstacles.toJudging(run, claim.condition, at) ??
		(claim.condition === "zombie" ? obstacles.toTelling(run, at) : null);
	if (obstacle?.kind !== "group") return obstacle;
	return { kind: "group", untilMs: at.wallMs + obstacle.untilMonoMs - at.monoMs, groupId: groups.groupIdOf(run) };
}
