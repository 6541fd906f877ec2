import { cadenceMs, clientVersion, flowsTotal, lastStoredBeatMs, relatedOf, runIdOf, runNameOf } from "./fleet.ts";

const idChars = 36;
const nameDigits = 7;
const secondsChars = "0000-00-00T00:00:00.".length;
const millisChars = secondsChars + 3;

/** Heartbeats that are written to the socket at once. */
export const framesAtOnce = 200;

/** Where in a heartbeat's frame the parts stand that differ from beat to beat. */
interface Template {
	readonly bytes: Buffer;
	readonly occurredAt: number;
	readonly runIdAt: number;
	readonly nameDigitsAt: number;
	readonly eventIdAt: number;
	readonly receivedAt: number;
}

/** A time in whole milliseconds, and the microseconds beyond. */
interface Received {
	readonly text: Buffer;
	us: number;
}

const placeTime = "0000-00-00T00:00:00.000000Z";
const placeEventId = "01a20000-0000-7000-8000-000000000000";

/**
 * Heartbeats of the fleet's runs as websocket frames, byte for byte as Prefect 3.8.8 writes them, in an order that the
 * seed alone decides. A million runs' frames would not fit into memory: a batch of them is made once, and all that differs
 * from beat to beat is written over it, so that this process takes as little as it can of what the other one needs.
 */
export class FrameSource {
	readonly #runs: number;
	readonly #ids: Buffer;
	/** One for each flow; they follow one another, each at its place in the batch. */
	readonly #templates: readonly Template[];
	readonly #batch: Buffer;
	readonly #beats: Uint16Array;
	/** By beat: when a run's beat occurred, but for what is less than a second. */
	readonly #occurred: Buffer[] = [];
	#state: number;
	#sent = 0;
	/** When the next frame can have been received, microseconds since the epoch. */
	#receivedUs = 0;

	/** @param seed an integer, not 0 */
	constructor(runs: number, seed: number) {
		this.#runs = runs;
		this.#ids = Buffer.alloc(runs * idChars);
		for (let index = 0; index < runs; index += 1) this.#ids.write(runIdOf(index), index * idChars, "latin1");
		this.#templates = Array.from({ length: Math.min(flowsTotal, runs) }, (_, index) => templateOf(index));
		const frames = Array.from({ length: framesAtOnce }, (_, frame) => this.#templateAt(frame).bytes);
		this.#batch = Buffer.concat(frames);
		this.#beats = new Uint16Array(runs);
		this.#state = seed | 0;
	}

	/** How many runs have beaten. */
	get runsBeaten(): number {
		return this.#beats.reduce((sum, beats) => sum + (beats > 0 ? 1 : 0), 0);
	}

	/**
	 * The next frames, one after the other, received by the server now. They are written over those before: call it when
	 * nobody needs those any more.
	 *
	 * @param frames `framesAtOnce` at most
	 */
	next(frames: number, nowMs: number): Buffer {
		const receivedUs = this.#receive(frames, nowMs);
		const text = new Date(Math.floor(receivedUs / 1000)).toISOString();
		const received = { text: Buffer.from(text.slice(0, millisChars), "latin1"), us: receivedUs % 1000 };
		let end = 0;
		for (let frame = 0; frame < frames; frame += 1) {
			const template = this.#templateAt(frame);
			this.#put(end, template, this.#draw(frame), received);
			received.us += 1;
			end += template.bytes.length;
		}
		return this.#batch.subarray(0, end);
	}

	/** Each frame a microsecond after the one before it at least, as a server would: these are of one millisecond. */
	#receive(frames: number, nowMs: number): number {
		const us = Math.max(this.#receivedUs, nowMs * 1000);
		const isWithin = (us % 1000) + frames <= 1000;
		const firstUs = isWithin ? us : (Math.floor(us / 1000) + 1) * 1000;
		this.#receivedUs = firstUs + frames;
		return firstUs;
	}

	#templateAt(frame: number): Template {
		return this.#templates[frame % this.#templates.length] as Template;
	}

