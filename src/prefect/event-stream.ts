import { backoffMs } from "../lib/backoff.ts";
import type { Random } from "../lib/random.ts";
import { isOperatorsTurn, type StreamEnd } from "./stream-end.ts";
import { type SessionOptions, StreamSession } from "./stream-session.ts";
import type { StreamTiming } from "./stream-timing.ts";

export type { StreamListener } from "./stream-session.ts";
export { type StreamTiming, streamTiming } from "./stream-timing.ts";

export interface EventStreamOptions extends SessionOptions {
	readonly random: Random;
}

/** Prefect's events, live: stays connected, whatever happens, until told to stop. */
export class EventStream {
	readonly #options: EventStreamOptions;

	constructor(options: EventStreamOptions) {
		this.#options = options;
	}

	/** Resolves on abort only, when the socket is gone. Rejects with what the listener threw, which is a bug. */
	async run(signal: AbortSignal): Promise<void> {
		const { clock, random, reporter, timing } = this.#options;
		let failures = 0;
		let previous: StreamEnd | null = null;
		while (!signal.aborted) {
			const session = new StreamSession(this.#options);
			const end: StreamEnd = await session.run(previous, signal);
			previous = end;
			const { reason, detail } = end;
			if (signal.aborted) {
				reporter.streamEnded({ reason, detail, retryInMs: 0 });
				return;
			}
			failures = session.subscribedForMs >= timing.healthyAfterMs ? 1 : failures + 1;
			const retryInMs = reconnectDelayMs(end, failures, timing, random);
			reporter.streamEnded({ reason, detail, retryInMs });
			try {
				await clock.sleep(retryInMs, signal);
			} catch (error) {
				if (!signal.aborted) {
					throw error;
				}
			}
		}
	}
}

/** @param failures consecutive ends so far, 1 or more */
export function reconnectDelayMs(
	end: Pick<StreamEnd, "reason" | "isFilterSuspect">,
	failures: number,
	timing: StreamTiming,
	random: Random,
): number {
	if (isOperatorsTurn(end.reason)) {
		return backoffMs(failures, timing.operatorBackoff, random);
	}
	const { minMs, maxMs } = timing.filterRetry;
	return end.isFilterSuspect ? minMs + random() * (maxMs - minMs) : backoffMs(failures, timing.backoff, random);
}
