import type { Instant } from "../lib/clock.ts";

/**
 * One instant for all frames of one read of the socket, which are told one after the other before anything else has its
 * turn: the clock is asked once for all of them.
 */
export class ReadInstant {
	readonly #now: () => Instant;
	#at: Instant | null = null;

	constructor(now: () => Instant) {
		this.#now = now;
	}

	get(): Instant {
		if (this.#at === null) {
			this.#at = this.#now();
			queueMicrotask(() => {
				this.#at = null;
			});
		}
		return this.#at;
	}
}
