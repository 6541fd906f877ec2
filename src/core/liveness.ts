import { withOccurred } from "./cadence.ts";
import { usOf } from "./micros.ts";
import {
	type BeatView,
	isTerminal,
	type KeptLife,
	type Run,
	type RunLabels,
	type RunView,
	type StateView,
} from "./run.ts";

/** What the wavering of the clocks' mapping can put between two instants. */
const mappingErrorMs = 5_000;

/** The moment a view arrived, and the server's clock mapped to ours. */
export interface Arrival {
	readonly monoMs: number;
	/** The server's time on our monotonic clock; null while it is unknown. */
	toMonoMs(serverMs: number): number | null;
}

/** What a view changed. */
export interface Merge {
	readonly run: Run;
	/** The view brought a state that was not known. */
	readonly newState: boolean;
	/** The view brought a heartbeat later than those known. */
	readonly newBeat: boolean;
	/** A terminal state was replaced by a different one. */
	readonly terminalOverwritten: boolean;
	/** The view brought a heartbeat that the server received after the run's end. */
	readonly lateBeat: boolean;
	/** State, what REST says of it, attempt or end is not what it was: worth storing at once. */
	readonly changed: boolean;
}

/**
 * The one way in which anything learned of a run changes what is known of it: state by timestamp (ties by REST), proof
 * of life and attempt by maximum. Commutative and idempotent in state, attempt, end and proof of life, so that start-up,
 * catch-up, duplicates and reordering all end in the same run. Labels are taken from the latest view that has them.
 */
export function mergeView(known: Run, view: RunView, arrival: Arrival): Merge {
	const state = view.state === null ? known.state : newerState(known.state, view.state);
	const attempt = Math.max(known.attempt, view.attempt ?? 0);
	const newState = state !== known.state && state?.id !== known.state?.id;
	const attemptBegins = attempt > known.attempt || (newState && state?.type === "RUNNING" && known.state !== null);
	const withState: Run = {
		...known,
		state,
		attempt,
		endedAtMs: view.state === null ? known.endedAtMs : laterEnd(known.endedAtMs, view.state),
		aliveAtMonoMs: later(known.aliveAtMonoMs, runningSince(known, view.state, arrival)),
		occurredMs: attemptBegins ? beatsOfAttempt(known, state) : known.occurredMs,
		labels: mergeLabels(known.labels, view.labels),
		afterEnd: newState ? null : known.afterEnd,
	};
	const withStored = withKept(withState, view, arrival);
	const run = view.beat === null ? withStored : withBeat(withStored, view.beat, view.kept, arrival);
	const newBeat = run.lastBeat !== known.lastBeat;
	return {
		run,
		newState,
		newBeat,
		terminalOverwritten: newState && isEnd(known.state) && isEnd(state),
		// Beats of its lifetime that are read again, by catch-up say, are nothing odd.
		lateBeat: newBeat && isAfterEnd(run),
		changed: run.state !== known.state || run.attempt !== known.attempt || run.endedAtMs !== known.endedAtMs,
	};
}

function isEnd(state: StateView | null): boolean {
	return state !== null && isTerminal(state.type);
}

function isAfterEnd({ state, lastBeat }: Run): boolean {
	return state !== null && isTerminal(state.type) && receivedOf(lastBeat) > state.timestampMs;
}

/** What was kept of the run goes beside what is known of it, the beats of an earlier attempt left out. */
function withKept(run: Run, { attempt, state, kept }: RunView, arrival: Arrival): Run {
	if (kept === undefined) return run;
	const { aliveAtServerMs } = kept;
	const hasBegunAnew = run.state?.type === "RUNNING" && state !== null && state.id !== run.state.id;
	const isOfAttempt = attempt === run.attempt && !hasBegunAnew;
	return {
		...run,
		endedAtMs: later(run.endedAtMs, kept.endedAtMs),
		aliveAtMonoMs: later(run.aliveAtMonoMs, aliveAtServerMs === null ? null : instantOf(aliveAtServerMs, arrival)),
		occurredMs: isOfAttempt
			? kept.occurredMs.reduce((ring, beatMs) => withOccurred(ring, beatMs), run.occurredMs)
			: run.occurredMs,
	};
}

