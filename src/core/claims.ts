import type { Cadence } from "./cadence.ts";
import type { Condition } from "./episode.ts";
import { hasEnded, isArmed, isBeatingState, isReopenedUnchecked, type Run, type StateView } from "./run.ts";
import type { Yardstick } from "./yardstick.ts";

/** Something that may be wrong with a run, and how far it has come. */
export interface Claim {
	readonly condition: Condition;
	/** What counts towards the limit: silence heard, or time in a state. */
	readonly elapsedMs: number;
	/** Of the silence, what could not have been heard and does not count. */
	readonly blindMs: number;
	/** Evidence is fetched from here on; equal to `dueAfterMs` where there is no line of suspicion. */
	readonly suspectAfterMs: number;
	readonly dueAfterMs: number;
	readonly cadence: Cadence;
}

/** Beats after the end that make an undead: one may be a straggler. */
const beatsAfterEndMin = 2;

/** What the run may be accused of at this moment, the strongest first; conditions that its rule switches off are not. */
export function claimsOf(run: Run, yardstick: Yardstick, nowMonoMs: number): readonly Claim[] {
	const { state } = run;
	if (state === null || isReopenedUnchecked(run)) return [];
	const { off } = yardstick.treatment(run);
	// Silence is what deaf rests on too: which of the two it is, other life signs tell.
	const isWanted = ({ condition }: Claim): boolean =>
		!off.has(condition) || (condition === "zombie" && !off.has("deaf"));
	return claimsOfState(run, state, yardstick, nowMonoMs).filter(isWanted);
}

function claimsOfState(run: Run, state: StateView, yardstick: Yardstick, nowMonoMs: number): readonly Claim[] {
	if (hasEnded(run)) return undead(run, state, yardstick, nowMonoMs);
	if (isBeatingState(state.type)) return claimsOfRunning(run, state, yardstick, nowMonoMs);
	return waiting(run, state, yardstick, nowMonoMs);
}

function claimsOfRunning(run: Run, state: StateView, yardstick: Yardstick, nowMonoMs: number): readonly Claim[] {
	const { settings } = yardstick;
	const claims: Claim[] = isArmed(run) && !yardstick.isFresh(run, nowMonoMs) ? [silent(run, yardstick, nowMonoMs)] : [];
	// What a run does for too long it does alive: of a silent one there is the silence to tell, even while it is held.
	const isSilent = claims.some(({ elapsedMs, suspectAfterMs }) => elapsedMs >= suspectAfterMs);
	const since = (sinceMs: number, condition: Condition, limitMs: number): void => {
		claims.push(...claimSince(run, yardstick, { condition, sinceMs, limitMs, nowMonoMs }));
	};
	if (state.type === "CANCELLING" && !isSilent)
		since(state.timestampMs, "stuck_cancelling", settings.stuckCancellingMs);
	if (run.lastBeat === null) {
		if (yardstick.usuallyBeats(run)) since(state.timestampMs, "never_beat", yardstick.neverBeatLimitMs(run));
		since(state.timestampMs, "stale", settings.staleMs);
	}
	const { overrunMs } = yardstick.treatment(run);
	if (overrunMs !== null && !isSilent) since(state.timestampMs, "overrun", overrunMs);
	return claims;
}

function silent(run: Run, yardstick: Yardstick, nowMonoMs: number): Claim {
	const silence = yardstick.silence(run, nowMonoMs);
	const { suspectAfterMs, dueAfterMs } = yardstick.deadline(run);
	return {
		condition: "zombie",
		elapsedMs: silence.countedMs,
		blindMs: silence.blindMs,
		suspectAfterMs,
		dueAfterMs,
		cadence: yardstick.cadence(run),
	};
}

function waiting(run: Run, state: StateView, yardstick: Yardstick, nowMonoMs: number): readonly Claim[] {
	const { stuckPendingMs, stuckRetryMs, stuckScheduledMs } = yardstick.settings;
	if (state.type === "PENDING") {
		return claimSince(run, yardstick, {
			condition: "stuck_pending",
			sinceMs: state.timestampMs,
			limitMs: stuckPendingMs,
			nowMonoMs,
		});
	}
	if (state.type !== "SCHEDULED") return [];
	if (state.name === "AwaitingRetry") {
		// Only REST knows when the retry is due; until it has said so there is nothing to be late for.
		const sinceMs = state.scheduledTimeMs;
		if (sinceMs === null) return [];
		return claimSince(run, yardstick, { condition: "stuck_retry", sinceMs, limitMs: stuckRetryMs, nowMonoMs });
	}
	const isWaiting = state.name === "Late" || state.name === "AwaitingConcurrencySlot";
	if (stuckScheduledMs === null || !isWaiting) return [];
	const sinceMs = state.scheduledTimeMs ?? state.timestampMs;
	return claimSince(run, yardstick, { condition: "stuck_scheduled", sinceMs, limitMs: stuckScheduledMs, nowMonoMs });
}

/** The API's word and the process's beats contradict each other: at least two beats, emitted a cadence after the end. */
function undead(run: Run, state: StateView, yardstick: Yardstick, nowMonoMs: number): readonly Claim[] {
	const { afterEnd } = run;
	const cadence = yardstick.cadence(run);
	if (afterEnd === null || afterEnd.beats < beatsAfterEndMin || cadence.tauMs === null) return [];
	// A beat that has fallen silent again is none: the episode would close as it opened.
	const silence = yardstick.silence(run, nowMonoMs);
	if (silence.countedMs >= yardstick.deadline(run).suspectAfterMs) return [];
	const elapsedMs = afterEnd.lastReceivedMs - state.timestampMs;
	const dueAfterMs = cadence.tauMs;
	return [{ condition: "undead", elapsedMs, blindMs: 0, suspectAfterMs: dueAfterMs, dueAfterMs, cadence }];
}

function claimSince(
	run: Run,
	yardstick: Yardstick,
	since: { condition: Condition; sinceMs: number; limitMs: number; nowMonoMs: number },
): readonly Claim[] {
	const sinceMonoMs = yardstick.toMonoMs(since.sinceMs);
	if (sinceMonoMs === null) return [];
	return [
		{
			condition: since.condition,
			elapsedMs: since.nowMonoMs - sinceMonoMs,
			blindMs: 0,
			suspectAfterMs: since.limitMs,
			dueAfterMs: since.limitMs,
			cadence: yardstick.cadence(run),
		},
	];
}
