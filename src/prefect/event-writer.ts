import { z } from "zod";
import { uuidSchema } from "./event-schema.ts";
import type { Transport } from "./transport.ts";

/** Null: the server has no such pool, or does not let us see it. */
const poolSchema = z.object({ id: uuidSchema }).nullable();
/** More than a server has; beyond it all are asked for anew. */
const poolIdsMax = 1_000;

/**
 * Writes events to the server. Each call is made once, since whoever wants it done tries again by rules of its own; a
 * failure says nothing about REST as a whole.
 */
export class EventWriter {
	readonly #transport: () => Transport;
	readonly #poolIds = new Map<string, string>();

	/** @param transport asked for at each call: it may be made later than this */
	constructor(transport: () => Transport) {
		this.#transport = transport;
	}

	/** @throws ApiError */
	async post(events: readonly object[], signal: AbortSignal): Promise<void> {
		// The answer has no body.
		const asked = { path: "/events", body: events, schema: z.unknown() };
		const call = { endpoint: "events", method: "POST", ...asked, retries: false, isIdle: true } as const;
		await this.#transport().call(call, signal);
	}

	/** @throws ApiError */
	async workPoolId(name: string, signal: AbortSignal): Promise<string | null> {
		const known = this.#poolIds.get(name);
		if (known !== undefined) return known;
		const asked = { path: `/work_pools/${encodeURIComponent(name)}`, noneOn: [403, 404], schema: poolSchema };
		const call = { endpoint: "work_pools", method: "GET", ...asked, retries: false, isIdle: true } as const;
		const { value } = await this.#transport().call(call, signal);
		if (value === null) return null;
		if (this.#poolIds.size >= poolIdsMax) this.#poolIds.clear();
		this.#poolIds.set(name, value.id);
		return value.id;
	}
}
