import { z } from "zod";
import type { ApiRun } from "./incident-file.ts";

const runShape = {
	"prefect.resource.id": z.string().startsWith("prefect.flow-run."),
	"prefect.resource.name": z.string().default(""),
};
const related = z
	.array(
		z.object({
			"prefect.resource.id": z.string(),
			"prefect.resource.role": z.string(),
			"prefect.resource.name": z.string().optional(),
		}),
	)
	.default([]);
const eventSchema = z.object({
	id: z.string(),
	resource: z.object({
		...runShape,
		"prefect.run-count": z.coerce.number().int().default(0),
		"prefect.state-name": z.string(),
		"prefect.state-timestamp": z.string(),
		"prefect.state-type": z.string(),
	}),
	related,
});
type StateEvent = z.infer<typeof eventSchema>;
const beatSchema = z.object({
	id: z.string(),
	event: z.literal("prefect.flow-run.heartbeat"),
	occurred: z.string(),
	resource: z.object(runShape),
	related,
});
type BeatEvent = z.infer<typeof beatSchema>;

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
		...surroundingsOf(data),
		run_count: resource["prefect.run-count"],
		state_id: data.id,
		state_type: resource["prefect.state-type"],
		state_name: resource["prefect.state-name"],
		state_timestamp: resource["prefect.state-timestamp"],
		scheduled_time: null,
	};
}

function surroundingsOf(event: StateEvent | BeatEvent) {
	const { resource } = event;
	return {
		id: idIn(resource["prefect.resource.id"]),
		name: resource["prefect.resource.name"],
		flow_id: idOf(event, "flow") ?? noFlowId,
		deployment_id: idOf(event, "deployment"),
		work_pool_name: relatedAs(event, "work-pool")?.["prefect.resource.name"] ?? null,
		tags: event.related
			.filter((one) => one["prefect.resource.role"] === "tag")
			.map((one) => one["prefect.resource.id"].replace(/^prefect\.tag\./u, "")),
	};
}

/** States into which a run goes before it beats: a heartbeat ahead of one of them was merely early. */
const beginnings: ReadonlySet<string> = new Set(["PENDING", "RUNNING"]);

/**
 * Runs that were under way when a recording began: what is heard of them first is a heartbeat, and they go on from there.
 * A lone heartbeat shows nothing: it may be the last of a run that has ended, which comes late.
 */
export class OpeningRuns {
	/** The first heartbeat of runs of which nothing else is known yet; null: the run is settled. */
	readonly #first = new Map<string, BeatEvent | null>();
	readonly #runs: Omit<ApiRun, "state_timestamp">[] = [];

	/** @param startsMs when the recording began, milliseconds since the epoch: since when they run is not in it */
	runsAt(startsMs: number): readonly ApiRun[] {
		const state_timestamp = new Date(startsMs).toISOString();
		return this.#runs.map((run) => ({ ...run, state_timestamp }));
	}

	/** In the order in which events came. */
	learn(event: unknown): void {
		const state = runOfStateEvent(event);
		const beat = state === null ? beatSchema.safeParse(event).data : undefined;
		const id = state?.id ?? idIn(beat?.resource["prefect.resource.id"] ?? "");
		const first = this.#first.get(id);
		if (first === undefined) this.#first.set(id, beat ?? null);
		if (!first || first.id === beat?.id) return;
		this.#first.set(id, null);
		if (beginnings.has(state?.state_type ?? "")) return;
		this.#runs.push(running(first, state?.run_count ?? 1));
	}
}

/** The state has no event in the recording: the heartbeat's id stands in for its own. */
function running(beat: BeatEvent, runCount: number): Omit<ApiRun, "state_timestamp"> {
	const state = { state_id: beat.id, state_type: "RUNNING", state_name: "Running", scheduled_time: null };
	return { ...surroundingsOf(beat), run_count: runCount, ...state };
}

/** Events may be recorded out of order: the newer state by its timestamp is the one that REST tells. */
export function isNewer(run: ApiRun, than: ApiRun | undefined): boolean {
	return than === undefined || Date.parse(run.state_timestamp) >= Date.parse(than.state_timestamp);
}

function relatedAs(event: StateEvent | BeatEvent, role: string): StateEvent["related"][number] | undefined {
	return event.related.find((one) => one["prefect.resource.role"] === role);
}

function idOf(event: StateEvent | BeatEvent, role: string): string | null {
	const related = relatedAs(event, role);
	return related === undefined ? null : idIn(related["prefect.resource.id"]);
}

function idIn(resourceId: string): string {
	return resourceId.slice(resourceId.lastIndexOf(".") + 1).toLowerCase();
}
