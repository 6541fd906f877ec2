import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";
import { setImmediate as breath, setTimeout as delay } from "node:timers/promises";

/** What a bad network does to every connection, of either direction. */
export type Toxic =
	| { readonly kind: "none" }
	/** Each chunk comes later, by a time drawn between the two; the order stays. */
	| { readonly kind: "latency"; readonly minMs: number; readonly maxMs: number }
	/** Reset within this time of its beginning. */
	| { readonly kind: "reset"; readonly withinMs: number }
	/** Taken, and then silent for ever, also when the toxic is over: as behind a firewall that has forgotten it. */
	| { readonly kind: "hung" }
	/** In pieces of at most so many bytes. */
	| { readonly kind: "sliced"; readonly bytesMax: number }
	| { readonly kind: "slow"; readonly bytesPerSecond: number };

const slowStepMs = 100;
/** Of one direction: beyond it the sender has to wait. */
const queuedBytesMax = 1024 * 1024;

/** A TCP proxy on loopback, in front of one port there, with a network that can be made bad while it runs. */
export class ToxicProxy implements AsyncDisposable {
	readonly #server: Server;
	readonly #targetPort: number;
	readonly #random: () => number;
	readonly #lanes = new Set<Lane>();
	#toxic: Toxic = { kind: "none" };

	private constructor(targetPort: number, random: () => number) {
		this.#targetPort = targetPort;
		this.#random = random;
		this.#server = createServer((client) => this.#open(client));
	}

	static async start(targetPort: number, random: () => number): Promise<ToxicProxy> {
		const proxy = new ToxicProxy(targetPort, random);
		proxy.#server.listen(0, "127.0.0.1");
		await once(proxy.#server, "listening");
		return proxy;
	}

	get port(): number {
		return (this.#server.address() as AddressInfo).port;
	}

	/** From now on, for the connections there are and for those to come. */
	set toxic(toxic: Toxic) {
		this.#toxic = toxic;
		for (const lane of this.#lanes) lane.poison(toxic);
	}

	async [Symbol.asyncDispose](): Promise<void> {
		const closed = once(this.#server, "close");
		this.#server.close();
		for (const lane of this.#lanes) lane.close();
		await closed;
	}

	#open(client: Socket): void {
		const server = connect(this.#targetPort, "127.0.0.1");
		const lane = new Lane(client, server, this.#random, () => this.#lanes.delete(lane));
		this.#lanes.add(lane);
		lane.poison(this.#toxic);
	}
}

/** One connection: the client's, and the one to the server behind it. */
class Lane {
	toxic: Toxic = { kind: "none" };
	readonly random: () => number;
	readonly #client: Socket;
	readonly #server: Socket;
	readonly #closed = new AbortController();
	readonly #onClosed: () => void;

	constructor(client: Socket, server: Socket, random: () => number, onClosed: () => void) {
		this.random = random;
		this.#client = client;
		this.#server = server;
		this.#onClosed = onClosed;
		for (const socket of [client, server]) {
			socket.setNoDelay(true);
			socket.on("error", () => this.close());
			socket.once("close", () => this.close());
		}
		new Pump(this, client, server).start(this.#closed.signal);
		new Pump(this, server, client).start(this.#closed.signal);
	}

	/** What is hung stays so. */
	poison(toxic: Toxic): void {
		if (this.toxic.kind === "hung") return;
		this.toxic = toxic;
		if (toxic.kind === "reset") void this.#reset(toxic.withinMs);
	}

	close(): void {
		if (this.#closed.signal.aborted) return;
		this.#closed.abort();
		// What has been written still goes out.
		this.#client.destroySoon();
		this.#server.destroySoon();
		this.#onClosed();
	}

	async #reset(withinMs: number): Promise<void> {
		await delay(this.random() * withinMs, undefined, { signal: this.#closed.signal }).catch(() => undefined);
		if (!this.#closed.signal.aborted && this.toxic.kind === "reset") this.#client.resetAndDestroy();
	}
}

/** One direction of a lane. */
class Pump {
	readonly #lane: Lane;
	readonly #from: Socket;
	readonly #to: Socket;
	readonly #queue: { readonly chunk: Buffer; readonly dueMs: number }[] = [];
	#queuedBytes = 0;
	#isPumping = false;
	#dueMs = 0;

	constructor(lane: Lane, from: Socket, to: Socket) {
		this.#lane = lane;
		this.#from = from;
		this.#to = to;
	}

	start(closed: AbortSignal): void {
		this.#from.on("data", (chunk: Buffer) => {
			this.#take(chunk);
			if (this.#queuedBytes > queuedBytesMax) this.#from.pause();
			// Aborted: the connection is gone, and what was queued with it.
			if (!this.#isPumping) this.#pump(closed).catch(() => undefined);
		});
	}

	#take(chunk: Buffer): void {
		const { toxic, random } = this.#lane;
		const laterMs = toxic.kind === "latency" ? toxic.minMs + random() * (toxic.maxMs - toxic.minMs) : 0;
		this.#dueMs = Math.max(this.#dueMs, performance.now() + laterMs);
		this.#queue.push({ chunk, dueMs: this.#dueMs });
		this.#queuedBytes += chunk.length;
	}

	async #pump(closed: AbortSignal): Promise<void> {
		this.#isPumping = true;
		for (let next = this.#queue.shift(); next !== undefined; next = this.#queue.shift()) {
			const waitMs = next.dueMs - performance.now();
			if (waitMs > 0) await delay(waitMs, undefined, { signal: closed });
			await this.#pass(next.chunk, closed);
			this.#queuedBytes -= next.chunk.length;
			if (this.#queuedBytes <= queuedBytesMax) this.#from.resume();
		}
		this.#isPumping = false;
	}

	/** Piece by piece, as the toxic of the moment wants it. */
	async #pass(chunk: Buffer, closed: AbortSignal): Promise<void> {
		for (let at = 0; at < chunk.length; ) {
			closed.throwIfAborted();
			const { toxic, random } = this.#lane;
			let bytes = chunk.length - at;
			switch (toxic.kind) {
				case "hung":
					return;
				case "sliced":
					bytes = 1 + Math.floor(random() * toxic.bytesMax);
					await breath(undefined, { signal: closed });
					break;
				case "slow":
					bytes = Math.max(1, Math.round((toxic.bytesPerSecond * slowStepMs) / 1000));
					await delay(slowStepMs, undefined, { signal: closed });
					break;
				case "none":
				case "latency":
				case "reset":
					break;
				default:
					toxic satisfies never;
			}
			if (this.#lane.toxic.kind === "hung") return;
			this.#to.write(chunk.subarray(at, at + bytes));
			at += bytes;
		}
	}
}
