import { type ApiRun, eventOf, type IncidentLine } from "./incident-file.ts";
import { isNewer, runOfStateEvent } from "./recorded-runs.ts";
import type { Story } from "./story.ts";

interface StoredEvent {
	readonly id: string;
	readonly name: string;
	readonly resourceId: string;
	readonly occurredMs: number;
	/** In the order in which they were stored. */
	readonly place: number;
	/** As text, which takes a fraction of the room: a story may have 200,000. */
	readonly json: string;
}

/** What a REST call of ours may ask, as far as an incident can answer it. */
interface EventFilter {
	readonly event?: { readonly name?: readonly string[]; readonly prefix?: readonly string[] };
	readonly resource?: { readonly id?: readonly string[]; readonly distinct?: boolean };
	readonly related?: { readonly id?: readonly string[] };
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

/**
 * Prefect's server as an incident's lines make it: what it has stored so far, and what REST answers from that. Holds no
 * more than the file has said up to now.
 */
export class PlayedServer {
	readonly #runsFromEvents: boolean;
	readonly #runs = new Map<string, ApiRun>();
	readonly #events: StoredEvent[] = [];
	readonly #eventsOf = new Map<string, StoredEvent[]>();
	/** As REST lists them; null: they have changed since. */
	#listed: readonly ApiRun[] | null = null;
	readonly #eventIds = new Set<string>();
	/** The newest log line of each run. */
	readonly #logs = new Map<string, string>();
	/** Flow runs by the task runs that belong to them. */
	readonly #taskRuns = new Map<string, string>();
	/** What is said of a pool's workers, by its name. */
	readonly #workers = new Map<string, string>();
	readonly #pages = new Map<string, readonly StoredEvent[]>();

	/** False while every call fails with 503. */
	restUp = true;

	constructor({ runsFromEvents, opening }: Pick<Story, "runsFromEvents" | "opening">) {
		this.#runsFromEvents = runsFromEvents;
		for (const run of opening) this.#runs.set(run.id, run);
	}

	/** Takes in what the server knows from this line on. Frames are stored as well: what is sent is kept. */
	learn(line: IncidentLine): void {
		if (line.api !== undefined) this.#putRun(line.api.id.toLowerCase(), line.api);
		const event = eventOf(line);
		if (event !== undefined) this.#store(event);
		if (line.log !== undefined) this.#logs.set(line.log.flow_run_id.toLowerCase(), line.log.timestamp);
		if (line.task_run !== undefined) this.#taskRuns.set(line.task_run.id.toLowerCase(), line.task_run.flow_run_id);
		if (line.workers !== undefined) this.#workers.set(line.workers.work_pool_name, line.workers.status);
		if (line.rest !== undefined) this.restUp = line.rest === "up";
	}

	/** The JSON of an answer; undefined: this server knows no such path. */
	answer(path: string, body: unknown): unknown {
		const { pathname, searchParams } = new URL(path, "http://played");
		switch (pathname) {
			case "/health":
				return true;
			case "/flow_runs/filter":
				return this.#flowRuns(body as { flow_runs?: RunFilter; limit?: number; offset?: number });
			case "/events/filter":
				return this.#firstEvents(body as { filter: EventFilter; limit: number });
			case "/events/filter/next":
				return this.#nextEvents(searchParams.get("page-token") ?? "");
			case "/logs/filter":
				return this.#newestLogs(body as { logs: { flow_run_id: { any_: readonly string[] } } });
			case "/task_runs/filter":
				return this.#taskRunRows(body as { task_runs?: { id?: { any_?: readonly string[] } } });
			case "/flows/filter":
			case "/deployments/filter":
			case "/work_pools/filter":
			case "/v2/concurrency_limits/filter":
				return [];
			case "/flow_runs/count":
				return 0;
			default:
				return this.#workersOf(/^\/work_pools\/([^/]+)\/workers\/filter$/u.exec(pathname)?.[1]);
		}
	}

	#workersOf(poolInPath: string | undefined): unknown[] | undefined {
		if (poolInPath === undefined) return undefined;
		const status = this.#workers.get(decodeURIComponent(poolInPath));
		return status === undefined ? [] : [{ status }];
	}

