import type { Clock } from "../../lib/clock.ts";
import { httpPost } from "../http-post.ts";
import type { AlertLineContext } from "../line-parts.ts";
import type { Notice, Sink } from "../sink.ts";
import type { WayOut, WayOutTo } from "../way-out.ts";
import { toPagerDutyEvent } from "./pagerduty-event.ts";

export interface PagerDutySinkOptions extends AlertLineContext {
	readonly name: string;
	readonly wants: Sink["wants"];
	/** Of an integration "Events API v2": 32 characters. */
	readonly routingKey: string;
	/** `https://events.pagerduty.com/v2/enqueue`, or the one of another region. */
	readonly url: string;
	readonly wayOutTo: WayOutTo;
	readonly clock: Clock;
}

/** Triggers an incident of PagerDuty for each alert, and resolves it. */
export class PagerDutySink implements Sink {
	readonly name: string;
	/** One event a request is all that the API takes. */
	readonly noticesMax = 1;
	readonly givesUp = true;
	readonly wants: Sink["wants"];
	readonly #options: PagerDutySinkOptions;
	readonly #wayOut: WayOut | null;

	constructor(options: PagerDutySinkOptions) {
		this.name = options.name;
		this.wants = options.wants;
		this.#options = options;
		this.#wayOut = options.wayOutTo(options.url);
	}

	/** @throws OutsideError; final for an event that is refused (400), since it would be refused again */
	async send([notice]: readonly [Notice, ...Notice[]], signal: AbortSignal): Promise<void> {
		const { url, routingKey, clock } = this.#options;
		const body = JSON.stringify(toPagerDutyEvent(notice, routingKey, this.#options));
		const headers = { "content-type": "application/json" };
		const wayOut = this.#wayOut;
		await httpPost({ url, headers, body, receiver: "PagerDuty", wayOut, nowMs: clock.now().wallMs }, signal);
	}
}
