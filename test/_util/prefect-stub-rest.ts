import type { EventJson, RunJson } from "./prefect-events.ts";

/** What the stub's REST side and its socket know together. */
export interface StubWorld {
	readonly runs: Map<string, RunJson>;
	readonly flows: Map<string, string>;
	readonly deployments: Map<string, string>;
	readonly stored: EventJson[];
	readonly logs: { readonly flow_run_id: string; readonly timestamp: string }[];
	readonly taskRuns: {
		readonly id: string;
		readonly flow_run_id: string;
		readonly state: { readonly timestamp: string };
		readonly tags?: readonly string[];
	}[];
	readonly limits?: StubLimits;
	/** Workers' states by the name of their pool. */
	readonly workers: Map<string, readonly string[]>;
	nowMs(): number;
	/** `PREFECT_SERVER_API_DEFAULT_LIMIT` */
	pageRowsMax: number;
	eventsPageRowsMax: number;
}

/** What limits how many runs go on at once. */
export interface StubLimits {
	/** What a row of a deployment says beside its name. */
	readonly deployments: Map<string, Json>;
	readonly workPools: NamedJson[];
	/** By the name of their pool. */
	readonly workQueues: Map<string, readonly NamedJson[]>;
	/** By name, those of tags included. */
	readonly named: NamedJson[];
}

export interface StubAnswer {
	readonly status: number;
	readonly body: unknown;
}

type Json = Readonly<Record<string, unknown>>;
type NamedJson = Json & { readonly name: string };

/** Answers as Prefect's server does, traps included. Null: no such route. */
export function answerRest(world: StubWorld, method: string, url: URL, body: Json | null): StubAnswer | null {
	const route = `${method} ${url.pathname.replace(/^.*?\/api/u, "")}`;
	switch (route) {
		case "GET /health":
		case "GET /ready":
			return { status: 200, body: true };
		case "GET /admin/version":
			return { status: 200, body: '"3.8.8"' };
		case "POST /flow_runs/filter":
			return filterRuns(world, body ?? {});
		case "POST /flow_runs/count":
			return countRuns(world, body ?? {});
		case "POST /work_pools/filter":
			return filterNamed(world, world.limits?.workPools ?? [], body?.work_pools, body?.limit);
		case "POST /v2/concurrency_limits/filter":
			return filterNamed(world, world.limits?.named ?? [], undefined, body?.limit);
		case "POST /flows/filter":
			return filterNames(world, world.flows, body?.flows, body?.limit);
		case "POST /deployments/filter":
			return filterDeployments(world, body ?? {});
		case "POST /logs/filter":
			return filterLogs(world, body ?? {});
		case "POST /task_runs/filter":
			return filterTaskRuns(world, body ?? {});
		case "POST /events":
			return { status: 204, body: "" };
		case "POST /events/filter":
			return firstEvents(world, body ?? {});
		case "GET /events/filter/next":
			return nextEvents(world, url.searchParams.get("page-token") ?? "");
		default:
			return filterQueues(world, route, body ?? {}) ?? filterWorkers(world, route, body ?? {});
	}
}

function filterQueues(world: StubWorld, route: string, body: Json): StubAnswer | null {
	const inPath = /^POST \/work_pools\/([^/]+)\/queues\/filter$/u.exec(route)?.[1];
	if (inPath === undefined) {
		return null;
	}
	const queues = world.limits?.workQueues.get(decodeURIComponent(inPath)) ?? [];
	return filterNamed(world, queues, body.work_queues, body.limit);
}

function filterNamed(world: StubWorld, all: readonly NamedJson[], filter: unknown, limitGiven: unknown): StubAnswer {
	const limit = limitOf(limitGiven, world.pageRowsMax);
	if (limit === null) {
		return limitRefusal(world.pageRowsMax);
	}
	const names = (filter as { name?: { any_?: string[] } } | undefined)?.name?.any_;
	return { status: 200, body: all.filter(({ name }) => names?.includes(name) ?? true).slice(0, limit) };
}

function filterDeployments(world: StubWorld, body: Json): StubAnswer {
	const { status, body: rows } = filterNames(world, world.deployments, body.deployments, body.limit);
	if (status !== 200) {
		return { status, body: rows };
	}
	return {
		status,
		body: (rows as readonly { id: string }[]).map((row) => ({ ...row, ...world.limits?.deployments.get(row.id) })),
	};
}

