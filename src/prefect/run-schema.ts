import { z } from "zod";
import { noLabels, type RunView, stateTypes } from "../core/run.ts";
import { labelSchema, uuidSchema } from "./event-schema.ts";
import { aheadMsMax, timestampMs } from "./timestamp.ts";

/** Of a run: further ones are not kept. */
const tagsMax = 100;

/** A flow run as REST gives it; only what is used. */
export const flowRunSchema = z.object({
	id: uuidSchema,
	name: labelSchema,
	flow_id: uuidSchema.nullish(),
	deployment_id: uuidSchema.nullish(),
	work_pool_name: labelSchema.nullish(),
	parent_task_run_id: uuidSchema.nullish(),
	tags: z.array(labelSchema),
	run_count: z.int().nonnegative(),
	state: z
		.object({
			id: uuidSchema,
			type: z.enum(stateTypes),
			name: labelSchema.nullish(),
			timestamp: z.unknown().optional(),
			state_details: z.object({ scheduled_time: z.unknown().optional() }).nullish(),
		})
		.nullish(),
});
export type FlowRunRow = z.infer<typeof flowRunSchema>;

/**
 * REST's view of a run. Unlike an event's, its state may be as old as it likes; it only cannot lie ahead.
 *
 * @param serverNowMs the answer's `Date`
 * @returns `view.state` is null when there is none, or its timestamp makes no sense (`senselessTime`)
 */
export function viewOfRow(
	row: FlowRunRow,
	serverNowMs: number,
): { readonly view: RunView; readonly senselessTime: boolean } {
	const atMs = timestampMs(row.state?.timestamp);
	const ordered = atMs !== null && atMs <= serverNowMs + aheadMsMax;
	const state =
		row.state && ordered
			? {
					id: row.state.id,
					type: row.state.type,
					name: row.state.name ?? row.state.type,
					timestampMs: atMs,
					scheduledTimeMs: timestampMs(row.state.state_details?.scheduled_time),
					fromRest: true,
				}
			: null;
	const labels = {
		...noLabels,
		name: row.name,
		flowId: row.flow_id ?? null,
		deploymentId: row.deployment_id ?? null,
		workPool: row.work_pool_name ?? null,
		parentTaskRunId: row.parent_task_run_id ?? null,
		tags: row.tags.slice(0, tagsMax),
	};
	return {
		view: { runId: row.id, attempt: row.run_count, state, beat: null, labels },
		senselessTime: Boolean(row.state) && !ordered,
	};
}
