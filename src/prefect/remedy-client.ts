import { z } from "zod";
import type { RemedyCase, RunNow, SlotNow } from "../core/remedy-policy.ts";
import { stateTypes } from "../core/run.ts";
import type { ApiEndpoint } from "../observe/reporter.ts";
import type { ApiClient } from "./api-client.ts";
import { ApiError } from "./api-error.ts";
import { uuidSchema } from "./event-schema.ts";
import { timestampMs } from "./timestamp.ts";
import type { Transport } from "./transport.ts";

const count = z.int().nonnegative();

/** Null: the server does not know it. */
const runSchema = z
	.object({
		deployment_id: uuidSchema.nullish(),
		parent_task_run_id: uuidSchema.nullish(),
		run_count: count,
		parameters: z.record(z.string(), z.unknown()).nullish(),
		job_variables: z.record(z.string(), z.unknown()).nullish(),
		work_queue_name: z.string().nullish(),
		tags: z.array(z.string()).default([]),
		state: z.object({
			id: uuidSchema,
			type: z.enum(stateTypes),
			timestamp: z.unknown().optional(),
			message: z.string().nullish(),
			state_details: z.object({ deployment_concurrency_lease_id: uuidSchema.nullish() }).nullish(),
		}),
	})
	.nullable();
type RunRow = NonNullable<z.infer<typeof runSchema>>;

const limitSchema = z
	.object({
		concurrency_limit: count.nullish(),
		global_concurrency_limit: z
			.object({ limit: count, active_slots: count.nullish(), active: z.boolean().default(true) })
			.nullish(),
	})
	.nullable();

const answerSchema = z
	.object({
		status: z.enum(["ACCEPT", "REJECT", "ABORT", "WAIT"]),
		details: z.object({ reason: z.string().nullish() }).nullish(),
		state: z.object({ timestamp: z.unknown().optional() }).nullish(),
	})
	.nullable();

const madeSchema = z.object({ id: uuidSchema }).nullable();

/** What was asked for is not there. */
const noneOn = [404];
/** A lease that has passed is Gone. */
const leaseGoneOn = [404, 410];
/** As long as a run's process renews its own for: a shorter one would be taken from a run that lives after all. */
const leaseSeconds = 300;
const reasonCharsMax = 300;

/** Of a deployment's runs: a retry that waits in its process keeps its slot. */
const holding = {
	operator: "or_",
	type: { any_: ["RUNNING", "PENDING", "CANCELLING"] },
	name: { any_: ["AwaitingRetry"] },
};
const awaiting = { name: { any_: ["Late", "AwaitingConcurrencySlot"] } };

/**
 * What remedies ask of Prefect's REST API, and the only calls that change something there. Each is made once: whoever does
 * not get an answer looks again at what is. A refusal of these says nothing about REST as a whole.
 */
export class RemedyClient {
	readonly #transport: Transport;
	readonly #api: Pick<ApiClient, "answer">;

	constructor(options: { readonly transport: Transport; readonly api: Pick<ApiClient, "answer"> }) {
		this.#transport = options.transport;
		this.#api = options.api;
	}

