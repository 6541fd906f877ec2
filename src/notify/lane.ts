import type { DeliveryHold, DeliverySettlement, Hold, HoldReason, Settlement } from "../core/delivery.ts";
import { isOfEpisode, isRaise, raiseKeyOf, type Transition } from "../core/episode.ts";
import type { Instant } from "../lib/clock.ts";
import { type Notice, noticeOf, type Sink } from "./sink.ts";

/** How fast a sink is told. */
export interface Pace {
	/** What comes within it goes along, where a sink takes several at once. */
	readonly groupWaitMs: number;
	/** Null: as fast as it takes them. */
	readonly perMinuteMax: number | null;
}

export interface LaneOptions {
	readonly sink: Sink;
	readonly pace: Pace;
	/** Why the sink is not to be told of a raise just now; null: it is. */
	readonly holdOf: (transition: Transition) => Hold | null;
	/** Whoever is told commits it, all or nothing. */
	readonly hold: (hold: DeliveryHold) => void;
	readonly settle: (settlements: readonly DeliverySettlement[]) => void;
}

/** The deliveries owed to one sink, in order. */
export class Lane {
	readonly sink: Sink;
	readonly #options: LaneOptions;
	/** By key: the order is that of insertion, and a row that is offered twice is sent once. */
	readonly #rows = new Map<string, Notice>();
	/** Raises that are held: their resolves are not sent either. */
	readonly #held = new Map<string, HoldReason>();
	/** Of what was held until now, our wall clock: it does not count as tried meanwhile. */
	readonly #freedWallMs = new Map<string, number>();
	/** Since when something waits to be sent, on our monotonic clock. */
	#waitingSinceMonoMs = 0;
	#sentAtMonoMs = Number.NEGATIVE_INFINITY;
	/** Since when the sink has had a row without a word, or since that was told last; null: it has none. */
	silentSinceMonoMs: number | null = null;

	constructor(options: LaneOptions) {
		this.sink = options.sink;
		this.#options = options;
	}

	/** Rows to be sent, in flight included. */
	get size(): number {
		return this.#rows.size;
	}

	get heldCount(): number {
		return this.#held.size;
	}

	isPending(key: string): boolean {
		return this.#rows.has(key);
	}

	/** It is to be sent, or held. */
	owes(key: string): boolean {
		return this.isPending(key) || this.#held.has(key);
	}

	/** @param reminder null: it is news, which is taken once */
	add(transition: Transition, reminder: number | null, { monoMs, wallMs }: Instant): void {
		const key = reminder === null ? transition.key : `${transition.key}:reminder`;
		if (this.#rows.size === 0) this.#waitingSinceMonoMs = monoMs;
		this.#rows.set(key, noticeOf(transition, reminder));
		if (this.#held.delete(key)) this.#freedWallMs.set(key, wallMs);
	}

	/** What an earlier process held. */
	addHeld(key: string, reason: HoldReason): void {
		if (!this.#rows.has(key)) this.#held.set(key, reason);
	}

	/** An operator has dropped it; null: all of it. */
	drop(key: string | null): void {
		if (key === null) {
			this.#rows.clear();
			this.#held.clear();
			this.#freedWallMs.clear();
			return;
		}
		this.#rows.delete(key);
		this.#held.delete(key);
		this.#freedWallMs.delete(key);
	}

	/** What to send now, as much as goes at once; on the way there, what is not to be sent is held or settled. */
	next(): readonly Notice[] {
		const next: Notice[] = [];
		for (const [key, notice] of this.#rows) {
			if (this.#isKept(key, notice)) continue;
			next.push(notice);
			if (next.length >= this.sink.noticesMax) break;
		}
		return next;
	}

	/** How long the sink has to be left alone yet. */
	waitMs(nowMonoMs: number): number {
		const { groupWaitMs, perMinuteMax } = this.#options.pace;
		const freeAtMonoMs = perMinuteMax === null ? 0 : this.#sentAtMonoMs + 60_000 / perMinuteMax;
		return Math.max(0, this.#waitingSinceMonoMs + groupWaitMs - nowMonoMs, freeAtMonoMs - nowMonoMs);
	}

	/** The sink was told; what has come meanwhile waits for its own companions. */
	sent(nowMonoMs: number): void {
		this.#sentAtMonoMs = nowMonoMs;
		this.#waitingSinceMonoMs = nowMonoMs;
	}

	/** These need not be tried again. */
	settle(notices: readonly Notice[], settlement: Settlement): void {
		for (const { transition, reminder } of notices) {
			this.#rows.delete(reminder === null ? transition.key : `${transition.key}:reminder`);
			this.#freedWallMs.delete(transition.key);
		}
		// A reminder is nothing that is owed.
		const rows = notices.filter(({ reminder }) => reminder === null);
		if (rows.length > 0) this.#options.settle(rows.map(({ key }) => ({ sink: this.sink.name, key, ...settlement })));
	}

	/** Those from the first on that the sink could have been told of since before then. @param wallMs our wall clock */
	owedSinceBefore(notices: readonly Notice[], wallMs: number): readonly Notice[] {
		const young = notices.findIndex(
			({ transition }) => (this.#freedWallMs.get(transition.key) ?? happenedAtMs(transition)) >= wallMs,
		);
		return young === -1 ? notices : notices.slice(0, young);
	}

	#isKept(key: string, { transition, reminder }: Notice): boolean {
		if (!isRaise(transition)) return this.#endsHeld(key, transition);
		const hold = this.#options.holdOf(transition);
		if (hold === null) return false;
		this.#rows.delete(key);
		if (reminder !== null) return true;
		this.#freedWallMs.delete(key);
		this.#held.set(key, hold.reason);
		this.#options.hold({ sink: this.sink.name, key, ...hold });
		return true;
	}

	/** Of what was over before the sink was told of it, it is told nothing. */
	#endsHeld(key: string, transition: Transition): boolean {
		const raiseKey = raiseKeyOf(transition);
		const reason = this.#held.get(raiseKey);
		if (reason === undefined) return false;
		this.#held.delete(raiseKey);
		this.#rows.delete(key);
		const settlement = { sink: this.sink.name, fate: reason, detail: "it was over before it was to be told" };
		this.#options.settle([
			{ ...settlement, key: raiseKey },
			{ ...settlement, key },
		]);
		return true;
	}
}

/** Our wall clock. */
function happenedAtMs(transition: Transition): number {
	if (isOfEpisode(transition)) return transition.episode.closed?.atMs ?? transition.episode.raisedAtMs;
	return transition.incident.closed?.atMs ?? transition.incident.openedAtMs;
}