/** Of two states of one instant REST's is right; without REST any rule does that both orders agree on. */
function newerState(known: StateView | null, told: StateView): StateView {
	if (known === null || told.timestampMs > known.timestampMs) return sinceBefore(known, told);
	if (told.timestampMs < known.timestampMs) return known;
	if (told.id === known.id) return sameState(known, told);
	if (told.fromRest !== known.fromRest) return told.fromRest ? told : known;
	return told.id > known.id ? told : known;
}

/** The server renews AwaitingConcurrencySlot every 20 to 30 s: it is one wait, due since its first state. */
function sinceBefore(known: StateView | null, told: StateView): StateView {
	if (known === null || told.name !== "AwaitingConcurrencySlot" || known.name !== told.name) return told;
	return { ...told, scheduledTimeMs: known.scheduledTimeMs ?? known.timestampMs };
}

/** What REST adds to a state that an event told of, or the other way about. */
function sameState(known: StateView, told: StateView): StateView {
	const fromRest = known.fromRest || told.fromRest;
	const scheduledTimeMs = known.scheduledTimeMs ?? told.scheduledTimeMs;
	if (fromRest === known.fromRest && scheduledTimeMs === known.scheduledTimeMs) return known;
	return { ...known, fromRest, scheduledTimeMs };
}

function laterEnd(knownMs: number | null, told: StateView): number | null {
	return isTerminal(told.type) ? later(knownMs, told.timestampMs) : knownMs;
}

function later(a: number | null, b: number | null): number | null {
	if (a === null || b === null) return a ?? b;
	return Math.max(a, b);
}

/** Entering RUNNING is a sign of life: a run that has beaten before is armed from there. Computed once a state. */
function runningSince(known: Run, told: StateView | null, arrival: Arrival): number | null {
	if (told?.type !== "RUNNING" || told.id === known.state?.id) return null;
	return instantOf(told.timestampMs, arrival);
}

/** `A = min(arrival, received + theta)`: never later than we heard of it. */
function instantOf(serverMs: number, arrival: Arrival): number {
	return Math.min(arrival.monoMs, arrival.toMonoMs(serverMs) ?? arrival.monoMs);
}

/** An attempt starts with an empty ring, but for a first beat that overtook its RUNNING (older runners send it before). */
function beatsOfAttempt(known: Run, state: StateView | null): readonly number[] {
	const { lastBeat } = known;
	if (lastBeat?.occurredMs == null || lastBeat.receivedMs === null || state === null) return [];
	return lastBeat.receivedMs >= state.timestampMs ? [lastBeat.occurredMs] : [];
}

/** @param kept what was kept with the beat: one that its ring lacks is an earlier attempt's */
function withBeat(run: Run, beat: BeatView, kept: KeptLife | undefined, arrival: Arrival): Run {
	// The same beat again is no new proof: its instant is computed once, since the mapping of the clocks wavers.
	if (beat.receivedMs === null || beat.eventId === run.lastBeat?.eventId) return run;
	const ofEarlierAttempt = run.state?.type === "RUNNING" && beat.receivedMs < run.state.timestampMs;
	const isInRing = beat.occurredMs !== null && (kept === undefined || kept.occurredMs.includes(beat.occurredMs));
	const atMonoMs = instantOf(beat.receivedMs, arrival);
	const lastBeat = laterBeat(run, beat, atMonoMs);
	return {
		...run,
		aliveAtMonoMs: later(run.aliveAtMonoMs, atMonoMs),
		lastBeat,
		beatAtMonoMs: lastBeat === beat ? atMonoMs : run.beatAtMonoMs,
		occurredMs: isInRing && !ofEarlierAttempt ? withOccurred(run.occurredMs, beat.occurredMs) : run.occurredMs,
		...afterEndOf(run, beat.occurredMs, beat.receivedMs),
	};
}

