import type { Clock } from "../lib/clock.ts";
import { ApiError } from "./api-error.ts";
import type { RestCall, RestResult, Transport } from "./transport.ts";

/** The window that they are counted in, and how long a slow server is left in peace. */
const minuteMs = 60_000;
/** A fifth of what `limits.restPerSecond` allows by default; in a mass lapse verdicts come first. */
const questionsPerMinuteMax = 60;
/** Two seconds' worth of it: so long at most the verdicts of one round wait for their turn. */
const questionsARoundMax = 10;

/**
 * A transport for what is good to know and nothing waits for: asked once, a failure says nothing about REST, and there is
 * a small budget of its own within that of all requests.
 */
export class SideQuestions implements Transport {
	readonly #transport: Transport;
	readonly #clock: Clock;
	/** When the last of them were asked, oldest first. */
	#askedMonoMs: readonly number[] = [];
	#askedThisRound = 0;
	#notBeforeMonoMs = Number.NEGATIVE_INFINITY;

	constructor(options: { readonly transport: Transport; readonly clock: Clock }) {
		this.#transport = options.transport;
		this.#clock = options.clock;
	}

	/** The verdicts that have come due together are next. */
	beginRound(): void {
		this.#askedThisRound = 0;
	}

	/** The server is slow: no further question for a minute. */
	rest(): void {
		this.#notBeforeMonoMs = this.#clock.now().monoMs + minuteMs;
	}

	async call<T>(call: RestCall<T>, signal: AbortSignal): Promise<RestResult<T>> {
		const { monoMs } = this.#clock.now();
		this.#askedMonoMs = this.#askedMonoMs.filter((atMonoMs) => monoMs - atMonoMs < minuteMs);
		const isSpent = this.#askedMonoMs.length >= questionsPerMinuteMax || this.#askedThisRound >= questionsARoundMax;
		if (isSpent || monoMs < this.#notBeforeMonoMs) throw new ApiError("rate_limited", "not asked: no room for it now");
		this.#askedThisRound += 1;
		this.#askedMonoMs = [...this.#askedMonoMs, monoMs];
		return await this.#transport.call({ ...call, retries: false, isIdle: true }, signal);
	}
}