function countRuns(world: StubWorld, body: Json): StubAnswer {
	const { flow_runs: runs, work_pools: pools } = body as {
		flow_runs: { state: StateFilter; deployment_id?: { any_: string[] } };
		work_pools?: { name: { any_: string[] } };
	};
	const matching = [...world.runs.values()]
		.filter((run) => matchesState(run, runs.state))
		.filter((run) => runs.deployment_id?.any_.includes(run.deployment_id ?? "") ?? true)
		.filter((run) => pools?.name.any_.includes(run.work_pool_name ?? "") ?? true);
	return { status: 200, body: matching.length };
}

function filterWorkers(world: StubWorld, route: string, body: Json): StubAnswer | null {
	const inPath = /^POST \/work_pools\/([^/]+)\/workers\/filter$/u.exec(route)?.[1];
	if (inPath === undefined) {
		return null;
	}
	const limit = limitOf(body.limit, world.pageRowsMax);
	if (limit === null) {
		return limitRefusal(world.pageRowsMax);
	}
	const name = decodeURIComponent(inPath);
	const rows = world.workers.get(name)?.map((status, n) => ({ name: `worker ${n}`, status }));
	return rows === undefined
		? { status: 404, body: { detail: `Work pool "${name}" not found.` } }
		: { status: 200, body: rows.slice(0, limit) };
}

function filterRuns(world: StubWorld, body: Json): StubAnswer {
	const limit = limitOf(body.limit, world.pageRowsMax);
	if (limit === null) {
		return limitRefusal(world.pageRowsMax);
	}
	const filter = (body.flow_runs ?? {}) as { id?: Ids; name?: Ids; state?: StateFilter };
	const ids = filter.id?.any_;
	const offset = Number(body.offset ?? 0);
	const rows = [...world.runs.values()]
		.filter((run) => ids === undefined || ids.includes(run.id))
		.filter((run) => filter.name?.any_?.includes(run.name) ?? true)
		.filter((run) => filter.state === undefined || matchesState(run, filter.state))
		.toSorted((a, b) => (a.id < b.id ? 1 : -1));
	return { status: 200, body: rows.slice(offset, offset + limit) };
}

function filterLogs(world: StubWorld, body: Json): StubAnswer {
	const limit = limitOf(body.limit, world.pageRowsMax);
	if (limit === null) {
		return limitRefusal(world.pageRowsMax);
	}
	const { flow_run_id, timestamp } = body.logs as { flow_run_id: { any_: string[] }; timestamp: { after_: string } };
	const rows = world.logs
		.filter((log) => flow_run_id.any_.includes(log.flow_run_id) && log.timestamp >= timestamp.after_)
		.toSorted((a, b) => (a.timestamp < b.timestamp ? 1 : -1));
	return { status: 200, body: rows.slice(0, limit) };
}

function filterTaskRuns(world: StubWorld, body: Json): StubAnswer {
	const limit = limitOf(body.limit, world.pageRowsMax);
	if (limit === null) {
		return limitRefusal(world.pageRowsMax);
	}
	const filter = body as { task_runs?: { id?: { any_: string[] } }; flow_runs?: { id: { any_: string[] } } };
	const rows = world.taskRuns
		.filter((row) => filter.task_runs?.id?.any_.includes(row.id) ?? true)
		.filter((row) => filter.flow_runs?.id.any_.includes(row.flow_run_id) ?? true);
	return { status: 200, body: rows.slice(0, limit) };
}

interface Ids {
	readonly any_?: readonly string[];
}

interface StateFilter {
	readonly operator?: "and_" | "or_";
	readonly type?: { readonly any_: readonly string[] };
	readonly name?: { readonly any_: readonly string[] };
}

function matchesState(run: RunJson, filter: StateFilter): boolean {
	const matches = [
		...(filter.type === undefined ? [] : [filter.type.any_.includes(run.state_type)]),
		...(filter.name === undefined ? [] : [filter.name.any_.includes(run.state_name)]),
	];
	return filter.operator === "or_" ? matches.some(Boolean) : matches.every(Boolean);
}

function filterNames(world: StubWorld, names: Map<string, string>, filter: unknown, limitGiven: unknown): StubAnswer {
	const limit = limitOf(limitGiven, world.pageRowsMax);
	if (limit === null) {
		return limitRefusal(world.pageRowsMax);
	}
	const ids = (filter as { id?: { any_?: string[] } } | undefined)?.id?.any_ ?? [...names.keys()];
	const rows = ids.flatMap((id) => {
		const name = names.get(id);
		return name === undefined ? [] : [{ id, name }];
	});
	return { status: 200, body: rows.slice(0, limit) };
}