/**
 * A beat received after the end may only be late. It was *emitted* after the end when even by this run's fastest transit
 * it would have reached the server later than the end; beats that the client had held were not.
 */
function afterEndOf(run: Run, occurredMs: number | null, receivedMs: number): Pick<Run, "transitMsMin" | "afterEnd"> {
	const { state, transitMsMin, afterEnd } = run;
	if (occurredMs === null) return { transitMsMin, afterEnd };
	const transitMs = Math.min(transitMsMin ?? Number.POSITIVE_INFINITY, transitOf(occurredMs, receivedMs));
	if (!isEnd(state) || state === null) return { transitMsMin: transitMs, afterEnd: null };
	// By the worker's own clock: a beat of its lifetime that is read again looks late when the server's was set back.
	const knownMs = Math.max(afterEnd?.lastOccurredMs ?? Number.NEGATIVE_INFINITY, occurredMsOf(run));
	const isNewer = occurredMs > knownMs;
	if (!isNewer || occurredMs + transitMs <= state.timestampMs) return { transitMsMin: transitMs, afterEnd };
	const beats = (afterEnd?.beats ?? 0) + 1;
	return { transitMsMin: transitMs, afterEnd: { beats, lastOccurredMs: occurredMs, lastReceivedMs: receivedMs } };
}

/** In whole microseconds, as both times are. */
export function transitOf(occurredMs: number, receivedMs: number): number {
	return (usOf(receivedMs) - usOf(occurredMs)) / 1000;
}

/** The newest of the attempt's beats. */
function occurredMsOf(run: Run): number {
	return run.occurredMs.at(-1) ?? Number.NEGATIVE_INFINITY;
}

/** Not a redelivery, nor overtaken: what an event's lag may be judged by. */
export function isNews(run: Run, view: RunView): boolean {
	if (view.beat !== null) return isNewBeat(run, view.beat);
	return (view.state?.timestampMs ?? 0) > (run.state?.timestampMs ?? Number.NEGATIVE_INFINITY);
}

/**
 * Not a redelivery: a beat that the server received later than those known or, when the server's clock was set back,
 * that occurred later.
 */
function isNewBeat(run: Run, beat: BeatView): boolean {
	if (receivedOf(beat) > receivedOf(run.lastBeat)) return true;
	return (beat.occurredMs ?? 0) > (run.occurredMs.at(-1) ?? Number.POSITIVE_INFINITY);
}

function laterBeat({ lastBeat: known, beatAtMonoMs }: Run, told: BeatView, atMonoMs: number): BeatView {
	if (known === null || receivedOf(told) > receivedOf(known)) return told;
	if (receivedOf(told) === receivedOf(known)) return told.eventId > known.eventId ? told : known;
	// Later by our clock and by the worker's: the server's was set back between the two.
	const isLater = atMonoMs - (beatAtMonoMs ?? atMonoMs) > mappingErrorMs;
	return isLater && (told.occurredMs ?? 0) > (known.occurredMs ?? Number.POSITIVE_INFINITY) ? told : known;
}

function receivedOf(beat: BeatView | null): number {
	return beat?.receivedMs ?? Number.NEGATIVE_INFINITY;
}

function mergeLabels(known: RunLabels, told: RunLabels): RunLabels {
	return {
		name: told.name ?? known.name,
		flowId: told.flowId ?? known.flowId,
		flowName: told.flowName ?? known.flowName,
		deploymentId: told.deploymentId ?? known.deploymentId,
		deploymentName: told.deploymentName ?? known.deploymentName,
		workPool: told.workPool ?? known.workPool,
		clientVersion: told.clientVersion ?? known.clientVersion,
		parentTaskRunId: told.parentTaskRunId ?? known.parentTaskRunId,
		parentRunId: told.parentRunId ?? known.parentRunId,
		tags: told.tags.length > 0 ? told.tags : known.tags,
	};
}
