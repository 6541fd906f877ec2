import type { Duplex } from "node:stream";
import type { ReadBuffer } from "./read-buffer.ts";

/** First bytes of unmasked frames (RFC 6455) that are whole in themselves. */
const textByte = 0x81;
const pingByte = 0x89;
const pongByte = 0x8a;
/** In the second byte, for lengths that follow in two bytes and in eight. */
const lengthInTwo = 126;
const lengthInEight = 127;
const noBytes = Buffer.alloc(0);

type Reader = (bytes: Buffer) => void;
/** @returns false when it has to come as a frame */
type TakeBeat = (bytes: Buffer, from: number, end: number) => boolean;

/**
 * Between a socket and the websocket that reads it: takes heartbeats, which nearly all frames are, out of the bytes as they
 * come, since to hand each of them through the websocket's reader costs a third as much as all else that is done for a
 * beat. Whatever else there is goes to that reader as it came, in order. At the first frame that is not simple (a message
 * in pieces, a close, a fault) it steps aside for good, and the reader has the socket for itself.
 */
export class BeatTap {
	readonly #socket: Duplex;
	readonly #reader: Reader;
	readonly #readBuffer: Pick<ReadBuffer, "isBorrowed">;
	readonly #takeBeat: TakeBeat;
	readonly #onData = (bytes: Buffer): void => this.#read(bytes);
	/** Bytes to come of a frame whose first ones have been passed on. */
	#owedBytes = 0;
	/** Of a frame's header, which is not whole yet. */
	#rest: Buffer = noBytes;

	private constructor(socket: Duplex, reader: Reader, readBuffer: Pick<ReadBuffer, "isBorrowed">, takeBeat: TakeBeat) {
		this.#socket = socket;
		this.#reader = reader;
		this.#readBuffer = readBuffer;
		this.#takeBeat = takeBeat;
	}

	/**
	 * Call when the first frame is still to come, and one reader listens.
	 *
	 * @param takeBeat given the payload of a text frame; must not throw
	 */
	static between(socket: Duplex, readBuffer: Pick<ReadBuffer, "isBorrowed">, takeBeat: TakeBeat): void {
		const [reader, ...others] = socket.listeners("data") as Reader[];
		if (reader === undefined || others.length > 0) return;
		const tap = new BeatTap(socket, reader, readBuffer, takeBeat);
		socket.off("data", reader);
		socket.on("data", tap.#onData);
		readBuffer.isBorrowed = true;
	}

	#read(chunk: Buffer): void {
		const bytes = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
		this.#rest = noBytes;
		let at = Math.min(this.#owedBytes, bytes.length);
		this.#owedBytes -= at;
		/** What is before it has been taken or passed on. */
		let done = 0;
		while (at < bytes.length && hasHeader(bytes, at)) {
			const payloadAt = at + headerBytes(bytes, at);
			const end = payloadAt + payloadBytes(bytes, at);
			if (!isSimple(bytes, at)) {
				this.#stepAside(bytes.subarray(done));
				return;
			}
			if (bytes[at] === textByte && end <= bytes.length) {
				this.#pass(bytes, done, at);
				done = this.#takeBeat(bytes, payloadAt, end) ? end : at;
			}
			at = end;
		}
		this.#owedBytes = Math.max(0, at - bytes.length);
		this.#pass(bytes, done, Math.min(at, bytes.length));
		if (at < bytes.length) this.#rest = Buffer.from(bytes.subarray(at));
	}

	#pass(bytes: Buffer, from: number, end: number): void {
		// It may keep them.
		if (from < end) this.#reader.call(this.#socket, Buffer.from(bytes.subarray(from, end)));
	}

	#stepAside(bytes: Buffer): void {
		this.#readBuffer.isBorrowed = false;
		this.#socket.off("data", this.#onData);
		// Before it gets these bytes: it may want to hear no more after them.
		this.#socket.on("data", this.#reader);
		this.#pass(bytes, 0, bytes.length);
	}
}

/** Without a mask, which servers do not use. */
function headerBytes(bytes: Buffer, at: number): number {
	const length = (bytes[at + 1] ?? 0) & 0x7f;
	if (length === lengthInTwo) return 4;
	return length === lengthInEight ? 10 : 2;
}

function hasHeader(bytes: Buffer, at: number): boolean {
	return at + 2 <= bytes.length && at + headerBytes(bytes, at) <= bytes.length;
}

function payloadBytes(bytes: Buffer, at: number): number {
	const length = (bytes[at + 1] as number) & 0x7f;
	if (length === lengthInTwo) return ((bytes[at + 2] as number) << 8) | (bytes[at + 3] as number);
	return length === lengthInEight ? Number(bytes.readBigUInt64BE(at + 2)) : length;
}

function isSimple(bytes: Buffer, at: number): boolean {
	const first = bytes[at];
	const isMasked = (bytes[at + 1] as number) >= 0x80;
	return !isMasked && (first === textByte || first === pingByte || first === pongByte);
}
