import type { Clock } from "../lib/clock.ts";

/** Alerts asked about in one round, in some six requests each: with the default of 5 a second a round ends within its 5 s. */
const asksARoundMax = 3;
/** What the server said of a run holds so long: an alert that is refused would else be asked about all the time. */
const askAgainAfterMs = 60_000;

/** How often the server is asked about alerts that are due. */
export class AskPace {
	readonly #clock: Clock;
	/** When an alert was asked about last, our monotonic clock; of those that are open. */
	#askedMonoMs = new Map<string, number>();
	#asksLeft = 0;

	constructor(clock: Clock) {
		this.#clock = clock;
	}

	/** @param open ids of the alerts that are looked at */
	beginRound(open: ReadonlySet<string>): void {
		this.#asksLeft = asksARoundMax;
		this.#askedMonoMs = new Map([...this.#askedMonoMs].filter(([alertId]) => open.has(alertId)));
	}

	mayAsk(alertId: string): boolean {
		const askedMonoMs = this.#askedMonoMs.get(alertId) ?? Number.NEGATIVE_INFINITY;
		return this.#asksLeft > 0 && this.#clock.now().monoMs - askedMonoMs >= askAgainAfterMs;
	}

	asked(alertId: string): void {
		this.#asksLeft -= 1;
		this.#askedMonoMs.set(alertId, this.#clock.now().monoMs);
	}
}
