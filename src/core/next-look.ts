import { type Condition, isStronger } from "./episode.ts";
import type { Learning } from "./learning.ts";
import { hasEnded, isArmed, isBeatingState, isGone, isReopenedUnchecked, type Run, type StateView } from "./run.ts";
import { bits } from "./run-columns.ts";
import { endedKeptMs, type Passed, type Slot } from "./slot.ts";
import type { Surroundings } from "./surroundings.ts";
import { nothingAskedForMs } from "./sweep.ts";
import type { Yardstick } from "./yardstick.ts";

const atOnce = Number.NEGATIVE_INFINITY;
const never = Number.POSITIVE_INFINITY;
/** How far the server's clock may waver before looks that rest on it are due afresh. */
export const clockSlackMs = 2_000;
/** What rounding can do. */
const roundingMs = 1;
/** Beats that make an undead possible: `beatsAfterEndMin` of claims.ts. */
const beatsAfterEndMin = 2;

export interface NextLookContext {
	readonly yardstick: Yardstick;
	readonly learning: Learning;
	/** Of the row; what is promised about it is written there. */
	readonly surroundings: Surroundings;
}

/**
 * **The law of the next look**: it is never after the instant at which a sweep that looks at all runs would have found
 * something to do about this one (a question, an episode that closes with time, its leaving), if nothing is learned of
 * it until then. Too early is harmless: whoever looks finds nothing, and computes it anew. So everything that only
 * lengthens a deadline is left out: blind time, our own health, lag, patience. What may shorten one makes looks due
 * afresh: anything that is set of the run at once (`Slot`), and for many runs at a time (`Looks`) settings, a server's
 * clock that is set, a prior below what was reckoned with (`tauFloorMs`), a habit (`mayBeHabitual`).
 */
export function nextLookOf(slot: Slot, context: NextLookContext): number {
	if (slot.episode?.condition === "undead") return atOnce;
	return Math.min(leavingOf(slot), questionOf(slot, context));
}

/**
 * The same for a run that has just beaten, whose cadence its own beats tell, and of which nothing else is known that could
 * call for a look: RUNNING, no episode, no question asked or put off.
 */
export function nextLookAfterBeat(
	aliveAtMonoMs: number,
	tauMs: number,
	surroundings: Surroundings,
	yardstick: Yardstick,
): number {
	const { off, overrunMs } = yardstick.treatmentIn(surroundings);
	if (overrunMs !== null) return atOnce;
	if (off.has("zombie") && off.has("deaf")) return never;
	const { suspectAfterMs, dueAfterMs } = yardstick.leastDeadline(surroundings, tauMs);
	const quietMs = nothingAskedForMs("nothing", { cadenceMs: tauMs, suspectAfterMs, dueAfterMs });
	return aliveAtMonoMs + quietMs - roundingMs;
}

function leavingOf(slot: Slot): number {
	if (slot.episode !== null || slot.asking) return never;
	return hasEnded(slot.run) || isGone(slot.run) ? slot.touchedMonoMs + endedKeptMs - roundingMs : never;
}

function questionOf(slot: Slot, context: NextLookContext): number {
	if (slot.asking) return never;
	return slot.doubtful ? slot.askAgainMonoMs : Math.max(slot.askAgainMonoMs, claimOf(slot, context));
}

function claimOf(slot: Slot, context: NextLookContext): number {
	const { run } = slot;
	const { state } = run;
	if (state === null) return never;
	const isHeard = run.lastBeat !== null || slot.passed !== "nothing" || !isBeatingState(state.type);
	const outOfEarshot = isHeard ? never : since(state.timestampMs, context.yardstick.settings.slowestCadenceMs, context);
	if (isReopenedUnchecked(run)) return outOfEarshot;
	if (hasEnded(run)) return (run.afterEnd?.beats ?? 0) < beatsAfterEndMin ? never : atOnce;
	const { off } = context.yardstick.treatmentIn(context.surroundings);
	const isOpen = (condition: Condition): boolean =>
		!off.has(condition) && (slot.episode === null || isStronger(condition, slot.episode.condition));
	if (!isBeatingState(state.type)) return waiting(state, isOpen, context);
	const isSilenceOpen = isOpen("zombie") || (off.has("zombie") && !off.has("deaf"));
	return Math.min(outOfEarshot, isSilenceOpen ? silence(slot, context) : never, running(run, state, isOpen, context));
}

