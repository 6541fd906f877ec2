import { eventPages, eventsPageRowsMax } from "./event-pages.ts";
import { eventSchema, type PrefectEvent } from "./event-schema.ts";
import { PageSize } from "./page-size.ts";
import { aheadMsMax, plausibleMs, timestampMs } from "./timestamp.ts";
import { flowRunEventPrefix } from "./to-input.ts";
import type { Transport } from "./transport.ts";

export interface HistoryPart {
	/** Each event once, in no order. */
	readonly events: readonly StoredEvent[];
	/** All that occurred before has been read. */
	readonly untilMs: number;
	/** Events of the part that could not be read, or whose times make no sense. */
	readonly unread: number;
}

export interface StoredEvent {
	/** When the server got it, server's clock: so it came over the socket. */
	readonly receivedMs: number;
	readonly event: PrefectEvent;
}

/**
 * The server counts all that match before it gives a first page, and skips what earlier pages held: pages of a long time
 * cost it their square. So time is read in short spans, each of about ten pages.
 */
const spanEventsWanted = 500;
const spanMsFirst = 60_000;
const spanMsMin = 1_000;
const spanMsMax = 3_600_000;
/** From one span to the next. */
const growthMax = 8;

/** All events of flow runs that a server has stored, the oldest first. */
export class StoredHistory {
	readonly #transport: Transport;
	readonly #page = new PageSize(eventsPageRowsMax);

	/** @param transport keeps the budget of requests */
	constructor(transport: Transport) {
		this.#transport = transport;
	}

	/**
	 * What occurred between, by the workers' clocks, milliseconds since the epoch; of the last part also what is ahead.
	 *
	 * @throws ApiError; the signal's reason when aborted
	 */
	async *read(
		{ sinceMs, untilMs }: { readonly sinceMs: number; readonly untilMs: number },
		signal: AbortSignal,
	): AsyncGenerator<HistoryPart> {
		let spanMs = spanMsFirst;
		// Both ends of a span belong to it, so an event may be of two.
		let known: ReadonlySet<string> = new Set();
		for (let fromMs = sinceMs; fromMs < untilMs; ) {
			const toMs = Math.min(untilMs, fromMs + spanMs);
			const part = await this.#part(fromMs, toMs < untilMs ? toMs : untilMs + aheadMsMax, known, signal);
			yield { ...part, untilMs: toMs };
			known = new Set(part.events.map(({ event }) => event.id));
			const wantedMs = (spanMs * spanEventsWanted) / Math.max(1, part.events.length);
			const nextMs = Math.min(spanMs * growthMax, Math.max(spanMs / growthMax, wantedMs));
			spanMs = Math.round(Math.min(spanMsMax, Math.max(spanMsMin, nextMs)));
			fromMs = toMs;
		}
	}

	async #part(
		fromMs: number,
		toMs: number,
		known: ReadonlySet<string>,
		signal: AbortSignal,
	): Promise<Omit<HistoryPart, "untilMs">> {
		const filter = {
			event: { prefix: [flowRunEventPrefix] },
			occurred: { since: new Date(fromMs).toISOString(), until: new Date(toMs).toISOString() },
			order: "ASC",
		};
		const events = new Map<string, StoredEvent>();
		let unread = 0;
		for await (const { rows } of eventPages(this.#transport, this.#page, filter, signal)) {
			for (const row of rows) {
				const { data: event } = eventSchema.safeParse(row);
				const receivedMs = timestampMs(event?.received) ?? plausibleMs(event?.occurred, null);
				if (event === undefined || receivedMs === null) unread += 1;
				else if (!known.has(event.id)) events.set(event.id, { receivedMs, event });
			}
		}
		return { events: [...events.values()], unread };
	}
}