	#putRun(id: string, run: ApiRun): void {
		this.#runs.set(id, run);
		this.#listed = null;
	}

	#store(event: Readonly<Record<string, unknown>>): void {
		const id = String(event.id);
		if (this.#eventIds.has(id)) return;
		this.#eventIds.add(id);
		const resource = event.resource as Readonly<Record<string, unknown>> | undefined;
		const stored = {
			id,
			name: String(event.event),
			resourceId: String(resource?.["prefect.resource.id"]),
			occurredMs: Date.parse(String(event.occurred)),
			place: this.#events.length,
			json: JSON.stringify(event),
		};
		this.#events.push(stored);
		const ofResource = this.#eventsOf.get(stored.resourceId);
		if (ofResource === undefined) this.#eventsOf.set(stored.resourceId, [stored]);
		else ofResource.push(stored);
		const run = this.#runsFromEvents ? runOfStateEvent(event) : null;
		if (run !== null && isNewer(run, this.#runs.get(run.id))) this.#putRun(run.id, run);
	}

	#flowRuns(body: { flow_runs?: RunFilter; limit?: number; offset?: number }): unknown[] {
		const { id, state } = body.flow_runs ?? {};
		const wanted =
			id?.any_ === undefined
				? this.#allRuns()
				: byId(id.any_.flatMap((one) => this.#runs.get(one.toLowerCase()) ?? []));
		const types = state?.type?.any_;
		const names = state?.name?.any_;
		const rows = wanted.filter(
			(run) =>
				(types === undefined && names === undefined) ||
				types?.includes(run.state_type) === true ||
				names?.includes(run.state_name) === true,
		);
		const offset = body.offset ?? 0;
		return rows.slice(offset, offset + (body.limit ?? 200)).map(flowRunJson);
	}

	#allRuns(): readonly ApiRun[] {
		this.#listed ??= byId([...this.#runs.values()]);
		return this.#listed;
	}

	/** Of these resources; undefined: of all. */
	#eventsOn(resourceIds: readonly string[] | undefined): readonly StoredEvent[] {
		if (resourceIds === undefined) return this.#events;
		return [...new Set(resourceIds)]
			.flatMap((one) => this.#eventsOf.get(one) ?? [])
			.sort((one, other) => one.place - other.place);
	}

	#firstEvents({ filter, limit }: { filter: EventFilter; limit: number }): unknown {
		const found = this.#eventsOn(filter.resource?.id).filter((event) => matches(event, filter));
		const sign = filter.order === "ASC" ? 1 : -1;
		found.sort((a, b) => sign * (a.occurredMs - b.occurredMs));
		return this.#page(filter.resource?.distinct === true ? firstOfEach(found) : found, limit);
	}

	#nextEvents(token: string): unknown {
		const [, limit] = token.split(".");
		const rest = this.#pages.get(token) ?? [];
		this.#pages.delete(token);
		return this.#page(rest, Number(limit));
	}

	/** One line a run is enough: the newest is what is looked for. */
	#newestLogs({ logs }: { logs: { flow_run_id: { any_: readonly string[] } } }): unknown[] {
		return logs.flow_run_id.any_.flatMap((id) => {
			const timestamp = this.#logs.get(id);
			return timestamp === undefined ? [] : { flow_run_id: id, timestamp };
		});
	}

	/** By their own ids alone: an incident tells no task run's states. */
	#taskRunRows({ task_runs }: { task_runs?: { id?: { any_?: readonly string[] } } }): unknown[] {
		return (task_runs?.id?.any_ ?? []).flatMap((id) => {
			const flowRunId = this.#taskRuns.get(id.toLowerCase());
			return flowRunId === undefined ? [] : { id, flow_run_id: flowRunId, state: null };
		});
	}

	#page(found: readonly StoredEvent[], limit: number): unknown {
		const rest = found.slice(limit);
		const token = `${this.#pages.size}-${rest.length}.${limit}`;
		if (rest.length > 0) this.#pages.set(token, rest);
		return {
			events: found.slice(0, limit).map((event) => JSON.parse(event.json)),
			total: found.length,
			next_page: rest.length > 0 ? `http://played/api/events/filter/next?page-token=${token}` : null,
		};
	}
}

function matches(event: StoredEvent, filter: EventFilter): boolean {
	const { name, prefix } = filter.event ?? {};
	if (name !== undefined && !name.includes(event.name)) return false;
	if (prefix !== undefined && !prefix.some((start) => event.name.startsWith(start))) return false;
	if (!namesAny(event, filter.related?.id)) return false;
	const { since, until } = filter.occurred ?? {};
	if (since !== undefined && event.occurredMs < Date.parse(since)) return false;
	return until === undefined || event.occurredMs <= Date.parse(until);
}

function byId(runs: readonly ApiRun[]): readonly ApiRun[] {
	return runs.toSorted((a, b) => (a.id < b.id ? 1 : -1));
}

function namesAny({ json }: StoredEvent, ids: readonly string[] | undefined): boolean {
	if (ids === undefined) return true;
	const { related } = JSON.parse(json) as { readonly related?: unknown };
	const all = Array.isArray(related) ? (related as readonly (Record<string, unknown> | null)[]) : [];
	return all.some((one) => ids.includes(String(one?.["prefect.resource.id"])));
}

function firstOfEach(events: readonly StoredEvent[]): readonly StoredEvent[] {
	const seen = new Set<string>();
	return events.filter(({ resourceId }) => !seen.has(resourceId) && seen.add(resourceId));
}

/** As REST sends it. */
export function flowRunJson(run: ApiRun): unknown {
	return {
		id: run.id,
		name: run.name,
		flow_id: run.flow_id,
		deployment_id: run.deployment_id,
		work_pool_name: run.work_pool_name,
		parent_task_run_id: null,
		tags: run.tags,
		run_count: run.run_count,
		state_type: run.state_type,
		state_name: run.state_name,
		state: {
			id: run.state_id,
			type: run.state_type,
			name: run.state_name,
			timestamp: run.state_timestamp,
			state_details: { scheduled_time: run.scheduled_time },
		},
	};
}
