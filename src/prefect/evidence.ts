import { z } from "zod";
import type { Inquiry } from "../core/input.ts";
import type { BeatView } from "../core/run.ts";
import type { Reporter } from "../observe/reporter.ts";
import { eventPages } from "./event-pages.ts";
import { uuidSchema } from "./event-schema.ts";
import type { PageSize } from "./page-size.ts";
import { readEventRows } from "./row-reading.ts";
import { farFuture, timestampMs } from "./timestamp.ts";
import { flowRunEventPrefix, heartbeatEvent } from "./to-input.ts";
import type { Transport } from "./transport.ts";

const rowsSchema = z.array(z.unknown());
const logRowSchema = z.object({ flow_run_id: uuidSchema, timestamp: z.unknown() });
const taskRunRowSchema = z.object({
	id: uuidSchema,
	flow_run_id: uuidSchema.nullish(),
	state: z.object({ timestamp: z.unknown().optional() }).nullish(),
});
/** Task runs asked about at once: as many as a page holds on a server that allows few. */
const taskRunIdsMax = 50;
/** Beats before the newest, of a run that was never heard: eight deltas tell its cadence. */
const earlierBeatsMax = 9;

/** What REST knows beside states and newest beats: log lines, task runs, parents, earlier beats. */
export class Evidence {
	readonly #transport: Transport;
	readonly #reporter: Reporter;
	readonly #eventsPage: PageSize;
	readonly #rowsPage: PageSize;

	constructor(options: { transport: Transport; reporter: Reporter; eventsPage: PageSize; rowsPage: PageSize }) {
		this.#rowsPage = options.rowsPage;
		this.#transport = options.transport;
		this.#reporter = options.reporter;
		this.#eventsPage = options.eventsPage;
	}

	/**
	 * The newest log line or task-run change of each run, by the worker's clock; runs without any are missing.
	 *
	 * @throws ApiError
	 */
	async newestSigns(inquiries: readonly Inquiry[], signal: AbortSignal): Promise<ReadonlyMap<string, number>> {
		const newest = new Map<string, number>();
		const note = (runId: string, atMs: number | null): void => {
			if (atMs !== null) newest.set(runId, Math.max(newest.get(runId) ?? atMs, atMs));
		};
		const ids = inquiries.map(({ runId }) => runId);
		if (ids.length === 0) return newest;
		const since = new Date(Math.min(...inquiries.map(({ beatsSinceMs }) => beatsSinceMs))).toISOString();
		await this.#noteLogs(ids, since, note, signal);
		await this.#noteTaskRuns(ids, note, signal);
		return newest;
	}

	/** The flow runs that task runs belong to, by the task run's id. @throws ApiError */
	async flowRunsOf(taskRunIds: readonly string[], signal: AbortSignal): Promise<ReadonlyMap<string, string>> {
		const found = new Map<string, string>();
		for (let from = 0; from < taskRunIds.length; from += taskRunIdsMax) {
			const body = { task_runs: { id: { any_: taskRunIds.slice(from, from + taskRunIdsMax) } } };
			for (const row of (await this.#rows("task_runs", "/task_runs/filter", body, signal)).rows) {
				const parsed = taskRunRowSchema.safeParse(row);
				if (parsed.success && parsed.data.flow_run_id != null) found.set(parsed.data.id, parsed.data.flow_run_id);
			}
		}
		return found;
	}

	/** The newest stored beats of one run, the newest first. @throws ApiError */
	async storedBeats({ runId, beatsSinceMs }: Inquiry, signal: AbortSignal): Promise<readonly BeatView[]> {
		const filter = {
			event: { name: [heartbeatEvent] },
			resource: { id: [`${flowRunEventPrefix}${runId}`] },
			occurred: { since: new Date(beatsSinceMs).toISOString(), until: farFuture },
			order: "DESC",
		};
		for await (const { rows } of eventPages(this.#transport, this.#eventsPage, filter, signal)) {
			const { views } = readEventRows(rows.slice(0, earlierBeatsMax), this.#reporter);
			return views.flatMap(({ beat }) => beat ?? []);
		}
		return [];
	}

	async #noteLogs(
		ids: readonly string[],
		since: string,
		note: (runId: string, atMs: number | null) => void,
		signal: AbortSignal,
	): Promise<void> {
		const seen = new Set<string>();
		const logs = { flow_run_id: { any_: ids }, timestamp: { after_: since } };
		const { rows, isFull } = await this.#rows("logs", "/logs/filter", { logs, sort: "TIMESTAMP_DESC" }, signal);
		for (const row of rows) {
			const parsed = logRowSchema.safeParse(row);
			if (!parsed.success) continue;
			seen.add(parsed.data.flow_run_id);
			note(parsed.data.flow_run_id, timestampMs(parsed.data.timestamp));
		}
		// Newest first, of all runs together: one chatty run may fill the page, the others are then asked for alone.
		const hidden = !isFull || ids.length === 1 ? [] : ids.filter((id) => !seen.has(id));
		for (const id of hidden) await this.#noteLogs([id], since, note, signal);
	}

	async #noteTaskRuns(
		ids: readonly string[],
		note: (runId: string, atMs: number | null) => void,
		signal: AbortSignal,
	): Promise<void> {
		const body = { flow_runs: { id: { any_: ids } }, sort: "EXPECTED_START_TIME_DESC" };
		for (const row of (await this.#rows("task_runs", "/task_runs/filter", body, signal)).rows) {
			const parsed = taskRunRowSchema.safeParse(row);
			if (parsed.success && parsed.data.flow_run_id != null) {
				note(parsed.data.flow_run_id, timestampMs(parsed.data.state?.timestamp));
			}
		}
	}

	async #rows(
		endpoint: "logs" | "task_runs",
		path: string,
		body: object,
		signal: AbortSignal,
	): Promise<{ readonly rows: readonly unknown[]; readonly isFull: boolean }> {
		return await this.#rowsPage.adapt(async (limit) => {
			const asked = { path, body: { ...body, limit }, rows: limit };
			const call = { endpoint, method: "POST", ...asked, schema: rowsSchema, retries: true } as const;
			const rows = (await this.#transport.call(call, signal)).value;
			return { rows, isFull: rows.length >= limit };
		});
	}
}