	async look({ episode, run }: RemedyCase, signal: AbortSignal): Promise<RunNow | null> {
		const { runId, evidence, condition } = episode;
		const beatsSinceMs = evidence.lastBeatOccurredMs ?? episode.raisedAtMs;
		const { answers } = await this.#api.answer(
			[
				{
					runId,
					stage: "suspect",
					condition,
					isUnheard: false,
					parentTaskRunId: null,
					basis: { attempt: run.attempt, stateId: run.state?.id ?? null, aliveAtMonoMs: run.aliveAtMonoMs },
					beatsSinceMs,
				},
			],
			signal,
		);
		const [answer] = answers;
		if (answer === undefined) throw new ApiError("malformed", `what the server says of run ${runId} cannot be read`);
		// The last word is on the state: it is asked for after everything else but the slot, which hangs on it.
		const row = await this.#run(runId, signal);
		if (row === null) return null;
		return {
			attempt: row.run_count,
			stateId: row.state.id,
			stateType: row.state.type,
			newestBeat: answer.newestBeat,
			newestSignMs: answer.newestSignMs,
			slot: await this.#slot(runId, row, signal),
		};
	}

	async stateOf(runId: string, signal: AbortSignal) {
		const row = await this.#run(runId, signal);
		if (row === null) return null;
		const { id, type, timestamp, message } = row.state;
		return {
			attempt: row.run_count,
			stateId: id,
			stateType: type,
			stateTimestampMs: timestampMs(timestamp),
			message: message ?? "",
			isSubflow: row.parent_task_run_id != null,
		};
	}

	async renewLease(leaseId: string, signal: AbortSignal): Promise<boolean> {
		const path = `/v2/concurrency_limits/leases/${leaseId}/renew`;
		const asked = { path, body: { lease_duration: leaseSeconds }, noneOn: leaseGoneOn };
		// It answers without a body, which is not the null of a lease that is gone.
		const { value } = await this.#post("concurrency_limits", asked, z.unknown(), signal);
		return value !== null;
	}

	async setState(
		runId: string,
		{ type, message }: { readonly type: "CRASHED" | "CANCELLED"; readonly message: string },
		signal: AbortSignal,
	) {
		const name = type === "CRASHED" ? "Crashed" : "Cancelled";
		const body = { state: { type, name, message }, force: false };
		const asked = { path: `/flow_runs/${runId}/set_state`, body, noneOn };
		const { value } = await this.#post("flow_runs", asked, answerSchema, signal);
		if (value === null) {
			return { status: "ABORT", reason: "the server does not know the run any more", stateTimestampMs: null } as const;
		}
		const { status, details, state } = value;
		const reason = details?.reason?.slice(0, reasonCharsMax) ?? null;
		return { status, reason, stateTimestampMs: status === "ACCEPT" ? timestampMs(state?.timestamp) : null };
	}

	async runAgain(runId: string, key: string, signal: AbortSignal): Promise<string | null> {
		const row = await this.#run(runId, signal);
		if (row?.deployment_id == null) return null;
		const body = {
			parameters: row.parameters ?? {},
			tags: row.tags,
			...(row.job_variables == null ? {} : { job_variables: row.job_variables }),
			...(row.work_queue_name == null ? {} : { work_queue_name: row.work_queue_name }),
			idempotency_key: key,
			state: { type: "SCHEDULED" },
		};
		const asked = { path: `/deployments/${row.deployment_id}/create_flow_run`, body, noneOn };
		const { value } = await this.#post("deployments", asked, madeSchema, signal);
		return value?.id ?? null;
	}

	async #slot(runId: string, row: RunRow, signal: AbortSignal): Promise<SlotNow | null> {
		const { deployment_id: id, state } = row;
		if (id == null) return null;
		const path = `/deployments/${id}`;
		const call = { endpoint: "deployments", method: "GET", path, schema: limitSchema, noneOn } as const;
		const { value } = await this.#transport.call({ ...call, retries: false, isIdle: true }, signal);
		const global = value?.global_concurrency_limit;
		const limit = global == null ? value?.concurrency_limit : global.active ? global.limit : null;
		if (limit == null) return null;
		const others = { deployment_id: { any_: [id] }, id: { not_any_: [runId] } };
		return {
			limit,
			taken: global?.active_slots ?? null,
			leaseId: state.state_details?.deployment_concurrency_lease_id ?? null,
			othersHolding: await this.#count({ ...others, state: holding }, signal),
			othersAwaiting: await this.#count({ ...others, state: awaiting }, signal),
		};
	}

	async #count(flowRuns: object, signal: AbortSignal): Promise<number> {
		const asked = { path: "/flow_runs/count", body: { flow_runs: flowRuns } };
		return (await this.#post("flow_runs", asked, count, signal)).value;
	}

	async #run(runId: string, signal: AbortSignal): Promise<RunRow | null> {
		const call = { endpoint: "flow_runs", method: "GET", path: `/flow_runs/${runId}`, schema: runSchema } as const;
		return (await this.#transport.call({ ...call, noneOn, retries: false, isIdle: true }, signal)).value;
	}

	async #post<T>(
		endpoint: ApiEndpoint,
		asked: { readonly path: string; readonly body: object; readonly noneOn?: readonly number[] },
		schema: z.ZodType<T>,
		signal: AbortSignal,
	) {
		return await this.#transport.call(
			{ endpoint, method: "POST", ...asked, schema, retries: false, isIdle: true },
			signal,
		);
	}
}
