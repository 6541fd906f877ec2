import { isUtf8 } from "node:buffer";
import type { HeardBeat } from "../core/heard-beat.ts";
import { idOf, idWords, putIdBytes } from "../core/id-words.ts";
import { noLabels, type RunView } from "../core/run.ts";
import { DateMemory, isPlausible, prefectTimeBytes, scanTimestamp } from "./timestamp.ts";

/**
 * A heartbeat's frame as Prefect's server writes it: keys in the order of its event's fields, nothing between them.
 *
 * {"type":"event","event":{"occurred":"TIME","event":"prefect.flow-run.heartbeat",
 *  "resource":{"prefect.resource.id":"prefect.flow-run.UUID","prefect.resource.name":"…","prefect.version":"…"},
 *  "related":[{"prefect.resource.id":"…","prefect.resource.role":"…", further labels},…],
 *  "payload":{},"id":"UUID","follows":null,"received":"TIME"}}
 */
const head = fixedText('{"type":"event","event":{"occurred":"');
const upToRunId = fixedText(
	'","event":"prefect.flow-run.heartbeat","resource":{"prefect.resource.id":"prefect.flow-run.',
);
const upToName = fixedText('","prefect.resource.name":"');
const upToVersion = Buffer.from('","prefect.version":"');
const upToRelated = Buffer.from('"},"related":[');
const relatedHead = Buffer.from('{"prefect.resource.id":"');
const upToRole = Buffer.from('","prefect.resource.role":"');
const upToEventId = fixedText('],"payload":{},"id":"');
const upToReceived = fixedText('","follows":null,"received":"');
/** The zone of the time before it comes first. */
const foot = fixedText('Z"}}');

const uuidBytes = 36;
const afterReceived = foot.length - 1;
const runIdFrom = head.length + prefectTimeBytes + upToRunId.length;
const nameFrom = runIdFrom + uuidBytes + upToName.length;
/** From the end of the related resources to the end of the frame. */
const tailBytes = upToEventId.length + uuidBytes + upToReceived.length + prefectTimeBytes + afterReceived;

/** Text that every heartbeat has, to be compared four bytes at a time. */
interface FixedText {
	readonly length: number;
	readonly words: Int32Array;
	/** Its last four bytes, some of which the words may have as well. */
	readonly lastWord: number;
}

/** @param text four bytes at least */
function fixedText(text: string): FixedText {
	const bytes = Buffer.from(text);
	const words = Int32Array.from({ length: bytes.length >> 2 }, (_, word) => bytes.readInt32BE(4 * word));
	return { length: bytes.length, words, lastWord: bytes.readInt32BE(bytes.length - 4) };
}

const quote = 0x22;
const comma = 0x2c;
const colon = 0x3a;
const backslash = 0x5c;
const closingBrace = 0x7d;
const space = 0x20;
const outsideAscii = 0x80;

/**
 * Endings of heartbeats that are remembered, from the client's version to the last related resource: those of a deployment's
 * runs are alike byte for byte. Of more deployments than that some are read again each time.
 */
const endingsMax = 1_024;
/** A longer one is not remembered. */
const endingBytesMax = 2_048;

/** Reads heartbeats from their frames; the last one that it has read stands in it, and is gone with the next. */
export class HeartbeatScanner implements HeardBeat {
	readonly runId: Uint32Array = new Uint32Array(idWords);
	readonly eventId: Uint32Array = new Uint32Array(idWords);
	occurredMs = 0;
	receivedMs = 0;
	/** That were found to be of the right form, by a few of their bytes. */
	readonly #endings: (Buffer | undefined)[] = Array.from({ length: endingsMax });
	readonly #occurredDates = new DateMemory();
	readonly #receivedDates = new DateMemory();
	/** Of the bytes that the socket gave last: many frames are cut from them. */
	#view = new DataView<ArrayBufferLike>(new ArrayBuffer(0));

