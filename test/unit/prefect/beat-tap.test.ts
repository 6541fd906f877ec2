import { once } from "node:events";
import { createServer } from "node:http";
import { type AddressInfo, connect, type Socket } from "node:net";
import { PassThrough } from "node:stream";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import WebSocket, { WebSocketServer } from "ws";
import { BeatTap } from "../../../src/prefect/beat-tap.ts";

/** Payloads that begin so are heartbeats here. */
const beatMark = "beat";

/** A websocket whose bytes are given by hand: what the tap takes of them, and what comes as messages, in order. */
class Tapped implements AsyncDisposable {
	readonly heard: string[] = [];
	readonly takes: string[] = [];
	readonly #tcp: Socket;
	readonly #socket: WebSocket;
	readonly #server: ReturnType<typeof createServer>;

	private constructor(tcp: Socket, socket: WebSocket, server: ReturnType<typeof createServer>, isTapped: boolean) {
		this.#tcp = tcp;
		this.#socket = socket;
		this.#server = server;
		socket.on("message", (data: Buffer) => this.heard.push(data.toString()));
		socket.on("ping", (data) => this.heard.push(`ping ${data}`));
		socket.on("pong", (data) => this.heard.push(`pong ${data}`));
		socket.on("error", (error) => {
			this.heard.push(error.message);
			socket.terminate();
		});
		if (!isTapped) return;
		BeatTap.between(tcp, { isBorrowed: false }, (bytes, from, end) => {
			const text = bytes.toString("utf8", from, end);
			if (!text.startsWith(beatMark)) return false;
			this.heard.push(text);
			this.takes.push(text);
			return true;
		});
	}

	static async open(isTapped = true): Promise<Tapped> {
		const server = createServer();
		new WebSocketServer({ server });
		server.listen(0, "127.0.0.1");
		await once(server, "listening");
		const { port } = server.address() as AddressInfo;
		const tcp = connect(port, "127.0.0.1");
		const socket = new WebSocket(`ws://127.0.0.1:${port}`, { perMessageDeflate: false, createConnection: () => tcp });
		await once(socket, "open");
		return new Tapped(tcp, socket, server, isTapped);
	}