function limitOf(given: unknown, most: number): number | null {
	const limit = given === undefined ? most : Number(given);
	return limit >= 0 && limit <= most ? limit : null;
}

/** The first of Prefect's two shapes of 422. */
function limitRefusal(most: number): StubAnswer {
	return { status: 422, body: { detail: `Invalid limit: must be less than or equal to ${most}.` } };
}

export interface EventFilterJson {
	readonly event?: { readonly prefix?: readonly string[]; readonly name?: readonly string[] };
	readonly resource?: { readonly id?: readonly string[]; readonly distinct?: boolean };
	readonly related?: { readonly id?: readonly string[] };
	readonly occurred?: { readonly since?: string; readonly until?: string };
	readonly order?: "ASC" | "DESC";
}

function firstEvents(world: StubWorld, body: Json): StubAnswer {
	const limit = limitOf(body.limit, world.eventsPageRowsMax);
	if (limit === null) {
		const detail = { loc: ["body", "limit"], msg: `Input should be less than or equal to ${world.eventsPageRowsMax}` };
		return { status: 422, body: { exception_message: "Invalid request received.", exception_detail: [detail] } };
	}
	// A body without the outer `filter` is taken as no filter at all.
	const given = (body.filter ?? {}) as EventFilterJson;
	const occurred = { until: new Date(world.nowMs()).toISOString(), ...given.occurred };
	const filter = { ...given, occurred };
	return eventsPage(world, filter, selectEvents(world, filter).length, limit, 0);
}

function nextEvents(world: StubWorld, token: string): StubAnswer {
	try {
		const { filter, count, limit, offset } = JSON.parse(
			Buffer.from(Buffer.from(token, "base64").toString(), "base64").toString(),
		) as { filter: EventFilterJson; count: number; limit: number; offset: number };
		return eventsPage(world, filter, count, limit, offset);
	} catch {
		return { status: 403, body: { detail: "Forbidden" } };
	}
}

function eventsPage(
	world: StubWorld,
	filter: EventFilterJson,
	count: number,
	limit: number,
	offset: number,
): StubAnswer {
	const events = selectEvents(world, filter).slice(offset, offset + limit);
	const next = offset + limit;
	// Base64 twice, and the server's own idea of where it lives.
	const token = Buffer.from(
		Buffer.from(JSON.stringify({ filter, count, limit, offset: next })).toString("base64"),
	).toString("base64");
	const nextPage = next >= count ? null : `http://prefect.internal:4200/api/events/filter/next?page-token=${token}`;
	return { status: 200, body: { events, total: count, next_page: nextPage } };
}

function selectEvents(world: StubWorld, filter: EventFilterJson): readonly EventJson[] {
	const sign = filter.order === "ASC" ? 1 : -1;
	const matching = world.stored
		.filter((event) => includesEvent(filter, event))
		.toSorted((a, b) => sign * (Date.parse(a.occurred) - Date.parse(b.occurred)));
	if (filter.resource?.distinct !== true) {
		return matching;
	}
	const seen = new Set<string | undefined>();
	return matching.filter((event) => {
		const id = event.resource["prefect.resource.id"];
		const isNew = !seen.has(id);
		seen.add(id);
		return isNew;
	});
}

/** The server's test, for stored events and live ones alike. */
export function includesEvent(filter: EventFilterJson, event: EventJson): boolean {
	const { since, until } = filter.occurred ?? {};
	const { prefix, name } = filter.event ?? {};
	const ids = filter.resource?.id;
	const relatedIds = filter.related?.id;
	const occurredMs = Date.parse(event.occurred);
	return (
		(since === undefined || Date.parse(since) <= occurredMs) &&
		(until === undefined || occurredMs <= Date.parse(until)) &&
		(prefix === undefined || prefix.some((text) => event.event.startsWith(text))) &&
		(name === undefined || name.includes(event.event)) &&
		(relatedIds === undefined ||
			event.related.some((related) => relatedIds.includes(related["prefect.resource.id"] ?? ""))) &&
		(ids === undefined || ids.includes(event.resource["prefect.resource.id"] ?? ""))
	);
}