	#put(from: number, template: Template, run: number, received: Received): void {
		const batch = this.#batch;
		const beat = (this.#beats[run] ?? 0) + 1;
		this.#beats[run] = beat;
		this.#sent += 1;
		copyChars(batch, from + template.runIdAt, this.#ids, run * idChars, idChars);
		putDigits(batch, from + template.nameDigitsAt, nameDigits, run);
		putHex(batch, from + template.eventIdAt + 24, this.#sent);
		copyChars(batch, from + template.occurredAt, this.#occurredOf(beat), 0, secondsChars);
		putDigits(batch, from + template.occurredAt + secondsChars, 6, this.#sent % 1_000_000);
		copyChars(batch, from + template.receivedAt, received.text, 0, millisChars);
		putDigits(batch, from + template.receivedAt + millisChars, 3, received.us);
	}

	/**
	 * A cadence apart, beginning days ago: a client may send what it has held. So the runs have the usual cadence at
	 * whatever rate their beats come.
	 */
	#occurredOf(beat: number): Buffer {
		const known = this.#occurred[beat];
		if (known !== undefined) return known;
		const text = new Date(lastStoredBeatMs + beat * cadenceMs).toISOString().slice(0, secondsChars);
		const occurred = Buffer.from(text, "latin1");
		this.#occurred[beat] = occurred;
		return occurred;
	}

	/** One of the flow's runs that the frame's template is of, by Marsaglia's xorshift32. */
	#draw(frame: number): number {
		let state = this.#state;
		state ^= state << 13;
		state ^= state >>> 17;
		state ^= state << 5;
		this.#state = state;
		const shape = frame % this.#templates.length;
		const runs = Math.ceil((this.#runs - shape) / this.#templates.length);
		return shape + this.#templates.length * ((state >>> 0) % runs);
	}
}

function templateOf(index: number): Template {
	const event = {
		occurred: placeTime,
		event: "prefect.flow-run.heartbeat",
		resource: {
			"prefect.resource.id": `prefect.flow-run.${runIdOf(index)}`,
			"prefect.resource.name": runNameOf(index),
			"prefect.version": clientVersion,
		},
		related: relatedOf(index),
		payload: {},
		id: placeEventId,
		follows: null,
		received: placeTime,
	};
	const payload = Buffer.from(JSON.stringify({ type: "event", event }));
	// RFC 6455: one unmasked text frame with a length of two bytes.
	const header = Buffer.from([0x81, 126, payload.length >> 8, payload.length & 0xff]);
	const bytes = Buffer.concat([header, payload]);
	return {
		bytes,
		occurredAt: bytes.indexOf(placeTime),
		runIdAt: bytes.indexOf(runIdOf(index)),
		nameDigitsAt: bytes.indexOf(runNameOf(index)) + runNameOf(index).length - nameDigits,
		eventIdAt: bytes.indexOf(placeEventId),
		receivedAt: bytes.lastIndexOf(placeTime),
	};
}

/** So few that a call of `copy` would take longer. */
function copyChars(into: Buffer, at: number, chars: Buffer, from: number, length: number): void {
	for (let index = 0; index < length; index += 1) into[at + index] = chars[from + index] as number;
}

function putDigits(into: Buffer, at: number, digits: number, value: number): void {
	let rest = value;
	for (let place = at + digits - 1; place >= at; place -= 1) {
		into[place] = 0x30 + (rest % 10);
		rest = (rest / 10) | 0;
	}
}

/** Eight digits, in the last group of an event's id. */
function putHex(into: Buffer, at: number, value: number): void {
	let rest = value;
	for (let place = at + 11; place > at + 3; place -= 1) {
		const digit = rest & 0xf;
		into[place] = digit + (digit < 10 ? 0x30 : 0x57);
		rest >>>= 4;
	}
}
