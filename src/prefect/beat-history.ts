import { cadenceBeatsMax } from "../core/cadence.ts";
import type { StoredBeats } from "../core/priors.ts";
import type { RunView } from "../core/run.ts";
import type { Reporter } from "../observe/reporter.ts";
import { eventsPageRowsMax } from "./event-pages.ts";
import { eventPageSchema } from "./event-schema.ts";
import { PageSize } from "./page-size.ts";
import { readEventRows } from "./row-reading.ts";
import { aheadMsMax } from "./timestamp.ts";
import { flowRunEventPrefix, heartbeatEvent } from "./to-input.ts";
import type { Transport } from "./transport.ts";

/** Of the workers' clocks, milliseconds since the epoch. */
interface Span {
	readonly sinceMs: number;
	readonly untilMs: number;
}

/**
 * Heartbeats as the server stored them, for what they teach of cadences. Each call is one request for one page, which
 * Prefect's indexes of name and time, and of name, run and time, answer: no call goes through related resources or ranks
 * rows. A first page is counted over its whole span all the same (`total`), so that callers keep spans short.
 */
export class BeatHistory {
	readonly #transport: Transport;
	readonly #reporter: Reporter;
	readonly #page = new PageSize(eventsPageRowsMax);

	constructor(options: { transport: Transport; reporter: Reporter }) {
		this.#transport = options.transport;
		this.#reporter = options.reporter;
	}

	/**
	 * The newest heartbeats of the span, of all runs; `isFull`: there are more.
	 *
	 * @throws ApiError; the signal's reason when aborted
	 */
	async newest(
		span: Span,
		signal: AbortSignal,
	): Promise<{ readonly views: readonly RunView[]; readonly isFull: boolean }> {
		return await this.#page.adapt((limit) => this.#read({}, span, limit, signal));
	}

	/**
	 * As many of the run's newest heartbeats as tell its cadence.
	 *
	 * @throws ApiError; the signal's reason when aborted
	 */
	async ofRun({ runId, labels }: RunView, { sinceMs, untilMs }: Span, signal: AbortSignal): Promise<StoredBeats> {
		const filter = { resource: { id: [`${flowRunEventPrefix}${runId}`] } };
		// A worker's clock may be ahead.
		const span = { sinceMs, untilMs: untilMs + aheadMsMax };
		const { views } = await this.#page.adapt((limit) =>
			this.#read(filter, span, Math.min(limit, cadenceBeatsMax), signal),
		);
		const occurredMs = new Set(views.flatMap(({ beat }) => beat?.occurredMs ?? []));
		const { deploymentId, clientVersion } = labels;
		return { runId, deploymentId, clientVersion, occurredMs: [...occurredMs].sort((a, b) => a - b) };
	}

	async #read(
		some: object,
		{ sinceMs, untilMs }: Span,
		limit: number,
		signal: AbortSignal,
	): Promise<{ readonly views: readonly RunView[]; readonly isFull: boolean }> {
		const filter = {
			event: { name: [heartbeatEvent] },
			...some,
			occurred: { since: new Date(sinceMs).toISOString(), until: new Date(untilMs).toISOString() },
			order: "DESC",
		};
		const asked = { path: "/events/filter", body: { filter, limit }, rows: limit, schema: eventPageSchema } as const;
		const call = { endpoint: "events", method: "POST", ...asked, retries: false, isIdle: true } as const;
		const { events, next_page } = (await this.#transport.call(call, signal)).value;
		return { views: readEventRows(events, this.#reporter).views, isFull: (next_page ?? null) !== null };
	}
}
