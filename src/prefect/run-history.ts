import { z } from "zod";
import type { RunView } from "../core/run.ts";
import type { Clock } from "../lib/clock.ts";
import type { Reporter } from "../observe/reporter.ts";
import { eventPages, eventsPageRowsMax } from "./event-pages.ts";
import { PageSize } from "./page-size.ts";
import { readEventRows, readRunRows } from "./row-reading.ts";
import { farFuture } from "./timestamp.ts";
import { flowRunEventPrefix } from "./to-input.ts";
import type { Transport } from "./transport.ts";

/** Four pages: ten hours of a run that beats every 180 s, and a picture has no room for more. */
const pagesMax = 4;

/** Runs of one name that are told; more are nobody's reading. */
const namesakesMax = 20;
const rowsSchema = z.array(z.unknown());

export interface RunHistoryOptions {
	readonly transport: Transport;
	readonly reporter: Reporter;
	readonly clock: Clock;
	/** Adds the names of flows and deployments. */
	readonly withNames: (views: readonly RunView[], signal: AbortSignal) => Promise<readonly RunView[]>;
}

/** What the server has stored of one run: its states and heartbeats. */
export class RunHistory {
	readonly #transport: Transport;
	readonly #reporter: Reporter;
	readonly #clock: Clock;
	readonly #withNames: RunHistoryOptions["withNames"];
	readonly #page = new PageSize(eventsPageRowsMax);

	constructor(options: RunHistoryOptions) {
		const { transport } = options;
		// Somebody looks at a page: that this fails says nothing of the watching, and a retry comes with the next look.
		this.#transport = {
			call: async (call, signal) => await transport.call({ ...call, retries: false, isIdle: true }, signal),
		};
		this.#reporter = options.reporter;
		this.#clock = options.clock;
		this.#withNames = options.withNames;
	}

	/**
	 * The runs of this name, the latest first: names are not unique.
	 *
	 * @throws ApiError; the signal's reason when aborted
	 */
	async named(name: string, signal: AbortSignal): Promise<readonly RunView[]> {
		const views = await this.#runs({ name: { any_: [name] } }, namesakesMax, signal);
		// A server that does not know the filter answers with whatever it has.
		return views.filter(({ labels }) => labels.name === name);
	}

	/** What the server says of it now; null: it knows no such run. @throws ApiError; the signal's reason when aborted */
	async run(runId: string, signal: AbortSignal): Promise<RunView | null> {
		return (await this.#runs({ id: { any_: [runId] } }, 1, signal))[0] ?? null;
	}

	async #runs(filter: object, limit: number, signal: AbortSignal): Promise<readonly RunView[]> {
		const body = { flow_runs: filter, sort: "EXPECTED_START_TIME_DESC", limit };
		const asked = { path: "/flow_runs/filter", body, rows: limit, schema: rowsSchema };
		const call = { endpoint: "flow_runs", method: "POST", ...asked, retries: false } as const;
		const { value, serverDateMs } = await this.#transport.call(call, signal);
		const { views } = readRunRows(value, serverDateMs ?? this.#clock.now().wallMs, this.#reporter);
		return await this.#withNames(views, signal);
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
