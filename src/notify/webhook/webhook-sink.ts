import { createHmac } from "node:crypto";
import type { Agent } from "undici";
import type { Clock } from "../../lib/clock.ts";
import { orAborted } from "../../lib/or-aborted.ts";
import { toAlertLine } from "../alert-line.ts";
import { httpPost } from "../http-post.ts";
import { type AlertLineContext, generousLimits } from "../line-parts.ts";
import type { Notice, Sink } from "../sink.ts";
import type { WayOut, WayOutTo } from "../way-out.ts";
import { filledIn } from "./body-template.ts";
import { toCloudEvent } from "./cloud-event.ts";
import { checkBehindProxy, guardedAgent } from "./guarded-agent.ts";

export interface WebhookSinkOptions extends AlertLineContext {
	readonly name: string;
	readonly wants: Sink["wants"];
	readonly url: string;
	/** Signs each body; null: no signature. */
	readonly secret: string | null;
	readonly headers: Readonly<Record<string, string>>;
	/** Instead of a CloudEvent, for gateways that want a body of their own; null: none. */
	readonly body: string | null;
	readonly denyPrivate: boolean;
	readonly wayOutTo: WayOutTo;
	readonly clock: Clock;
}

/**
 * Posts each alert to an address of the operator's, as a CloudEvent. With a secret it is signed:
 * `X-Zombied-Signature: sha256=HEX`, HMAC-SHA256 over the value of `X-Zombied-Timestamp` (seconds since the epoch), a full
 * stop, and the body's bytes.
 */
export class WebhookSink implements Sink, AsyncDisposable {
	readonly name: string;
	readonly noticesMax = 1;
	readonly givesUp = true;
	readonly wants: Sink["wants"];
	readonly #options: WebhookSinkOptions;
	readonly #wayOut: WayOut | null;
	/** Where there is no proxy on the way. */
	readonly #agent: Agent;

	constructor(options: WebhookSinkOptions) {
		this.name = options.name;
		this.wants = options.wants;
		this.#options = options;
		this.#wayOut = options.wayOutTo(options.url);
		this.#agent = guardedAgent(options);
	}

	/** @throws OutsideError; final for an address that is refused */
	async send([notice]: readonly [Notice, ...Notice[]], signal: AbortSignal): Promise<void> {
		const { url, clock } = this.#options;
		const wayOut = this.#wayOut;
		if (wayOut !== null) await orAborted(checkBehindProxy(new URL(url).hostname, this.#options), signal);
		const { wallMs } = clock.now();
		const body = this.#bodyOf(notice);
		const headers = this.#headersFor(body, wallMs);
		const call = { url, headers, body, receiver: "webhook", dispatcher: this.#agent, wayOut, nowMs: wallMs };
		await httpPost(call, signal);
	}

	#bodyOf(notice: Notice): string {
		const { body: template } = this.#options;
		if (template === null) return JSON.stringify(toCloudEvent(notice, this.#options));
		return filledIn(template, toAlertLine(notice.transition, this.#options, generousLimits));
	}

	#headersFor(body: string, wallMs: number): Readonly<Record<string, string>> {
		const { secret, headers, body: template } = this.#options;
		const type = template === null ? "application/cloudevents+json; charset=utf-8" : "application/json; charset=utf-8";
		const own = { "content-type": type, ...headers };
		if (secret === null) return own;
		const timestamp = String(Math.floor(wallMs / 1000));
		const signature = createHmac("sha256", secret).update(`${timestamp}.${body}`).digest("hex");
		return { ...own, "x-zombied-timestamp": timestamp, "x-zombied-signature": `sha256=${signature}` };
	}

	async [Symbol.asyncDispose](): Promise<void> {
		await this.#agent.destroy();
	}
}
