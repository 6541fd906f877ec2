import type { Clock } from "../../lib/clock.ts";
import { httpPost } from "../http-post.ts";
import type { AlertLineContext } from "../line-parts.ts";
import type { Notice, Sink } from "../sink.ts";
import type { WayOut, WayOutTo } from "../way-out.ts";
import { toSlackMessage } from "./slack-message.ts";

export interface SlackSinkOptions extends AlertLineContext {
	readonly name: string;
	readonly wants: Sink["wants"];
	/** Of the incoming webhook: whoever has it can write to the channel. */
	readonly url: string;
	readonly wayOutTo: WayOutTo;
	readonly clock: Clock;
}

/** Slack takes one message a second from a webhook, and answers 429 to more. */
const messageEveryMs = 1_000;
/** What waits longer than that becomes one message: what a message has room for, and a count of the rest. */
const noticesMax = 100;

/** Writes to a channel of Slack through an incoming webhook: one message a second at most, whatever waits. */
export class SlackSink implements Sink {
	readonly name: string;
	readonly noticesMax: number = noticesMax;
	readonly givesUp = true;
	readonly wants: Sink["wants"];
	readonly #options: SlackSinkOptions;
	readonly #wayOut: WayOut | null;
	/** When the last request was over: whatever it took, the next one reaches Slack a second after it at the soonest. */
	#overMonoMs = Number.NEGATIVE_INFINITY;

	constructor(options: SlackSinkOptions) {
		this.name = options.name;
		this.wants = options.wants;
		this.#options = options;
		this.#wayOut = options.wayOutTo(options.url);
	}

	/** @throws OutsideError; final for what Slack refuses for good, such as a channel that was archived */
	async send(notices: readonly [Notice, ...Notice[]], signal: AbortSignal): Promise<void> {
		const { url, clock } = this.#options;
		const waitMs = this.#overMonoMs + messageEveryMs - clock.now().monoMs;
		if (waitMs > 0) await clock.sleep(waitMs, signal);
		const body = JSON.stringify(toSlackMessage(notices, this.#options));
		const headers = { "content-type": "application/json; charset=utf-8" };
		const wayOut = this.#wayOut;
		try {
			await httpPost({ url, headers, body, receiver: "Slack", wayOut, nowMs: clock.now().wallMs }, signal);
		} finally {
			this.#overMonoMs = clock.now().monoMs;
		}
	}
}
