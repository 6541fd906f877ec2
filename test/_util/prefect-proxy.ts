import { EventEmitter, once } from "node:events";
import { createServer, type IncomingMessage, request, type Server, type ServerResponse } from "node:http";
import { type AddressInfo, connect, type Socket } from "node:net";
import type { Duplex } from "node:stream";

const untilMsMax = 10_000;

/** A real HTTP proxy on loopback. Wherever one wants to go, one gets to the server behind it. */
export class ProxyStub implements AsyncDisposable {
	/** Where clients asked to be tunnelled to, refused ones included: "host:port". */
	readonly tunnels: string[] = [];
	/** Addresses of forwarded requests. */
	readonly forwarded: string[] = [];
	/** `user:password` that it wants. */
	secret: string | null = null;
	/** Tunnels are answered with this status. */
	tunnelStatus = 200;
	/** Tunnels are never answered. */
	isMute = false;
	readonly #targetPort: number;
	readonly #http: Server;
	readonly #sockets = new Set<Duplex>();
	readonly #changes = new EventEmitter();

	private constructor(targetPort: number) {
		this.#targetPort = targetPort;
		this.#http = createServer((incoming, response) => this.#forward(incoming, response));
		this.#http.on("connection", (socket: Socket) => this.#track(socket));
		this.#http.on("connect", (incoming, socket) => this.#tunnel(incoming, socket));
	}

	/** @param targetPort of loopback, where every way leads */
	static async start(targetPort: number): Promise<ProxyStub> {
		const proxy = new ProxyStub(targetPort);
		proxy.#http.listen(0, "127.0.0.1");
		await once(proxy.#http, "listening");
		return proxy;
	}

	async [Symbol.asyncDispose](): Promise<void> {
		for (const socket of this.#sockets) {
			socket.destroy();
		}
		const closed = once(this.#http, "close");
		this.#http.close();
		await closed;
	}

	get port(): number {
		return (this.#http.address() as AddressInfo).port;
	}

	/** What HTTPS_PROXY would be. */
	get url(): string {
		return `http://127.0.0.1:${this.port}`;
	}

	/** Connections of clients and to the server, now. */
	get connections(): number {
		return this.#sockets.size;
	}

	/** Resolves when the condition holds; it is looked at when connections or tunnels come and go. */
	async until(condition: () => boolean, what: string): Promise<void> {
		const signal = AbortSignal.timeout(untilMsMax);
		while (!condition()) {
			await once(this.#changes, "change", { signal }).catch(() => {
				throw new Error(`the proxy waited in vain until ${what}`);
			});
		}
	}

	#isRefused(incoming: IncomingMessage): boolean {
		const wanted = this.secret === null ? undefined : `Basic ${Buffer.from(this.secret).toString("base64")}`;
		return incoming.headers["proxy-authorization"] !== wanted;
	}

	#tunnel(incoming: IncomingMessage, socket: Duplex): void {
		this.tunnels.push(incoming.url ?? "");
		this.#changes.emit("change");
		if (this.isMute) {
			// The server's half would stay open for ever.
			socket.resume().once("end", () => socket.destroy());
			return;
		}
		const status = this.#isRefused(incoming) ? 407 : this.tunnelStatus;
		if (status !== 200) {
			socket.end(`HTTP/1.1 ${status} No\r\nconnection: close\r\ncontent-length: 0\r\n\r\n`);
			return;
		}
		const server = connect(this.#targetPort, "127.0.0.1");
		this.#track(server);
		socket.write("HTTP/1.1 200 Connection established\r\n\r\n");
		socket.pipe(server).pipe(socket);
	}

	#forward(incoming: IncomingMessage, response: ServerResponse): void {
		this.forwarded.push(incoming.url ?? "");
		if (this.#isRefused(incoming)) {
			response.writeHead(407).end();
			return;
		}
		const { pathname, search } = new URL(incoming.url ?? "");
		// The login is for the proxy alone.
		const {
			method,
			headers: { "proxy-authorization": _login, ...headers },
		} = incoming;
		const target = { host: "127.0.0.1", port: this.#targetPort, path: `${pathname}${search}` };
		const onward = request({ ...target, method, headers, agent: false }, (answer) => {
			response.writeHead(answer.statusCode ?? 502, answer.headers);
			answer.pipe(response);
		});
		onward.on("error", () => response.destroy());
		incoming.pipe(onward);
	}

	#track(socket: Duplex): void {
		this.#sockets.add(socket);
		socket.on("error", () => socket.destroy());
		socket.once("close", () => {
			this.#sockets.delete(socket);
			this.#changes.emit("change");
		});
	}
}
