import type { FrameKind, RejectReason } from "../../src/observe/reporter.ts";
import type { Chance } from "./chance.ts";
import type { SimEvent } from "./server.ts";

/** What a frame is to be counted as. */
export type Counted = FrameKind | RejectReason;

/** What comes over the socket. */
export interface Frame {
	readonly data: string | Buffer;
	readonly counted: Counted;
}

/** The frame that tells of an event as it is. */
export function frameOf({ name, text }: SimEvent): Frame {
	return { data: text, counted: name.endsWith(".heartbeat") ? "heartbeat" : "state" };
}

/** A frame as a faulty proxy, another version or a passer-by might send it, made of an event: nothing is to be learned of it. */
export function strayFrame(event: SimEvent, chance: Chance): Frame {
	return chance.pick([notJson, notAnObject, unknownType, malformedEvent, otherEvent, control, withoutTimes])(
		event,
		chance,
	);
}

const senseless = [null, 17, "", "0001-01-01", [[]], {}] as const;

function notJson({ text }: SimEvent, chance: Chance): Frame {
	const truncated = text.slice(0, chance.whole(0, text.length - 1));
	const noise = Buffer.from(Array.from({ length: chance.whole(1, 64) }, () => chance.whole(0x80, 0xff)));
	const data = chance.pick<string | Buffer>([
		truncated,
		noise,
		Buffer.from(truncated),
		"\u0000",
		"NaN",
		"<html>502</html>",
	]);
	return { data, counted: "not_json" };
}

function notAnObject({ text }: SimEvent, chance: Chance): Frame {
	return { data: chance.pick([`[${text}]`, "null", "1e999", '"event"', "true"]), counted: "not_an_object" };
}

function unknownType({ json, text }: SimEvent, chance: Chance): Frame {
	const untyped = JSON.stringify({ event: json });
	const wronglyTyped = JSON.stringify({ type: chance.pick(senseless), event: json });
	const data = chance.pick([
		untyped,
		wronglyTyped,
		text.replace('"type":"event"', '"type":"evening"'),
		'{"__proto__":{}}',
	]);
	return { data, counted: "unknown_type" };
}

function malformedEvent(event: SimEvent, chance: Chance): Frame {
	const field = chance.pick(["id", "resource", "related"]);
	const resource = { ...event.json.resource, "prefect.state-type": "LEVITATING" };
	const data = chance.pick([
		'{"type":"event"}',
		changed(event, { [field]: chance.pick(senseless) }),
		changed(event, { resource }),
	]);
	return { data, counted: "malformed_event" };
}

function otherEvent(event: SimEvent, chance: Chance): Frame {
	const resource = { "prefect.resource.id": event.resourceId };
	const data = chance.pick([
		changed(event, { resource: { ...event.json.resource, "prefect.resource.id": event.runId } }),
		changed(event, { event: `prefect.task-run.${event.runId}` }),
		changed(event, { event: "prefect.flow-run.pull-step.executed", resource }),
	]);
	return { data, counted: "other_event" };
}

function control(_event: SimEvent, chance: Chance): Frame {
	return { data: JSON.stringify({ type: chance.pick(["ping", "keepalive", "checkpoint"]) }), counted: "control" };
}

/** Counted as what it is; yet a beat without a time of receipt proves nothing, and such a state stands in no order. */
function withoutTimes(event: SimEvent, chance: Chance): Frame {
	const time = chance.pick(senseless);
	const { counted } = frameOf(event);
	const resource = { ...event.json.resource, ...(counted === "state" && { "prefect.state-timestamp": time }) };
	return { data: changed(event, { received: time, resource }), counted };
}

function changed({ json }: SimEvent, fields: object): string {
	return JSON.stringify({ type: "event", event: { ...json, ...fields } });
}
