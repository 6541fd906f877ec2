import type { Transition } from "../../core/episode.ts";
import type { Clock } from "../../lib/clock.ts";
import { OutsideError } from "../../lib/errors.ts";
import { httpPost } from "../http-post.ts";
import type { AlertLineContext } from "../line-parts.ts";
import type { Notice, Sink, StateSink } from "../sink.ts";
import type { WayOut, WayOutTo } from "../way-out.ts";
import { toAlertmanagerAlert } from "./alertmanager-alert.ts";

export interface AlertmanagerSinkOptions extends AlertLineContext {
	readonly name: string;
	readonly wants: Sink["wants"];
	/** Of one Alertmanager, or of each of a cluster: they do not pass alerts on to one another. Without `/api/v2/alerts`. */
	readonly urls: readonly [string, ...string[]];
	readonly headers: Readonly<Record<string, string>>;
	readonly wayOutTo: WayOutTo;
	readonly clock: Clock;
}

/** Alerts in one request: some 300 KB. */
const alertsMax = 200;
/** So long a resolve is posted again and again, for an Alertmanager that was away or was started anew. */
const resolvedKeptMs = 5 * 60_000;
/** Resolves that are kept for it; of more the oldest are posted once only. */
const resolvedMax = 1_000;

/**
 * Tells Alertmanager, which keeps a state and no messages: what is open is posted over and over (`repost`), and ends there by
 * itself when it is not. A notice merely hastens the first post.
 */
export class AlertmanagerSink implements StateSink {
	readonly name: string;
	readonly noticesMax: number = alertsMax;
	readonly givesUp = true;
	readonly wants: Sink["wants"];
	readonly #options: AlertmanagerSinkOptions;
	/** One each of `urls`. */
	readonly #wayOuts: readonly (WayOut | null)[];
	/** By key, the oldest first. */
	readonly #resolved = new Map<string, { readonly transition: Transition; readonly sinceMonoMs: number }>();

	constructor(options: AlertmanagerSinkOptions) {
		this.name = options.name;
		this.wants = options.wants;
		this.#options = options;
		this.#wayOuts = options.urls.map(options.wayOutTo);
	}

	/** @throws OutsideError unless one Alertmanager at least has taken it */
	async send(notices: readonly [Notice, ...Notice[]], signal: AbortSignal): Promise<void> {
		const { monoMs } = this.#options.clock.now();
		await this.#post(
			notices.map(({ transition }) => transition),
			signal,
		);
		for (const { transition, key } of notices) {
			if (isOver(transition)) this.#resolved.set(key, { transition, sinceMonoMs: monoMs });
		}
		for (const key of [...this.#resolved.keys()].slice(0, Math.max(0, this.#resolved.size - resolvedMax))) {
			this.#resolved.delete(key);
		}
	}

	/** What is open now, and what was resolved of late. */
	async repost(open: readonly Transition[], signal: AbortSignal): Promise<void> {
		const { monoMs } = this.#options.clock.now();
		for (const [key, { sinceMonoMs }] of this.#resolved) {
			if (monoMs - sinceMonoMs > resolvedKeptMs) this.#resolved.delete(key);
		}
		const all = [...open, ...[...this.#resolved.values()].map(({ transition }) => transition)];
		for (let from = 0; from < all.length; from += alertsMax)
			await this.#post(all.slice(from, from + alertsMax), signal);
	}

	async #post(transitions: readonly Transition[], signal: AbortSignal): Promise<void> {
		const { urls, headers: own, clock } = this.#options;
		const body = JSON.stringify(transitions.map((transition) => toAlertmanagerAlert(transition, this.#options)));
		const headers = { "content-type": "application/json", ...own };
		const posts = urls.map((base, index) => {
			const to = { url: `${base}/api/v2/alerts`, receiver: "Alertmanager", wayOut: this.#wayOuts[index] ?? null };
			return httpPost({ ...to, headers, body, nowMs: clock.now().wallMs }, signal);
		});
		const ends = await Promise.allSettled(posts);
		const failures = ends.flatMap((end) => (end.status === "rejected" ? [end.reason as unknown] : []));
		if (failures.length < ends.length) return;
		// One that may come back keeps the alert owed.
		throw failures.find((failure) => failure instanceof OutsideError && failure.retryable) ?? failures[0];
	}
}

function isOver({ kind }: Transition): boolean {
	return kind === "resolved" || kind === "group_resolved";
}
