import { z } from "zod";
import type { HeldSlot } from "../core/circumstances.ts";
import type { Clock } from "../lib/clock.ts";
import type { ApiEndpoint } from "../observe/reporter.ts";
import { labelSchema, uuidSchema } from "./event-schema.ts";
import type { PageSize } from "./page-size.ts";
import { RecentAnswers } from "./recent-answers.ts";
import type { Transport } from "./transport.ts";

const count = z.int().nonnegative();
/** Null: an older server has no such route or filter, or does not let us ask. */
const rowsSchema = z.array(z.unknown()).nullable();
const unknownOn = [403, 404, 405, 422];

/** Of older servers the first; since 2024 the second, and the first is always null. */
const deploymentRowSchema = z.object({
	id: uuidSchema,
	name: labelSchema,
	concurrency_limit: count.nullish(),
	global_concurrency_limit: z
		.object({ limit: count, active_slots: count.nullish(), active: z.boolean().default(true) })
		.nullish(),
	work_queue_name: labelSchema.nullish(),
	work_pool_name: labelSchema.nullish(),
});
/** Of a work pool, a queue of one, or a limit by name. `active_slots` came late in 3.x to the first two. */
const limitRowSchema = z.object({
	name: labelSchema,
	concurrency_limit: count.nullish(),
	limit: count.nullish(),
	active_slots: count.nullish(),
	active: z.boolean().default(true),
});
const taskRunRowSchema = z.object({ flow_run_id: uuidSchema, tags: z.array(z.string()) });

/** A tag's limit is a limit by this name. */
const tagPrefix = "tag:";

interface DeploymentFacts {
	readonly slot: HeldSlot | null;
	readonly workQueue: string | null;
	readonly workPool: string | null;
}

/** Whose slots are wanted. */
export interface SlotHolder {
	readonly runId: string;
	readonly deploymentId: string | null;
	readonly workPool: string | null;
}

/**
 * Which limits runs count against: those of their deployment, work pool and queue, and of the tags of their running tasks.
 * Who holds a global limit's slots the server does not tell.
 */
export class SlotLimits {
	readonly #transport: Transport;
	readonly #rowsPage: PageSize;
	readonly #deployments: RecentAnswers<DeploymentFacts>;
	readonly #pools: RecentAnswers<HeldSlot | null>;
	readonly #queues: RecentAnswers<HeldSlot | null>;
	readonly #tags: RecentAnswers<ReadonlyMap<string, HeldSlot>>;

	constructor(options: { readonly transport: Transport; readonly rowsPage: PageSize; readonly clock: Clock }) {
		this.#transport = options.transport;
		this.#rowsPage = options.rowsPage;
		this.#deployments = new RecentAnswers(options.clock);
		this.#pools = new RecentAnswers(options.clock);
		this.#queues = new RecentAnswers(options.clock);
		this.#tags = new RecentAnswers(options.clock);
	}

