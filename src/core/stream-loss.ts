import type { Instant } from "../lib/clock.ts";
import type { StreamLossKind } from "./decisions.ts";
import type { Observation } from "./observation.ts";
import type { BeatView, Run, RunView } from "./run.ts";

/** Events overtake one another, and REST's answer overtakes an event: beyond this lag we are blind anyway. */
const graceMs = 30_000;
/** Events waited for at a time; beyond it the oldest are given up at once. */
const owedEventsMax = 1_000;

/** A subscription brings nothing that occurred, by the worker's clock, longer before it: Prefect's server leaves it out. */
const reachMs = 15 * 60_000;

/** An event that the server has stored, and the stream has not brought. */
export interface LostEvent {
	readonly runId: string;
	readonly kind: StreamLossKind;
}

/**
 * Events that the stream has not brought although there is proof of them: a later one names its predecessor, or REST
 * tells of a state or a heartbeat of the time in which we listened. What has still not come after a while was dropped on the way: the
 * server does that without a sign when a subscriber's queue is full.
 */
export class StreamLoss {
	readonly #observation: Observation;
	/** By the event's id, which is that of its state; the oldest first. */
	readonly #owed = new Map<string, LostEvent & { readonly sinceMonoMs: number }>();

	constructor(observation: Observation) {
		this.#observation = observation;
	}

	/** Events are waited for. */
	get isWaiting(): boolean {
		return this.#owed.size > 0;
	}

	/** A heartbeat was heard. */
	beatCame(eventId: string): void {
		this.#owed.delete(eventId);
	}

	/**
	 * An event was heard or read.
	 *
	 * @param known the run before it; undefined: not known yet, so that its past may have been before our time
	 * @param follows the event that it names as its predecessor
	 */
	told({ runId, state, beat }: RunView, known: Run | undefined, follows: string | null, at: Instant): void {
		if (beat !== null) this.beatCame(beat.eventId);
		if (state === null) return;
		this.#owed.delete(state.id);
		const before = known?.state ?? null;
		if (follows === null || before === null || follows === before.id) return;
		if (state.timestampMs > before.timestampMs) this.#owe(follows, { runId, kind: "stored_state_not_heard" }, at);
	}

	/** REST told of a run. */
	learned(before: Run, { runId, state, lastBeat }: Run, at: Instant): void {
		if (state !== null && state.id !== before.state?.id && this.#isOfOurTime(state.timestampMs)) {
			this.#owe(state.id, { runId, kind: "stored_state_not_heard" }, at);
		}
		if (
			lastBeat !== null &&
			lastBeat.eventId !== before.lastBeat?.eventId &&
			isWithinReach(lastBeat) &&
			this.#isOfOurTime(lastBeat.receivedMs)
		) {
			this.#owe(lastBeat.eventId, { runId, kind: "stored_beat_not_heard" }, at);
		}
	}

	/** Once a sweep: what has been given up since the last one. */
	takeLost(at: Instant): readonly LostEvent[] {
		const { hearingSinceMonoMs, isBlind } = this.#observation;
		// What is read again over REST need not come over the socket.
		if (hearingSinceMonoMs === null) this.#owed.clear();
		if (isBlind) return [];
		const lost: LostEvent[] = [];
		for (const [eventId, { runId, kind, sinceMonoMs }] of this.#owed) {
			if (at.monoMs - sinceMonoMs < graceMs && this.#owed.size <= owedEventsMax) break;
			this.#owed.delete(eventId);
			lost.push({ runId, kind });
		}
		return lost;
	}

	/** The server got it while the socket was open and caught up. */
	#isOfOurTime(serverMs: number | null): boolean {
		const { hearingSinceMonoMs, clock } = this.#observation;
		const monoMs = serverMs === null ? null : clock.toMonoMs(serverMs);
		return hearingSinceMonoMs !== null && monoMs !== null && monoMs > hearingSinceMonoMs;
	}

	#owe(eventId: string, event: LostEvent, at: Instant): void {
		if (this.#observation.hearingSinceMonoMs === null || this.#owed.has(eventId)) return;
		this.#owed.set(eventId, { ...event, sinceMonoMs: at.monoMs });
	}
}

function isWithinReach({ occurredMs, receivedMs }: BeatView): boolean {
	return occurredMs === null || receivedMs === null || receivedMs - occurredMs <= reachMs;
}
