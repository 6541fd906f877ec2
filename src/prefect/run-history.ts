import type { RunView } from "../core/run.ts";
import type { Reporter } from "../observe/reporter.ts";
import { eventPages, eventsPageRowsMax } from "./event-pages.ts";
import { PageSize } from "./page-size.ts";
import { readEventRows } from "./row-reading.ts";
import { farFuture } from "./timestamp.ts";
import { flowRunEventPrefix } from "./to-input.ts";
import type { Transport } from "./transport.ts";

/** Four pages: ten hours of a run that beats every 180 s, and a picture has no room for more. */
const pagesMax = 4;

/** What the server has stored of one run: its states and heartbeats. */
export class RunHistory {
	readonly #transport: Transport;
	readonly #reporter: Reporter;
	readonly #page = new PageSize(eventsPageRowsMax);

	constructor(options: { transport: Transport; reporter: Reporter }) {
		const { transport } = options;
		// Somebody looks at a page: that this fails says nothing of the watching, and a retry comes with the next look.
		this.#transport = {
			call: async (call, signal) => await transport.call({ ...call, retries: false, isIdle: true }, signal),
		};
		this.#reporter = options.reporter;
	}

	/**
	 * The newest of them, in no order.
	 *
	 * @param sinceMs by the worker's clock
	 * @throws ApiError; the signal's reason when aborted
	 */
	async of(runId: string, sinceMs: number, signal: AbortSignal): Promise<readonly RunView[]> {
		const filter = {
			event: { prefix: [flowRunEventPrefix] },
			resource: { id: [`${flowRunEventPrefix}${runId}`] },
			occurred: { since: new Date(sinceMs).toISOString(), until: farFuture },
			order: "DESC",
		};
		const views: RunView[] = [];
		let pages = 0;
		for await (const { rows } of eventPages(this.#transport, this.#page, filter, signal)) {
			views.push(...readEventRows(rows, this.#reporter).views);
			pages += 1;
			if (pages >= pagesMax) break;
		}
		return views;
	}
}
