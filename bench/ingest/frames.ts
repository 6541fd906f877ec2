import { cadenceMs, clientVersion, lastStoredBeatMs, relatedOf, runIdOf, runNameOf } from "./fleet.ts";

const idChars = 36;
const nameDigits = 7;

/** Where in a heartbeat's frame the parts stand that differ from beat to beat. */
interface Template {
	readonly bytes: Buffer;
	readonly occurredAt: number;
	readonly runIdAt: number;
	readonly nameDigitsAt: number;
	readonly eventIdAt: number;
	readonly receivedAt: number;
}

const placeTime = "0000-00-00T00:00:00.000000Z";
const placeEventId = "01a20000-0000-7000-8000-000000000000";

/**
 * Heartbeats of the fleet's runs as websocket frames, byte for byte as Prefect 3.8.8 writes them, in an order that the
 * seed alone decides. Made as fast as they are sent: a million runs' frames would not fit into memory.
 */
export class FrameSource {
	readonly #runs: number;
	readonly #ids: Buffer;
	readonly #templates: readonly Template[];
	readonly #beats: Uint16Array;
	#state: number;
	#sent = 0;

	/** @param seed an integer, not 0 */
	constructor(runs: number, seed: number) {
		this.#runs = runs;
		this.#ids = Buffer.alloc(runs * idChars);
		for (let index = 0; index < runs; index += 1) this.#ids.write(runIdOf(index), index * idChars, "latin1");
		this.#templates = Array.from({ length: 20 }, (_, index) => templateOf(index));
		this.#beats = new Uint16Array(runs);
		this.#state = seed | 0;
	}

	/** How many runs have beaten. */
	get runsBeaten(): number {
		return this.#beats.reduce((sum, beats) => sum + (beats > 0 ? 1 : 0), 0);
	}

	/** The next frames, one after the other, received by the server now. */
	next(frames: number, nowMs: number): Buffer {
		const longest = Math.max(...this.#templates.map((template) => template.bytes.length));
		const chunk = Buffer.allocUnsafe(frames * longest);
		const received = new Date(nowMs).toISOString().slice(0, 23);
		let end = 0;
		for (let frame = 0; frame < frames; frame += 1) end = this.#put(chunk, end, received);
		return chunk.subarray(0, end);
	}

	#put(chunk: Buffer, from: number, received: string): number {
		const index = this.#draw();
		const template = this.#templates[index % this.#templates.length] as Template;
		const { bytes, occurredAt, runIdAt, nameDigitsAt, eventIdAt, receivedAt } = template;
		const beat = (this.#beats[index] ?? 0) + 1;
		this.#beats[index] = beat;
		this.#sent += 1;
		bytes.copy(chunk, from);
		this.#ids.copy(chunk, from + runIdAt, index * idChars, (index + 1) * idChars);
		putDigits(chunk, from + nameDigitsAt, nameDigits, index);
		putHex(chunk, from + eventIdAt + 24, this.#sent);
		chunk.write(this.#occurred(beat), from + occurredAt, "latin1");
		putDigits(chunk, from + occurredAt + 20, 6, this.#sent % 1_000_000);
		chunk.write(received, from + receivedAt, "latin1");
		putDigits(chunk, from + receivedAt + 23, 3, this.#sent % 1_000);
		return from + bytes.length;
	}

	readonly #occurredTexts: string[] = [];

	/**
	 * A cadence apart, beginning days ago: a client may send what it has held. So the runs have the usual cadence at
	 * whatever rate their beats come.
	 */
	#occurred(beat: number): string {
		this.#occurredTexts[beat] ??= new Date(lastStoredBeatMs + beat * cadenceMs).toISOString().slice(0, 20);
		return this.#occurredTexts[beat] as string;
	}

	/** Marsaglia's xorshift32. */
	#draw(): number {
		let state = this.#state;
		state ^= state << 13;
		state ^= state >>> 17;
		state ^= state << 5;
		this.#state = state;
		return (state >>> 0) % this.#runs;
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

function putDigits(into: Buffer, at: number, digits: number, value: number): void {
	let rest = value;
	for (let place = at + digits - 1; place >= at; place -= 1) {
		into[place] = 0x30 + (rest % 10);
		rest = Math.floor(rest / 10);
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
