import { once } from "node:events";
import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import type { Duplex } from "node:stream";
import { setTimeout as delay } from "node:timers/promises";
import { type WebSocket, WebSocketServer } from "ws";
import { FrameSource, framesAtOnce } from "./frames.ts";
import { answerRest } from "./rest-answers.ts";

/** What the parent asks for. */
export type SourceOrder =
	| { readonly order: "serve"; readonly liveRuns: number }
	/** To the subscriber that came last. @param framesPerSecond null: as fast as they are taken */
	| {
			readonly order: "send";
			readonly frames: number;
			readonly seed: number;
			readonly framesPerSecond: number | null;
	  };

export type SourceNews =
	| { readonly news: "serving"; readonly apiUrl: string }
	| { readonly news: "subscribed" }
	| { readonly news: "sent"; readonly startedAtMs: number; readonly runsBeaten: number };

let liveRuns = 0;
let subscriber: Duplex | null = null;

function tell(news: SourceNews): void {
	process.send?.(news);
}

/** Prefect's handshake: subprotocol, `auth`, `filter`; then the TCP stream is ours to write frames on. */
function greet(socket: WebSocket, tcp: Duplex): void {
	let isAuthenticated = false;
	socket.on("message", (data: Buffer) => {
		const { type } = JSON.parse(data.toString()) as { type: string };
		if (!isAuthenticated) {
			if (type !== "auth") socket.close(1008, "Expected 'auth' message");
			isAuthenticated = true;
			socket.send(JSON.stringify({ type: "auth_success" }));
		} else if (type === "filter") {
			subscriber = tcp;
			tell({ news: "subscribed" });
		} else socket.close(1002, "Expected 'filter' message");
	});
	socket.on("error", () => socket.terminate());
}

async function serve(): Promise<void> {
	const sockets = new WebSocketServer({
		noServer: true,
		perMessageDeflate: false,
		handleProtocols: (protocols) => (protocols.has("prefect") ? "prefect" : false),
	});
	const http = createServer((request, response) => void answerRest(request, response, liveRuns));
	http.on("upgrade", (request: IncomingMessage, tcp: Duplex, head: Buffer) => {
		(tcp as Socket).setNoDelay(true);
		sockets.handleUpgrade(request, tcp, head, (socket) => greet(socket, tcp));
	});
	http.listen(0, "127.0.0.1");
	await once(http, "listening");
	tell({ news: "serving", apiUrl: `http://127.0.0.1:${(http.address() as AddressInfo).port}/api` });
}

async function send(order: SourceOrder & { readonly order: "send" }): Promise<void> {
	const to = subscriber;
	if (to === null) throw new Error("nobody has subscribed");
	const source = new FrameSource(liveRuns, order.seed);
	const startedAtMs = Date.now();
	for (let sent = 0; sent < order.frames; sent += framesAtOnce) {
		const aheadMs =
			order.framesPerSecond === null ? 0 : (sent / order.framesPerSecond) * 1000 + startedAtMs - Date.now();
		if (aheadMs > 1) await delay(aheadMs);
		const chunk = source.next(Math.min(framesAtOnce, order.frames - sent), Date.now());
		if (to.destroyed) throw new Error("the subscriber has gone");
		// The source writes the next frames over these.
		await written(to, chunk);
	}
	tell({ news: "sent", startedAtMs, runsBeaten: source.runsBeaten });
}

/** Resolves when the kernel has all of it. */
async function written(to: Duplex, chunk: Buffer): Promise<void> {
	await new Promise<void>((resolve, reject) => {
		to.write(chunk, (error) => (error ? reject(error) : resolve()));
	});
}

process.on("message", (order: SourceOrder) => {
	if (order.order === "serve") {
		liveRuns = order.liveRuns;
		void serve();
	} else void send(order);
});
process.on("disconnect", () => process.exit());
