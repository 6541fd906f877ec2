import { noLabels, type RunView } from "../core/run.ts";
import { isPlausible, prefectTimeBytes, scanTimestamp } from "./timestamp.ts";

/**
 * A heartbeat's frame as Prefect's server writes it: keys in the order of its event's fields, nothing between them.
 *
 * {"type":"event","event":{"occurred":"TIME","event":"prefect.flow-run.heartbeat",
 *  "resource":{"prefect.resource.id":"prefect.flow-run.UUID","prefect.resource.name":"…","prefect.version":"…"},
 *  "related":[{"prefect.resource.id":"…","prefect.resource.role":"…", further labels},…],
 *  "payload":{},"id":"UUID","follows":null,"received":"TIME"}}
 */
const head = Buffer.from('{"type":"event","event":{"occurred":"');
const upToRunId = Buffer.from(
	'","event":"prefect.flow-run.heartbeat","resource":{"prefect.resource.id":"prefect.flow-run.',
);
const upToName = Buffer.from('","prefect.resource.name":"');
const upToVersion = Buffer.from('","prefect.version":"');
const upToRelated = Buffer.from('"},"related":[');
const relatedHead = Buffer.from('{"prefect.resource.id":"');
const upToRole = Buffer.from('","prefect.resource.role":"');
const upToEventId = Buffer.from('],"payload":{},"id":"');
const upToReceived = Buffer.from('","follows":null,"received":"');
const foot = Buffer.from('"}}');

const uuid = Buffer.from("00000000-0000-0000-0000-000000000000");
const runIdFrom = head.length + prefectTimeBytes + upToRunId.length;
/** From the end of the related resources to the end of the frame. */
const tailBytes = upToEventId.length + uuid.length + upToReceived.length + prefectTimeBytes + foot.length;

const quote = 0x22;
const comma = 0x2c;
const colon = 0x3a;
const backslash = 0x5c;
const closingBrace = 0x7d;
const hyphen = 0x2d;
const space = 0x20;

/**
 * The beat of a heartbeat's frame without its labels, at a quarter of the cost of parsing it. Null for whatever is not,
 * byte for byte, such a frame with times that make sense: then `parseFrame` and `readEvent` have to say what it is. Where
 * it is not null they say the same, and the labels besides.
 */
export function scanHeartbeat(frame: Buffer): RunView | null {
	const tail = frame.length - tailBytes;
	if (tail < runIdFrom || !isThere(head, frame, 0)) return null;
	const nameFrom = runIdFrom + uuid.length;
	if (!isThere(upToRunId, frame, runIdFrom - upToRunId.length) || !isUuidThere(frame, runIdFrom)) return null;
	const relatedFrom = afterOwnLabels(frame, nameFrom, tail);
	if (relatedFrom === wrong || afterRelated(frame, relatedFrom, tail) !== tail) return null;
	const eventIdFrom = tail + upToEventId.length;
	const receivedFrom = eventIdFrom + uuid.length + upToReceived.length;
	if (!isThere(upToEventId, frame, tail) || !isUuidThere(frame, eventIdFrom)) return null;
	if (!isThere(upToReceived, frame, eventIdFrom + uuid.length)) return null;
	if (!isThere(foot, frame, receivedFrom + prefectTimeBytes)) return null;
	const occurredMs = scanTimestamp(frame, head.length);
	const receivedMs = scanTimestamp(frame, receivedFrom);
	if (occurredMs === null || receivedMs === null || !isPlausible(occurredMs, receivedMs)) return null;
	const eventId = frame.toString("latin1", eventIdFrom, eventIdFrom + uuid.length);
	return {
		runId: frame.toString("latin1", runIdFrom, nameFrom),
		attempt: null,
		state: null,
		beat: { eventId, occurredMs, receivedMs },
		labels: noLabels,
	};
}

/** A position that no frame has. */
const wrong = -1;

function afterOwnLabels(frame: Uint8Array, from: number, end: number): number {
	if (!isThere(upToName, frame, from)) return wrong;
	const nameEnd = stringEnd(frame, from + upToName.length, end);
	if (nameEnd === wrong || !isThere(upToVersion, frame, nameEnd)) return wrong;
	const versionEnd = stringEnd(frame, nameEnd + upToVersion.length, end);
	return versionEnd !== wrong && isThere(upToRelated, frame, versionEnd) ? versionEnd + upToRelated.length : wrong;
}

/** Related resources, as many as there are, with commas between them. */
function afterRelated(frame: Uint8Array, from: number, end: number): number {
	let at = from;
	while (at < end) {
		at = afterResource(frame, at, end);
		// After a comma there is another one.
		if (at === wrong || frame[at] !== comma) return at;
		at += 1;
	}
	return at === from ? at : wrong;
}

/** A related resource: its id, its role, and any other labels, whose values are all strings. */
function afterResource(frame: Uint8Array, from: number, end: number): number {
	if (!isThere(relatedHead, frame, from)) return wrong;
	const idEnd = stringEnd(frame, from + relatedHead.length, end);
	if (idEnd === wrong || !isThere(upToRole, frame, idEnd)) return wrong;
	let at = stringEnd(frame, idEnd + upToRole.length, end);
	while (at !== wrong && frame[at + 1] === comma) at = labelEnd(frame, at + 2, end);
	return at !== wrong && frame[at + 1] === closingBrace ? at + 2 : wrong;
}

/** The closing quote of the value in `"key":"value"`. */
function labelEnd(frame: Uint8Array, from: number, end: number): number {
	if (frame[from] !== quote) return wrong;
	const keyEnd = stringEnd(frame, from + 1, end);
	if (keyEnd === wrong || frame[keyEnd + 1] !== colon || frame[keyEnd + 2] !== quote) return wrong;
	return stringEnd(frame, keyEnd + 3, end);
}

/** The closing quote of a string without escapes; bytes of other scripts are passed over, since the socket is UTF-8. */
function stringEnd(frame: Uint8Array, from: number, end: number): number {
	for (let at = from; at < end; at += 1) {
		const byte = frame[at] ?? 0;
		if (byte === quote) return at;
		if (byte === backslash || byte < space) return wrong;
	}
	return wrong;
}

function isThere(wanted: Uint8Array, frame: Uint8Array, from: number): boolean {
	for (let index = 0; index < wanted.length; index += 1) {
		if (frame[from + index] !== wanted[index]) return false;
	}
	return true;
}

/** In lower case, as Prefect writes them. */
function isUuidThere(frame: Uint8Array, from: number): boolean {
	for (let index = 0; index < uuid.length; index += 1) {
		const byte = frame[from + index] ?? 0;
		const isRight = uuid[index] === hyphen ? byte === hyphen : isHexDigit(byte);
		if (!isRight) return false;
	}
	return true;
}

function isHexDigit(byte: number): boolean {
	return (byte >= 0x30 && byte <= 0x39) || (byte >= 0x61 && byte <= 0x66);
}