	/** By deployment. The queue is the deployment's: a run that was sent to another one is rare. @throws ApiError */
	async ofDeployments(holders: readonly SlotHolder[], signal: AbortSignal): Promise<ReadonlyMap<string, HeldSlot[]>> {
		const ids = holders.flatMap(({ deploymentId }) => deploymentId ?? []);
		const facts = await this.#deployments.of(ids, async (any_) => {
			const rows = await this.#rows("deployments", "/deployments/filter", { deployments: { id: { any_ } } }, signal);
			const found = new Map(any_.map((id) => [id, noFacts]));
			for (const row of rows) {
				const parsed = deploymentRowSchema.safeParse(row);
				if (parsed.success) found.set(parsed.data.id, deploymentFactsOf(parsed.data));
			}
			return found;
		});
		const queues = await this.#ofQueues([...facts.values()], signal);
		return new Map(
			[...facts].map(([id, { slot, workPool, workQueue }]) => {
				const queue = queues.get(queueKey(workPool, workQueue)) ?? null;
				return [id, [slot, queue].filter((one) => one !== null)];
			}),
		);
	}

	/** By work pool; those without a limit are missing. @throws ApiError */
	async ofPools(names: Iterable<string>, signal: AbortSignal): Promise<ReadonlyMap<string, HeldSlot>> {
		const slots = await this.#pools.of(names, async (any_) => {
			const rows = await this.#rows("work_pools", "/work_pools/filter", { work_pools: { name: { any_ } } }, signal);
			return new Map([...any_.map((name) => [name, null] as const), ...slotsIn(rows, "work_pool")]);
		});
		return withoutNulls(slots);
	}

	/** By run: limits of the tags of its running tasks. @throws ApiError */
	async ofTags(runIds: readonly string[], signal: AbortSignal): Promise<ReadonlyMap<string, readonly HeldSlot[]>> {
		const all = await this.#tags.of([tagPrefix], async ([key = tagPrefix]) => {
			const rows = await this.#rows("concurrency_limits", "/v2/concurrency_limits/filter", {}, signal);
			const slots = [...slotsIn(rows, "tag")].filter(([name]) => name.startsWith(tagPrefix));
			return new Map([[key, new Map(slots.map(([name, slot]) => [name, { ...slot, name: tagOf(name) }]))]]);
		});
		const limits = all.get(tagPrefix);
		const found = new Map<string, HeldSlot[]>();
		if (limits === undefined || limits.size === 0) return found;
		const state = { type: { any_: ["RUNNING"] } };
		const body = { flow_runs: { id: { any_: runIds } }, task_runs: { state } };
		for (const row of await this.#rows("task_runs", "/task_runs/filter", body, signal)) {
			const parsed = taskRunRowSchema.safeParse(row);
			if (!parsed.success) continue;
			const { flow_run_id: runId, tags } = parsed.data;
			const known = found.get(runId) ?? [];
			const more = tags.flatMap((tag) => limits.get(`${tagPrefix}${tag}`) ?? []);
			found.set(runId, [...new Set([...known, ...more])]);
		}
		return found;
	}

	async #ofQueues(
		facts: readonly DeploymentFacts[],
		signal: AbortSignal,
	): Promise<ReadonlyMap<string, HeldSlot | null>> {
		const wanted = facts.filter(({ workPool, workQueue }) => workPool !== null && workQueue !== null);
		const byKey = new Map(wanted.map((one) => [queueKey(one.workPool, one.workQueue), one]));
		return await this.#queues.of(byKey.keys(), async (keys) => {
			const found = new Map<string, HeldSlot | null>();
			const pools = Map.groupBy(
				keys.flatMap((key) => byKey.get(key) ?? []),
				({ workPool }) => workPool ?? "",
			);
			for (const [pool, queues] of pools) {
				const names = queues.flatMap(({ workQueue }) => workQueue ?? []);
				const path = `/work_pools/${encodeURIComponent(pool)}/queues/filter`;
				const rows = await this.#rows("work_pools", path, { work_queues: { name: { any_: names } } }, signal);
				for (const name of names) found.set(queueKey(pool, name), null);
				for (const [name, slot] of slotsIn(rows, "work_queue")) found.set(queueKey(pool, name), slot);
			}
			return found;
		});
	}

	/** One page is as much as is wanted, but of limits by name, where 200 are a great many. */
	async #rows(endpoint: ApiEndpoint, path: string, body: object, signal: AbortSignal): Promise<readonly unknown[]> {
		return await this.#rowsPage.adapt(async (limit) => {
			const asked = { path, body: { ...body, limit }, noneOn: unknownOn };
			const call = { endpoint, method: "POST", ...asked, schema: rowsSchema, retries: false } as const;
			return (await this.#transport.call(call, signal)).value ?? [];
		});
	}
}

const noFacts: DeploymentFacts = { slot: null, workQueue: null, workPool: null };

function deploymentFactsOf(row: z.infer<typeof deploymentRowSchema>): DeploymentFacts {
	const { name, global_concurrency_limit: global } = row;
	const limit = global == null ? (row.concurrency_limit ?? null) : global.active ? global.limit : null;
	return {
		slot: limit === null ? null : { kind: "deployment", name, limit, taken: global?.active_slots ?? null },
		workQueue: row.work_queue_name ?? null,
		workPool: row.work_pool_name ?? null,
	};
}

function slotsIn(rows: readonly unknown[], kind: HeldSlot["kind"]): ReadonlyMap<string, HeldSlot> {
	const slots = new Map<string, HeldSlot>();
	for (const row of rows) {
		const parsed = limitRowSchema.safeParse(row);
		if (!parsed.success || !parsed.data.active) continue;
		const { name, concurrency_limit: ofPool, limit: ofName, active_slots: taken } = parsed.data;
		const limit = ofPool ?? ofName ?? null;
		if (limit !== null) slots.set(name, { kind, name, limit, taken: taken ?? null });
	}
	return slots;
}

function tagOf(limitName: string): string {
	return limitName.slice(tagPrefix.length);
}

function queueKey(pool: string | null, queue: string | null): string {
	return JSON.stringify([pool, queue]);
}

function withoutNulls(slots: ReadonlyMap<string, HeldSlot | null>): ReadonlyMap<string, HeldSlot> {
	return new Map([...slots].flatMap(([key, slot]) => (slot === null ? [] : [[key, slot] as const])));
}
