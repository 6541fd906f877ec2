import {
	type BeatView,
	type RunLabels,
	type RunView,
	type StateType,
	type StateView,
	stateTypes,
} from "../core/run.ts";
import { isUuid, labelCharsMax, type PrefectEvent } from "./event-schema.ts";
import { plausibleMs, timestampMs } from "./timestamp.ts";

/** Names of all events that concern flow runs begin so; the filter of the subscription and of catch-up. */
export const flowRunEventPrefix = "prefect.flow-run.";
export const heartbeatEvent = "prefect.flow-run.heartbeat";

export type EventReading =
	| {
			readonly kind: "heartbeat" | "state";
			readonly view: RunView;
			/** Server's clock; null when it makes no sense. */
			readonly receivedMs: number | null;
			/** Id of the state event before this one; null when none is named. */
			readonly follows: string | null;
			/** Times that make no sense, for the reporter: `occurred`, `received`, `state-timestamp`. */
			readonly senselessTimes: readonly string[];
	  }
	/** Not about a flow run, or neither a state nor a beat (`prefect.flow-run.pull-step.executed`). */
	| { readonly kind: "other_event" }
	/** A state of a type that Prefect does not have. */
	| { readonly kind: "malformed_event" };

/** Of a run: further ones are not kept. */
const tagsMax = 100;

/**
 * What an event says of a run. The label `prefect.state-type` decides, not the event's name, since flows name their
 * states as they like. A state whose timestamp makes no sense is left out of the view: it could not be put in order, and
 * REST has it.
 */
export function readEvent(event: PrefectEvent): EventReading {
	const runId = idAfter(flowRunEventPrefix, event.resource["prefect.resource.id"]);
	if (runId === null || !event.event.startsWith(flowRunEventPrefix)) {
		return { kind: "other_event" };
	}
	const stateType = event.resource["prefect.state-type"];
	if (stateType !== undefined) {
		return isStateType(stateType) ? readState(event, runId, stateType) : { kind: "malformed_event" };
	}
	return event.event === heartbeatEvent ? readBeat(event, runId) : { kind: "other_event" };
}

function readState(event: PrefectEvent, runId: string, type: StateType): EventReading {
	const receivedMs = timestampMs(event.received);
	const atMs = plausibleMs(event.resource["prefect.state-timestamp"], receivedMs);
	const state: StateView | null =
		atMs === null
			? null
			: {
					id: event.id,
					type,
					name: event.resource["prefect.state-name"] ?? type,
					timestampMs: atMs,
					// No event carries one.
					scheduledTimeMs: null,
					fromRest: false,
				};
	return {
		kind: "state",
		view: { runId, attempt: runCount(event.resource["prefect.run-count"]), state, beat: null, labels: labelsOf(event) },
		receivedMs,
		follows: typeof event.follows === "string" && isUuid(event.follows) ? event.follows.toLowerCase() : null,
		senselessTimes: senseless({ received: receivedMs, "state-timestamp": atMs }),
	};
}

function readBeat(event: PrefectEvent, runId: string): EventReading {
	const beat = beatOf(event);
	return {
		kind: "heartbeat",
		view: { runId, attempt: null, state: null, beat, labels: labelsOf(event) },
		receivedMs: beat.receivedMs,
		follows: null,
		senselessTimes: senseless({ received: beat.receivedMs, occurred: beat.occurredMs }),
	};
}

function beatOf(event: PrefectEvent): BeatView {
	const receivedMs = timestampMs(event.received);
	return { eventId: event.id, occurredMs: plausibleMs(event.occurred, receivedMs), receivedMs };
}

function senseless(times: Readonly<Record<string, number | null>>): readonly string[] {
	return Object.entries(times).flatMap(([name, ms]) => (ms === null ? [name] : []));
}

function labelsOf(event: PrefectEvent): RunLabels {
	const byRole = new Map<string, PrefectEvent["related"][number]>();
	const tags: string[] = [];
	for (const related of event.related) {
		const role = related["prefect.resource.role"];
		if (role === "tag" && tags.length < tagsMax) {
			tags.push(related["prefect.resource.id"].replace(/^prefect\.tag\./u, "").slice(0, labelCharsMax));
		}
		if (!byRole.has(role)) {
			byRole.set(role, related);
		}
	}
	const flow = byRole.get("flow");
	const deployment = byRole.get("deployment");
	return {
		name: event.resource["prefect.resource.name"] ?? null,
		flowId: idAfter("prefect.flow.", flow?.["prefect.resource.id"]),
		flowName: flow?.["prefect.resource.name"] ?? null,
		deploymentId: idAfter("prefect.deployment.", deployment?.["prefect.resource.id"]),
		deploymentName: deployment?.["prefect.resource.name"] ?? null,
		workPool: byRole.get("work-pool")?.["prefect.resource.name"] ?? null,
		clientVersion: event.resource["prefect.version"] ?? null,
		parentTaskRunId: idAfter("prefect.task-run.", byRole.get("task-run")?.["prefect.resource.id"]),
		// Only REST knows whose task run it is.
		parentRunId: null,
		tags,
	};
}

function idAfter(prefix: string, resourceId: string | undefined): string | null {
	if (resourceId === undefined || !resourceId.startsWith(prefix)) {
		return null;
	}
	const id = resourceId.slice(prefix.length);
	return isUuid(id) ? id.toLowerCase() : null;
}

/** Null for what is no count: then the source does not tell it. */
function runCount(label: string | undefined): number | null {
	return label !== undefined && /^\d{1,9}$/u.test(label) ? Number(label) : null;
}

function isStateType(text: string): text is StateType {
	return (stateTypes as readonly string[]).includes(text);
}
