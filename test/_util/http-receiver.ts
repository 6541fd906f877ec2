import { createServer, type IncomingHttpHeaders, type Server } from "node:http";
import type { AddressInfo } from "node:net";

export interface Received {
	readonly path: string;
	readonly headers: IncomingHttpHeaders;
	readonly body: string;
	/** When its body was in, on the monotonic clock. */
	readonly atMonoMs: number;
}

export interface Answer {
	readonly status: number;
	readonly headers?: Readonly<Record<string, string>>;
	readonly body?: string;
}

/** A real HTTP server that keeps what it is sent. By default it takes everything. */
export class HttpReceiver implements AsyncDisposable {
	readonly received: Received[] = [];
	/** What it says to a request; null: nothing, for ever. */
	answer: (request: Received) => Answer | null = () => ({ status: 200, body: "ok" });
	readonly #server: Server;

	private constructor(server: Server) {
		this.#server = server;
	}

	static async start(host = "127.0.0.1"): Promise<HttpReceiver> {
		const server = createServer((request, response) => {
			const chunks: Buffer[] = [];
			request.on("data", (chunk: Buffer) => chunks.push(chunk));
			request.on("end", () => {
				const got = {
					path: request.url ?? "",
					headers: request.headers,
					body: Buffer.concat(chunks).toString("utf8"),
					atMonoMs: performance.now(),
				};
				receiver.received.push(got);
				const answer = receiver.answer(got);
				if (answer !== null) response.writeHead(answer.status, answer.headers).end(answer.body ?? "");
			});
		});
		const receiver = new HttpReceiver(server);
		await new Promise<void>((resolve) => server.listen(0, host, resolve));
		return receiver;
	}

	get port(): number {
		return (this.#server.address() as AddressInfo).port;
	}

	get url(): string {
		return `http://127.0.0.1:${this.port}/hook`;
	}

	async [Symbol.asyncDispose](): Promise<void> {
		this.#server.closeAllConnections();
		await new Promise((resolve) => this.#server.close(resolve));
	}
}
