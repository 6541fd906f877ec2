import type { Clock } from "../lib/clock.ts";
import { ApiError } from "./api-error.ts";

/** Callers waiting for their turn; more means that something asks without end. */
const waitersMax = 1000;

/**
 * At most `perSecond` requests begin within any second, in the order asked for; the server is shared with the flows we
 * watch, and Cloud counts per account.
 */
export class RequestBudget {
	/** When the last `perSecond` requests began or will begin, oldest first. */
	readonly #begunMonoMs: number[] = [];
	readonly #perWindow: number;
	readonly #windowMs: number;
	readonly #clock: Clock;
	#waiters = 0;

	/** @param perSecond above 0; below 1, one request in 1/perSecond seconds, and other fractions are rounded down */
	constructor(perSecond: number, clock: Clock) {
		this.#perWindow = Math.max(1, Math.floor(perSecond));
		this.#windowMs = perSecond < 1 ? 1000 / perSecond : 1000;
		this.#clock = clock;
	}

	/** Resolves when a request may begin. @throws ApiError when too many wait already; the signal's reason when aborted. */
	async take(signal: AbortSignal): Promise<void> {
		signal.throwIfAborted();
		if (this.#waiters >= waitersMax) {
			throw new ApiError(
				"rate_limited",
				`more than ${waitersMax} requests wait for the own limit of ${this.#perWindow} in ${this.#windowMs} ms`,
			);
		}
		const nowMs = this.#clock.now().monoMs;
		const waitMs = this.#reserve(nowMs) - nowMs;
		if (waitMs <= 0) {
			return;
		}
		this.#waiters += 1;
		try {
			await this.#clock.sleep(waitMs, signal);
		} finally {
			this.#waiters -= 1;
		}
	}

	#reserve(nowMs: number): number {
		const full = this.#begunMonoMs.length >= this.#perWindow;
		const oldestMs = full ? (this.#begunMonoMs.shift() ?? nowMs) : Number.NEGATIVE_INFINITY;
		const beginMs = Math.max(nowMs, oldestMs + this.#windowMs);
		this.#begunMonoMs.push(beginMs);
		return beginMs;
	}
}
