import { z } from "zod";
import type { Clock } from "../lib/clock.ts";
import { RecentAnswers } from "./recent-answers.ts";
import type { Transport } from "./transport.ts";

/** Null: an older server does not know the filter, or does not let us ask. */
const countSchema = z.int().nonnegative().nullable();
const unknownOn = [403, 404, 405, 422];
const waitingState = { name: { any_: ["Late", "AwaitingConcurrencySlot"] } };

/** How many runs are late or wait for a slot, by deployment and by work pool. */
export class WaitingCounts {
	readonly #transport: Transport;
	readonly #deployments: RecentAnswers<number | null>;
	readonly #pools: RecentAnswers<number | null>;

	constructor(options: { readonly transport: Transport; readonly clock: Clock }) {
		this.#transport = options.transport;
		this.#deployments = new RecentAnswers(options.clock);
		this.#pools = new RecentAnswers(options.clock);
	}

	/** @throws ApiError */
	ofDeployment(id: string, signal: AbortSignal): Promise<number | null> {
		const flowRuns = { state: waitingState, deployment_id: { any_: [id] } };
		return this.#of(this.#deployments, id, { flow_runs: flowRuns }, signal);
	}

	/** @throws ApiError */
	ofPool(name: string, signal: AbortSignal): Promise<number | null> {
		const body = { flow_runs: { state: waitingState }, work_pools: { name: { any_: [name] } } };
		return this.#of(this.#pools, name, body, signal);
	}

	async #of(
		known: RecentAnswers<number | null>,
		key: string,
		body: object,
		signal: AbortSignal,
	): Promise<number | null> {
		const counts = await known.of([key], async () => {
			const asked = { path: "/flow_runs/count", body, noneOn: unknownOn, schema: countSchema };
			const call = { endpoint: "flow_runs", method: "POST", ...asked, retries: false } as const;
			return new Map([[key, (await this.#transport.call(call, signal)).value]]);
		});
		return counts.get(key) ?? null;
	}
}
