import type { z } from "zod";
import { eventPageSchema } from "./event-schema.ts";
import type { PageSize } from "./page-size.ts";
import type { Transport } from "./transport.ts";

/** `INTERACTIVE_PAGE_SIZE` of Prefect's server. */
export const eventsPageRowsMax = 50;

export interface EventRows {
	readonly rows: readonly unknown[];
	/** More is stored than this page and those before it. */
	readonly hasMore: boolean;
}

type EventPage = z.infer<typeof eventPageSchema>;

/** Stored events that match, page after page, until there are no more or the caller stops. */
export async function* eventPages(
	transport: Transport,
	size: PageSize,
	filter: object,
	signal: AbortSignal,
): AsyncGenerator<EventRows> {
	let page = await size.adapt((limit) => firstPage(transport, filter, limit, signal));
	for (;;) {
		const token = pageTokenOf(page.next_page ?? null);
		yield { rows: page.events, hasMore: token !== null };
		if (token === null) {
			return;
		}
		page = await nextPage(transport, token, signal);
	}
}

async function firstPage(transport: Transport, filter: object, limit: number, signal: AbortSignal): Promise<EventPage> {
	const asked = { path: "/events/filter", body: { filter, limit }, rows: limit };
	const call = { endpoint: "events", method: "POST", ...asked, schema: eventPageSchema, retries: true } as const;
	return (await transport.call(call, signal)).value;
}

async function nextPage(transport: Transport, token: string, signal: AbortSignal): Promise<EventPage> {
	const path = `/events/filter/next?page-token=${encodeURIComponent(token)}`;
	const call = { endpoint: "events", method: "GET", path, schema: eventPageSchema, retries: true } as const;
	return (await transport.call(call, signal)).value;
}

/** `next_page` names the server by its own idea of its address; only the token is good from here. */
export function pageTokenOf(nextPage: string | null): string | null {
	const raw = /[?&]page-token=([^&#]+)/u.exec(nextPage ?? "")?.[1] ?? null;
	try {
		// Not URLSearchParams: Prefect writes base64 without escapes, and a "+" must not become a space.
		return raw === null ? null : decodeURIComponent(raw);
	} catch {
		return raw;
	}
}
