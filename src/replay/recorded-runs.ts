import { z } from "zod";
import type { ApiRun } from "./incident-file.ts";

const eventSchema = z.object({
	id: z.string(),
	resource: z.object({
		"prefect.resource.id": z.string().startsWith("prefect.flow-run."),
		"prefect.resource.name": z.string().default(""),
		"prefect.run-count": z.coerce.number().int().default(0),
		"prefect.state-name": z.string(),
		"prefect.state-timestamp": z.string(),
		"prefect.state-type": z.string(),
	}),
	related: z
		.array(
			z.object({
				"prefect.resource.id": z.string(),
				"prefect.resource.role": z.string(),
				"prefect.resource.name": z.string().optional(),
			}),
		)
		.default([]),
});
type StateEvent = z.infer<typeof eventSchema>;

const noFlowId = "00000000-0000-0000-0000-000000000000";

/**
 * The run as REST knew it when it sent this event; a recording holds no answers of REST, but whatever a server announces
 * it has stored. When a waiting run is due is in no event. Null for an event that is not of a state.
 */
export function runOfStateEvent(event: unknown): ApiRun | null {
	const { success, data } = eventSchema.safeParse(event);
	if (!success) return null;
	const { resource } = data;
	return {
		id: idIn(resource["prefect.resource.id"]),
		name: resource["prefect.resource.name"],
		flow_id: idOf(data, "flow") ?? noFlowId,
		deployment_id: idOf(data, "deployment"),
		work_pool_name: relatedAs(data, "work-pool")?.["prefect.resource.name"] ?? null,
		tags: data.related
			.filter((one) => one["prefect.resource.role"] === "tag")
			.map((one) => one["prefect.resource.id"].replace(/^prefect\.tag\./u, "")),
		run_count: resource["prefect.run-count"],
		state_id: data.id,
		state_type: resource["prefect.state-type"],
		state_name: resource["prefect.state-name"],
		state_timestamp: resource["prefect.state-timestamp"],
		scheduled_time: null,
	};
}

/** Events may be recorded out of order: the newer state by its timestamp is the one that REST tells. */
export function isNewer(run: ApiRun, than: ApiRun | undefined): boolean {
	return than === undefined || Date.parse(run.state_timestamp) >= Date.parse(than.state_timestamp);
}

function relatedAs(event: StateEvent, role: string): StateEvent["related"][number] | undefined {
	return event.related.find((one) => one["prefect.resource.role"] === role);
}

function idOf(event: StateEvent, role: string): string | null {
	const related = relatedAs(event, role);
	return related === undefined ? null : idIn(related["prefect.resource.id"]);
}

function idIn(resourceId: string): string {
	return resourceId.slice(resourceId.lastIndexOf(".") + 1).toLowerCase();
}