function running(run: Run, state: StateView, isOpen: (one: Condition) => boolean, context: NextLookContext): number {
	const { settings } = context.yardstick;
	const { overrunMs } = context.yardstick.treatmentIn(context.surroundings);
	const limitsMs: number[] = [];
	if (state.type === "CANCELLING" && isOpen("stuck_cancelling")) limitsMs.push(settings.stuckCancellingMs);
	if (overrunMs !== null && isOpen("overrun")) limitsMs.push(overrunMs);
	if (run.lastBeat === null && isOpen("stale")) limitsMs.push(settings.staleMs);
	if (run.lastBeat === null && isOpen("never_beat") && mayBeHabitual(context)) {
		limitsMs.push(
			...possibleTaus(run, context).map(
				(tauMs) => context.yardstick.leastDeadline(context.surroundings, tauMs).dueAfterMs,
			),
		);
	}
	return Math.min(...limitsMs.map((limitMs) => since(state.timestampMs, limitMs, context)), never);
}

function waiting(state: StateView, isOpen: (one: Condition) => boolean, context: NextLookContext): number {
	const { stuckPendingMs, stuckRetryMs, stuckScheduledMs } = context.yardstick.settings;
	if (state.type === "PENDING")
		return isOpen("stuck_pending") ? since(state.timestampMs, stuckPendingMs, context) : never;
	if (state.type !== "SCHEDULED") return never;
	if (state.name === "AwaitingRetry") {
		const { scheduledTimeMs } = state;
		return scheduledTimeMs === null || !isOpen("stuck_retry") ? never : since(scheduledTimeMs, stuckRetryMs, context);
	}
	if (stuckScheduledMs === null || !isOpen("stuck_scheduled")) return never;
	return since(state.scheduledTimeMs ?? state.timestampMs, stuckScheduledMs, context);
}

/** Blind time is left out: the silence that counts is this long at most. */
function silence({ run, passed }: Slot, context: NextLookContext): number {
	if (!isArmed(run)) return never;
	const quietMs = possibleTaus(run, context).map((tauMs) => quietFor(passed, tauMs, context));
	return run.aliveAtMonoMs + Math.min(...quietMs) - roundingMs;
}

function quietFor(passed: Passed, tauMs: number | null, { yardstick, surroundings }: NextLookContext): number {
	return nothingAskedForMs(passed, { cadenceMs: tauMs, ...yardstick.leastDeadline(surroundings, tauMs) });
}

/** Cadences that the run may be judged by before it beats again, or less than that; null: an unknown one. */
function possibleTaus(run: Run, { yardstick, learning, surroundings }: NextLookContext): readonly (number | null)[] {
	const { own, isSettled } = yardstick.ownCadence(run);
	if (isSettled) return [own];
	const { deploymentId, clientVersion } = surroundings.labels;
	surroundings.tauFloorMs ??= learning.priors.floorMs(deploymentId, clientVersion);
	return surroundings.tauFloorMs === never ? [own] : [own, surroundings.tauFloorMs];
}

function mayBeHabitual({ learning, surroundings }: NextLookContext): boolean {
	surroundings.mayBeHabitual ??= learning.habits.mayBeHabitual(surroundings.labels.deploymentId);
	return surroundings.mayBeHabitual;
}

/** While the server's clock is unknown nothing is due by it. */
function since(serverMs: number, limitMs: number, { yardstick }: NextLookContext): number {
	const monoMs = yardstick.toMonoMs(serverMs);
	return monoMs === null ? never : monoMs + limitMs - clockSlackMs - roundingMs;
}

/** A row whose looks rest on the priors of its surroundings, or on their habit. */
export function restsOnLearning(flags: number): boolean {
	return (flags & bits.settled) === 0;
}