	/** These bytes have been read from the socket, so many at a time. */
	async read(bytes: Buffer, sizes: readonly number[]): Promise<void> {
		let from = 0;
		for (const size of [...sizes, bytes.length]) {
			if (from < bytes.length && !this.#tcp.destroyed) this.#tcp.emit("data", bytes.subarray(from, from + size));
			from += size;
			// As between two reads: what the reader has put off to the end of the turn is done.
			await new Promise((resolve) => setImmediate(resolve));
		}
	}

	async [Symbol.asyncDispose](): Promise<void> {
		this.#socket.terminate();
		this.#server.closeAllConnections();
		this.#server.close();
		await once(this.#server, "close");
	}
}

interface Frame {
	readonly first: number;
	readonly payload: string;
	readonly isMasked?: boolean;
}

/** As a server writes it; a mask it must not use. */
function bytesOf({ first, payload, isMasked = false }: Frame): Buffer {
	const body = Buffer.from(payload);
	const mask = isMasked ? 0x80 : 0;
	const zeroMask = Buffer.alloc(isMasked ? 4 : 0);
	if (body.length < 126) return Buffer.concat([Buffer.from([first, mask | body.length]), zeroMask, body]);
	if (body.length < 65_536) {
		return Buffer.concat([Buffer.from([first, mask | 126, body.length >> 8, body.length & 0xff]), zeroMask, body]);
	}
	const length = Buffer.alloc(8);
	length.writeBigUInt64BE(BigInt(body.length));
	return Buffer.concat([Buffer.from([first, mask | 127]), length, zeroMask, body]);
}

const text = (payload: string): Frame => ({ first: 0x81, payload });
const beat = text(
	`${beatMark} of some length, as they are, so that two bytes are needed to say so: ${"x".repeat(100)}`,
);

const anyPayload = fc.oneof(
	{ weight: 6, arbitrary: fc.nat(300).map((length) => `${beatMark} ${"b".repeat(length)}`) },
	{ weight: 2, arbitrary: fc.nat(300).map((length) => `state ${"s".repeat(length)}`) },
	{
		weight: 1,
		arbitrary: fc.constantFrom("", "tapferer Mölch 🦎", "g".repeat(70_000), `${beatMark}${"g".repeat(70_000)}`),
	},
);
const anyFrame: fc.Arbitrary<Frame> = fc.record({
	first: fc.oneof({ weight: 20, arbitrary: fc.constant(0x81) }, { weight: 1, arbitrary: fc.constantFrom(0x89, 0x8a) }),
	payload: anyPayload,
});
/** After it nothing is simple any more. */
const anyTrouble: fc.Arbitrary<readonly Frame[]> = fc.constantFrom<readonly Frame[]>(
	[],
	[
		{ first: 0x01, payload: "in " },
		{ first: 0x89, payload: "amid" },
		{ first: 0x80, payload: "pieces" },
	],
	[{ first: 0x82, payload: "binary" }],
	[{ first: 0x88, payload: "\u0003\u00e8" }],
	[{ first: 0x83, payload: "reserved" }],
	[{ first: 0xc1, payload: "compressed" }],
	[{ first: 0x81, payload: "masked", isMasked: true }],
	[{ first: 0x80, payload: "a piece of nothing" }],
	[
		{ first: 0x01, payload: "a message" },
		{ first: 0x81, payload: "amid a message" },
	],
);

describe("taking heartbeats out of a websocket's bytes", () => {
	test("what is heard, and in which order, is what the websocket alone would have told, however it is cut", async () => {
		let taken = 0;
		await fc.assert(
			fc.asyncProperty(
				fc.array(anyFrame, { maxLength: 12 }),
				anyTrouble,
				fc.array(anyFrame, { maxLength: 4 }),
				fc.array(fc.oneof(fc.integer({ min: 1, max: 12 }), fc.integer({ min: 1, max: 2_000 })), { maxLength: 12 }),
				async (before, trouble, after, sizes) => {
					const controls = ({ first, payload }: Frame): Frame =>
						first === 0x81 ? { first, payload } : { first, payload: payload.slice(0, 20) };
					const frames = [...before.map(controls), ...trouble, ...after.map(controls)];
					const bytes = Buffer.concat(frames.map(bytesOf));
					await using tapped = await Tapped.open();
					await using plain = await Tapped.open(false);
					await tapped.read(bytes, sizes);
					await plain.read(bytes, sizes);
					expect(tapped.heard).toEqual(plain.heard);
					taken += tapped.takes.length;
				},
			),
			{ numRuns: 150 },
		);
		expect(taken).toBeGreaterThan(150);
	});

	test("a heartbeat is taken where all of it has come, and one that is cut goes the other way", async () => {
		await using tapped = await Tapped.open();
		const one = bytesOf(beat);
		await tapped.read(Buffer.concat([one, one, one]), [one.length + 50, 2 * one.length - 50]);
		expect(tapped.heard).toHaveLength(3);
		expect(tapped.takes).toHaveLength(2);
	});

	test("after a message in pieces the websocket has the socket for itself", async () => {
		await using tapped = await Tapped.open();
		const pieces: readonly Frame[] = [
			{ first: 0x01, payload: "two " },
			{ first: 0x80, payload: "pieces" },
		];
		await tapped.read(Buffer.concat([beat, ...pieces, beat].map(bytesOf)), []);
		expect(tapped.heard).toEqual([beat.payload, "two pieces", beat.payload]);
		expect(tapped.takes).toHaveLength(1);
	});

	test("where somebody else reads the socket too nothing is taken", async () => {
		const socket = new PassThrough();
		const reads: Buffer[] = [];
		socket.on("data", (bytes: Buffer) => reads.push(bytes));
		socket.on("data", () => undefined);
		BeatTap.between(socket, { isBorrowed: false }, () => true);
		socket.emit("data", bytesOf(beat));
		expect(reads).toEqual([bytesOf(beat)]);
	});
});
