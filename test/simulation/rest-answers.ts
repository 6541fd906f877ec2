import type { PoolWorkers } from "./pool-workers.ts";
import { type AcceptedBeat, type SetState, type SimRun, stateOf } from "./run.ts";
import { flowRunJson, isoOf, type SimEvent, type SimServer } from "./server.ts";
import type { Timeline } from "./timeline.ts";
import { epochMs } from "./units.ts";

interface EventFilter {
	readonly event?: { readonly name?: readonly string[]; readonly prefix?: readonly string[] };
	readonly resource?: { readonly id?: readonly string[]; readonly distinct?: boolean };
	readonly occurred?: { readonly since?: string; readonly until?: string };
	readonly order?: "ASC" | "DESC";
}

interface RunFilter {
	readonly id?: { readonly any_?: readonly string[] };
	readonly state?: {
		readonly type?: { readonly any_?: readonly string[] };
		readonly name?: { readonly any_?: readonly string[] };
	};
}

interface Body {
	readonly flow_runs?: RunFilter;
	readonly task_runs?: { readonly id?: { readonly any_?: readonly string[] } };
	readonly logs?: { readonly flow_run_id: { readonly any_: readonly string[] } };
	readonly filter?: EventFilter;
	readonly limit?: number;
	readonly offset?: number;
}

/** What REST last said of a run to somebody who asked about it by its id. */
export interface Said {
	readonly atMs: number;
	/** Null: it does not know the run. */
	readonly state: SetState | null;
	/** The newest stored heartbeat of all, whatever was asked for. */
	readonly newestBeat: AcceptedBeat | null;
}

/** Prefect's REST API as far as the daemon asks it. */
export class RestAnswers {
	readonly #server: SimServer;
	readonly #timeline: Timeline;
	readonly #pools: PoolWorkers;
	readonly #pages = new Map<string, { readonly rest: readonly SimEvent[]; readonly limit: number }>();
	readonly #said = new Map<string, Said>();
	#tokens = 0;
	/** When somebody last read what is stored of all runs. */
	readMs = Number.NEGATIVE_INFINITY;

	constructor(parts: { server: SimServer; timeline: Timeline; pools: PoolWorkers }) {
		this.#server = parts.server;
		this.#timeline = parts.timeline;
		this.#pools = parts.pools;
	}

	/** Null: nobody has asked about it yet. */
	said(runId: string): Said | null {
		return this.#said.get(runId) ?? null;
	}

	/** The JSON of an answer; undefined: there is no such path. */
	answer(path: string, json: unknown): unknown {
		const { pathname, searchParams } = new URL(path, "http://simulated");
		const body = (json ?? {}) as Body;
		switch (pathname) {
			case "/health":
				return true;
			case "/flow_runs/filter":
				return this.#flowRuns(body);
			case "/events/filter":
				return this.#events(body.filter ?? {}, body.limit ?? 50);
			case "/events/filter/next":
				return this.#nextEvents(searchParams.get("page-token") ?? "");
			case "/logs/filter":
				return (body.logs?.flow_run_id.any_ ?? []).flatMap((id) => this.#newestLog(id));
			case "/task_runs/filter":
				return (body.task_runs?.id?.any_ ?? []).flatMap((id) => {
					const flowRunId = this.#server.taskRuns.get(id);
					return flowRunId === undefined ? [] : { id, flow_run_id: flowRunId, state: null };
				});
			case "/flows/filter":
			case "/deployments/filter":
			case "/work_pools/filter":
			case "/v2/concurrency_limits/filter":
				return [];
			case "/flow_runs/count":
				return 0;
			default:
				return this.#workers(pathname, body.limit ?? 200);
		}
	}

	#workers(pathname: string, limit: number): readonly object[] | undefined {
		const [, pool] = /^\/work_pools\/([^/]+)\/workers\/filter$/u.exec(pathname) ?? [];
		return pool === undefined ? undefined : this.#pools.listed(decodeURIComponent(pool)).slice(0, limit);
	}

	#flowRuns(body: Body): readonly object[] {
		const { id, state } = body.flow_runs ?? {};
		if (id?.any_ !== undefined) return id.any_.flatMap((runId) => this.#byId(runId));
		const types = state?.type?.any_ ?? [];
		const names = state?.name?.any_ ?? [];
		const offset = body.offset ?? 0;
		return [...this.#server.runs.values()]
			.filter((run) => {
				const current = stateOf(run);
				if (current === null || run.deletedMs !== null) return false;
				return types.includes(current.type) || names.includes(current.name);
			})
			.toSorted((a, b) => (a.id < b.id ? 1 : -1))
			.slice(offset, offset + (body.limit ?? 200))
			.map(flowRunJson);
	}

	#byId(runId: string): readonly object[] {
		const { nowMs } = this.#timeline;
		const run = this.#server.runs.get(runId);
		const isKnown = run !== undefined && run.deletedMs === null;
		const newestBeat = run?.accepted.findLast(({ visibleMs }) => visibleMs <= nowMs) ?? null;
		this.#said.set(runId, { atMs: nowMs, state: isKnown ? stateOf(run) : null, newestBeat });
		return isKnown ? [flowRunJson(run)] : [];
	}

	#events(filter: EventFilter, limit: number): object {
		const { nowMs } = this.#timeline;
		const since = Date.parse(filter.occurred?.since ?? "1970-01-01T00:00:00Z");
		const until = Date.parse(filter.occurred?.until ?? "9999-01-01T00:00:00Z");
		const isAsked = (event: SimEvent): boolean =>
			event.visibleMs <= nowMs && event.occurredMs >= since && event.occurredMs <= until;
		const sign = filter.order === "ASC" ? 1 : -1;
		const found = this.#candidates(filter).filter(isAsked);
		found.sort((a, b) => sign * (a.occurredMs - b.occurredMs));
		return this.#page(filter.resource?.distinct === true ? firstOfEach(found) : found, limit);
	}

	/** All questions but those about heartbeats are about all events of flow runs. */
	#candidates({ event, resource }: EventFilter): readonly SimEvent[] {
		if (event?.name?.includes("prefect.flow-run.heartbeat") !== true) {
			this.readMs = this.#timeline.nowMs;
			return this.#server.events;
		}
		return (resource?.id ?? []).flatMap((id) => this.#server.beatsOf.get(id.slice("prefect.flow-run.".length)) ?? []);
	}

	#nextEvents(token: string): object {
		const { rest, limit } = this.#pages.get(token) ?? { rest: [], limit: 50 };
		this.#pages.delete(token);
		return this.#page(rest, limit);
	}

	#page(found: readonly SimEvent[], limit: number): object {
		const rest = found.slice(limit);
		let nextPage: string | null = null;
		if (rest.length > 0) {
			this.#tokens += 1;
			this.#pages.set(String(this.#tokens), { rest, limit });
			nextPage = `http://inside:4200/api/events/filter/next?page-token=${this.#tokens}`;
		}
		return { events: found.slice(0, limit).map(({ json }) => json), total: found.length, next_page: nextPage };
	}

	#newestLog(runId: string): readonly object[] {
		const run: SimRun | undefined = this.#server.runs.get(runId);
		const atMs = run?.lastLogMs(this.#timeline.nowMs) ?? null;
		if (run === undefined || atMs === null) return [];
		return [{ flow_run_id: runId, timestamp: isoOf(epochMs + atMs + run.skewMs) }];
	}
}

function firstOfEach(events: readonly SimEvent[]): readonly SimEvent[] {
	const seen = new Set<string>();
	return events.filter(({ runId }) => !seen.has(runId) && seen.add(runId));
}
