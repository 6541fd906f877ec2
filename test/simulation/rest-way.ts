import type { RestEnds, TransportPort } from "../../src/daemon/ports.ts";
import { backoffMs } from "../../src/lib/backoff.ts";
import type { ApiFailureReason } from "../../src/observe/reporter.ts";
import { ApiError } from "../../src/prefect/api-error.ts";
import { RequestBudget } from "../../src/prefect/request-budget.ts";
import type { RestCall, RestResult } from "../../src/prefect/transport.ts";
import type { Chance } from "./chance.ts";
import type { ProcessClock } from "./process-clock.ts";
import type { RestAnswers } from "./rest-answers.ts";
import type { SimServer } from "./server.ts";
import { minute, second } from "./units.ts";

/** What is wrong with REST for a while: shared by all lives of the daemon. */
export interface RestFaults {
	kind: "none" | "503" | "429" | "hangs" | "slow";
}

export interface RestWayOptions {
	readonly clock: ProcessClock;
	readonly server: SimServer;
	readonly answers: RestAnswers;
	readonly chance: Chance;
	readonly faults: RestFaults;
	readonly restPerSecond: number;
	readonly told: RestEnds;
	/** The daemon is told of a failure. */
	readonly onFailure: () => void;
}

/** As rest-transport.ts has them. */
const retriesMax = 3;
const retryBackoff = { minMs: 500, maxMs: 10 * second };
const requestMsMax = minute;
const latencyMedianMs = 15;

type Attempt =
	| { readonly json: unknown; readonly serverDateMs: number }
	| { readonly reason: ApiFailureReason; readonly isRetried: boolean; readonly afterMs: number | null };

/** Prefect's REST API as one life of the daemon reaches it: with the transport's budget, retries and time limits. */
export class RestWay implements TransportPort {
	readonly #options: RestWayOptions;
	readonly #budget: RequestBudget;

	constructor(options: RestWayOptions) {
		this.#options = options;
		this.#budget = new RequestBudget(options.restPerSecond, options.clock);
	}

	async call<T>(call: RestCall<T>, signal: AbortSignal): Promise<RestResult<T>> {
		const { told, onFailure, clock, chance } = this.#options;
		for (let retries = 0; ; retries++) {
			const attempt = await this.#attempt(call, signal);
			if ("json" in attempt) {
				told.onAnswer({ serverDateMs: attempt.serverDateMs });
				return { value: call.schema.parse(attempt.json), serverDateMs: attempt.serverDateMs };
			}
			if (!call.retries || !attempt.isRetried || retries >= retriesMax) {
				if (call.isIdle !== true) {
					onFailure();
					told.onFailure();
				}
				throw new ApiError(attempt.reason, `${call.path}: ${attempt.reason}, in the simulation`);
			}
			const ownMs = backoffMs(retries + 1, retryBackoff, chance.random);
			await clock.sleep(Math.max(attempt.afterMs ?? ownMs, retryBackoff.minMs), signal);
		}
	}

	async [Symbol.asyncDispose](): Promise<void> {
		return undefined;
	}

	async #attempt(call: RestCall<unknown>, signal: AbortSignal): Promise<Attempt> {
		const { clock, server, answers, chance, faults } = this.#options;
		await this.#budget.take(signal);
		const { kind } = faults;
		if (kind === "hangs") {
			await clock.sleep(requestMsMax, signal);
			return { reason: "timeout", isRetried: false, afterMs: null };
		}
		const slowMs = kind === "slow" ? chance.between(0, 8) * second : 0;
		await clock.sleep(slowMs + chance.lognormal(latencyMedianMs, 0.8), signal);
		if (!server.isUp) return { reason: "unreachable", isRetried: true, afterMs: null };
		if (kind === "503") return { reason: "server_error", isRetried: true, afterMs: null };
		if (kind === "429") return { reason: "rate_limited", isRetried: true, afterMs: chance.whole(0, 60) * second };
		const json = answers.answer(call.path, call.body);
		const serverDateMs = Math.floor(server.clockMs / second) * second;
		if (json === undefined) return { reason: "rejected", isRetried: false, afterMs: null };
		await clock.sleep(chance.lognormal(latencyMedianMs, 0.8), signal);
		return { json, serverDateMs };
	}
}
