import type { AlertLineContext } from "../line-parts.ts";
import type { Notice, Sink } from "../sink.ts";
import { type PrefectEvent, toPrefectEvent, workPoolOf } from "./prefect-event.ts";

/** The watched server's events, for whoever has a connection to it. */
export interface PrefectEvents {
	/** @throws OutsideError unless the server has taken all of them */
	post(events: readonly PrefectEvent[], signal: AbortSignal): Promise<void>;
	/** Null: the server has no such pool, or does not tell. @throws OutsideError */
	workPoolId(name: string, signal: AbortSignal): Promise<string | null>;
}

export interface PrefectEventSinkOptions extends AlertLineContext {
	readonly name: string;
	readonly wants: Sink["wants"];
	readonly prefect: PrefectEvents;
}

/** Prefect drops events for a subscriber that has 256 waiting: a storm of ours must not make it lose those of runs. */
const eventsMax = 50;

/** Posts each alert to the watched Prefect server as an event, so that its automations can notify, cancel or crash. */
export class PrefectEventSink implements Sink {
	readonly name: string;
	readonly noticesMax: number = eventsMax;
	readonly givesUp = true;
	readonly wants: Sink["wants"];
	readonly #options: PrefectEventSinkOptions;

	constructor(options: PrefectEventSinkOptions) {
		this.name = options.name;
		this.wants = options.wants;
		this.#options = options;
	}

	/** @throws OutsideError; final for what the server refuses */
	async send(notices: readonly [Notice, ...Notice[]], signal: AbortSignal): Promise<void> {
		const { prefect } = this.#options;
		const events: PrefectEvent[] = [];
		for (const notice of notices) {
			const pool = workPoolOf(notice);
			const poolId = pool === null ? null : await prefect.workPoolId(pool, signal);
			events.push(toPrefectEvent(notice, poolId, this.#options));
		}
		await prefect.post(events, signal);
	}
}