	/**
	 * Reads the beat of a heartbeat's frame without its labels, at a small part of the cost of parsing it. False for whatever
	 * is not, byte for byte, such a frame with times that make sense: then `parseFrame` and `readEvent` have to say what it
	 * is. Where it is true they say the same, and the labels besides.
	 *
	 * @param bytes the frame is in them, from there to the end
	 */
	scan(bytes: Buffer, from: number, end: number): boolean {
		const tail = end - tailBytes;
		if (tail < from + runIdFrom) return false;
		if (this.#view.buffer !== bytes.buffer) this.#view = new DataView(bytes.buffer);
		const begin = bytes.byteOffset + from;
		if (!this.#isThere(head, begin) || !this.#isThere(upToRunId, begin + runIdFrom - upToRunId.length)) return false;
		if (!putIdBytes(this.runId, bytes, from + runIdFrom)) return false;
		if (!this.#isThere(upToName, begin + nameFrom - upToName.length) || !this.#isRest(bytes, from + nameFrom, tail))
			return false;
		const occurredMs = scanTimestamp(bytes, from + head.length, this.#occurredDates);
		const receivedMs = scanTimestamp(bytes, end - afterReceived - prefectTimeBytes, this.#receivedDates);
		if (occurredMs === null || receivedMs === null || !isPlausible(occurredMs, receivedMs)) return false;
		this.occurredMs = occurredMs;
		this.receivedMs = receivedMs;
		return true;
	}

	/** From the run's name on, without the time at the end. @param tail where the tail begins */
	#isRest(bytes: Buffer, nameAt: number, tail: number): boolean {
		const nameEnd = stringEnd(bytes, nameAt, tail);
		if (nameEnd === wrong || !isText(bytes, nameAt, nameEnd)) return false;
		return this.#isEnding(bytes, nameEnd, tail) && this.#isTail(bytes, tail);
	}

	/** From the end of the related resources on, without the time in it. */
	#isTail(bytes: Buffer, from: number): boolean {
		const begin = bytes.byteOffset + from;
		const eventIdFrom = upToEventId.length;
		if (!this.#isThere(upToEventId, begin) || !putIdBytes(this.eventId, bytes, from + eventIdFrom)) return false;
		if (!this.#isThere(upToReceived, begin + eventIdFrom + uuidBytes)) return false;
		return this.#isThere(foot, begin + tailBytes - foot.length);
	}

	/** @param at in `#view`, which reaches so far */
	#isThere({ words, length, lastWord }: FixedText, at: number): boolean {
		const view = this.#view;
		for (let word = 0; word < words.length; word += 1) {
			if (view.getInt32(at + 4 * word) !== words[word]) return false;
		}
		return view.getInt32(at + length - 4) === lastWord;
	}

	/** What is between the end of the name and that of the related resources has the right form. */
	#isEnding(frame: Buffer, from: number, end: number): boolean {
		const place = placeOf(frame, from, end);
		const known = this.#endings[place];
		// One call to compare them all is a tenth of looking at each byte.
		if (known?.length === end - from && frame.compare(known, 0, known.length, from, end) === 0) return true;
		const relatedFrom = afterVersion(frame, from, end);
		if (relatedFrom === wrong || afterRelated(frame, relatedFrom, end) !== end) return false;
		if (!isText(frame, from, end)) return false;
		if (end - from <= endingBytesMax) this.#endings[place] = Buffer.from(frame.subarray(from, end));
		return true;
	}
}

/** By the length and some bytes of the ids in it. */
function placeOf(frame: Uint8Array, from: number, end: number): number {
	let mixed = end - from;
	for (let at = from + 64; at < end; at += 96) {
		mixed = Math.imul(
			mixed ^ (frame[at] ?? 0) ^ ((frame[at + 13] ?? 0) << 8) ^ ((frame[at + 29] ?? 0) << 16),
			0x9e3779b1,
		);
	}
	return (mixed >>> 16) % endingsMax;
}

/** The same beat for whoever keeps it. */
export function viewOf({ runId, eventId, occurredMs, receivedMs }: HeardBeat): RunView {
	const beat = { eventId: idOf(eventId, 0), occurredMs, receivedMs };
	return { runId: idOf(runId, 0), attempt: null, state: null, beat, labels: noLabels };
}

/** A position that no frame has. */
const wrong = -1;

function afterVersion(frame: Uint8Array, from: number, end: number): number {
	if (!isThere(upToVersion, frame, from)) return wrong;
	const versionEnd = stringEnd(frame, from + upToVersion.length, end);
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

/** The bytes may be those of a text. */
function isText(bytes: Uint8Array, from: number, end: number): boolean {
	for (let at = from; at < end; at += 1) {
		if ((bytes[at] as number) >= outsideAscii) return isUtf8(bytes.subarray(from, end));
	}
	return true;
}

/** The closing quote of a string without escapes; bytes of other scripts are passed over: `isText` looks at them. */
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
