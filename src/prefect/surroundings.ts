import { z } from "zod";
import type { Inquiry } from "../core/input.ts";
import type { RunView } from "../core/run.ts";
import { ApiError } from "./api-error.ts";
import { labelSchema, uuidSchema } from "./event-schema.ts";
import type { Evidence } from "./evidence.ts";
import { NameBook } from "./name-book.ts";
import type { PageSize } from "./page-size.ts";
import type { Transport } from "./transport.ts";

export interface Names {
	readonly flowNames: ReadonlyMap<string, string>;
	readonly deploymentNames: ReadonlyMap<string, string>;
}

export interface NamedIds {
	readonly flowIds: Iterable<string>;
	readonly deploymentIds: Iterable<string>;
}

/** Names remembered of each kind. */
const namesMax = 10_000;

const nameRowSchema = z.object({ id: uuidSchema, name: labelSchema });
const rowsSchema = z.array(z.unknown());

/** What a run's row names by id alone: its flow, its deployment, and the run whose subflow it is. All remembered. */
export class Surroundings {
	readonly #transport: Transport;
	readonly #rowsPage: PageSize;
	readonly #flowNames = new NameBook(namesMax, (ids, signal) => this.#fetchNames("flows", ids, signal));
	readonly #deploymentNames = new NameBook(namesMax, (ids, signal) => this.#fetchNames("deployments", ids, signal));
	readonly #evidence: Evidence;
	/** Flow runs by the id of a task run of theirs. */
	readonly #parents = new NameBook(namesMax, (ids, signal) => this.#evidence.flowRunsOf(ids, signal));

	constructor(options: { transport: Transport; rowsPage: PageSize; evidence: Evidence }) {
		this.#transport = options.transport;
		this.#rowsPage = options.rowsPage;
		this.#evidence = options.evidence;
	}

	/** Names by id of flows and deployments, remembered; ids that the server does not know are missing. */
	async describe(ids: NamedIds, signal: AbortSignal): Promise<Names> {
		const flowNames = await this.#flowNames.describe(ids.flowIds, signal);
		const deploymentNames = await this.#deploymentNames.describe(ids.deploymentIds, signal);
		return { flowNames, deploymentNames };
	}

	/** A subflow's parent, through its task run. */
	async withParents(
		views: readonly RunView[],
		asked: readonly Inquiry[],
		signal: AbortSignal,
	): Promise<readonly RunView[]> {
		const taskRunOf = new Map(
			asked.flatMap(({ runId, parentTaskRunId }) => (parentTaskRunId === null ? [] : [[runId, parentTaskRunId]])),
		);
		for (const { runId, labels } of views)
			if (labels.parentTaskRunId !== null) taskRunOf.set(runId, labels.parentTaskRunId);
		if (taskRunOf.size === 0) return views;
		const parents = await this.#parents.describe(taskRunOf.values(), signal);
		return views.map((view) => {
			const parentTaskRunId = taskRunOf.get(view.runId) ?? null;
			const parentRunId = parents.get(parentTaskRunId ?? "") ?? null;
			return { ...view, labels: { ...view.labels, parentTaskRunId, parentRunId } };
		});
	}

	/** Names where they can be had: an alert without them is better than none. */
	async withNames(views: readonly RunView[], signal: AbortSignal): Promise<readonly RunView[]> {
		const flowIds = views.flatMap(({ labels }) => labels.flowId ?? []);
		const deploymentIds = views.flatMap(({ labels }) => labels.deploymentId ?? []);
		try {
			const names = await this.describe({ flowIds, deploymentIds }, signal);
			return views.map((view) => named(view, names));
		} catch (error) {
			if (error instanceof ApiError) {
				return views;
			}
			throw error;
		}
	}

	async #fetchNames(
		what: "flows" | "deployments",
		ids: readonly string[],
		signal: AbortSignal,
	): Promise<ReadonlyMap<string, string>> {
		const names = new Map<string, string>();
		let rest = ids;
		while (rest.length > 0) {
			const { asked, rows } = await this.#rowsPage.adapt(async (limit) => {
				const some = rest.slice(0, limit);
				const body = { [what]: { id: { any_: some } }, limit: some.length };
				const request = { path: `/${what}/filter`, body, rows: some.length };
				const call = { endpoint: what, method: "POST", ...request, schema: rowsSchema, retries: true } as const;
				return { asked: some.length, rows: (await this.#transport.call(call, signal)).value };
			});
			for (const row of rows) {
				const parsed = nameRowSchema.safeParse(row);
				if (parsed.success) {
					names.set(parsed.data.id, parsed.data.name);
				}
			}
			rest = rest.slice(asked);
		}
		return names;
	}
}

function named(view: RunView, names: Names): RunView {
	const flowName = names.flowNames.get(view.labels.flowId ?? "") ?? null;
	const deploymentName = names.deploymentNames.get(view.labels.deploymentId ?? "") ?? null;
	return { ...view, labels: { ...view.labels, flowName, deploymentName } };
}
