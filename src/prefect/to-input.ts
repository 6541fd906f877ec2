import { type RunLabels, type RunView, type StateType, type StateView, stateTypes } from "../core/run.ts";
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
const knownStateTypes: ReadonlySet<string> = new Set(stateTypes);

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
					id: event.id.toLowerCase(),
					type,
					name: cut(event.resource["prefect.state-name"]) ?? type,
					timestampMs: atMs,
					// No event carries one.
					scheduledTimeMs: null,
					fromRest: false,
				};
	const senselessTimes: string[] = [];
	if (receivedMs === null) senselessTimes.push("received");
	if (atMs === null) senselessTimes.push("state-timestamp");
	return {
		kind: "state",
		view: { runId, attempt: runCount(event.resource["prefect.run-count"]), state, beat: null, labels: labelsOf(event) },
		receivedMs,
		follows: typeof event.follows === "string" && isUuid(event.follows) ? event.follows.toLowerCase() : null,
		senselessTimes,
	};
}

function readBeat(event: PrefectEvent, runId: string): EventReading {
	const receivedMs = timestampMs(event.received);
	const occurredMs = plausibleMs(event.occurred, receivedMs);
	const senselessTimes: string[] = [];
	if (receivedMs === null) senselessTimes.push("received");
	if (occurredMs === null) senselessTimes.push("occurred");
	const beat = { eventId: event.id.toLowerCase(), occurredMs, receivedMs };
	return {
		kind: "heartbeat",
		view: { runId, attempt: null, state: null, beat, labels: labelsOf(event) },
		receivedMs,
		follows: null,
		senselessTimes,
	};
}

function labelsOf({ resource, related }: PrefectEvent): RunLabels {
	const flow = firstOf(related, "flow");
	const deployment = firstOf(related, "deployment");
	return {
		name: cut(resource["prefect.resource.name"]),
		flowId: idAfter("prefect.flow.", flow?.["prefect.resource.id"]),
		flowName: cut(flow?.["prefect.resource.name"]),
		deploymentId: idAfter("prefect.deployment.", deployment?.["prefect.resource.id"]),
		deploymentName: cut(deployment?.["prefect.resource.name"]),
		workPool: cut(firstOf(related, "work-pool")?.["prefect.resource.name"]),
		clientVersion: cut(resource["prefect.version"]),
		parentTaskRunId: idAfter("prefect.task-run.", firstOf(related, "task-run")?.["prefect.resource.id"]),
		// Only REST knows whose task run it is.
		parentRunId: null,
		tags: tagsOf(related),
	};
}

type Related = PrefectEvent["related"];

function firstOf(related: Related, role: string): Related[number] | undefined {
	return related.find((one) => one["prefect.resource.role"] === role);
}

const tagPrefix = "prefect.tag.";

function tagsOf(related: Related): readonly string[] {
	const tags: string[] = [];
	for (const { "prefect.resource.role": role, "prefect.resource.id": id } of related) {
		if (role !== "tag" || tags.length >= tagsMax) continue;
		const from = id.startsWith(tagPrefix) ? tagPrefix.length : 0;
		tags.push(id.slice(from, from + labelCharsMax));
	}
	return tags;
}

/** Names are bounded; null for one that was not told. */
function cut(name: string | undefined): string | null {
	return name === undefined ? null : name.slice(0, labelCharsMax);
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
	return knownStateTypes.has(text);
}
