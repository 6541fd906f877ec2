import { randomUUID } from "node:crypto";
import { once } from "node:events";
import {
	createServer,
	type IncomingHttpHeaders,
	type IncomingMessage,
	type Server,
	type ServerResponse,
} from "node:http";
import { createServer as createTlsServer } from "node:https";
import type { AddressInfo, Socket } from "node:net";
import type { Duplex } from "node:stream";
import { WebSocketServer } from "ws";
import { type EventJson, type RunJson, run, someDeployment, someFlow } from "./prefect-events.ts";
import { answerRest, type StubLimits, type StubWorld } from "./prefect-stub-rest.ts";
import { StubSocket, type Subscription } from "./prefect-stub-socket.ts";

export interface StubOptions {
	/** Basic auth, as of a server with PREFECT_SERVER_API_AUTH_STRING. */
	readonly authString?: string;
	/** Bearer auth, as of Prefect Cloud. */
	readonly apiKey?: string;
	readonly csrf?: boolean;
	readonly port?: number;
	/** It then speaks https and wss. */
	readonly tls?: { readonly cert: string; readonly key: string };
}

export interface LoggedRequest {
	readonly method: string;
	readonly path: string;
	readonly query: string;
	readonly headers: IncomingHttpHeaders;
	readonly body: Readonly<Record<string, unknown>> | null;
	readonly status: number;
}

export interface PlannedAnswer {
	readonly path: RegExp;
	readonly status: number;
	readonly headers?: Readonly<Record<string, string>>;
	readonly body?: unknown;
	/** 1 unless told. */
	readonly times?: number;
}

/** How many events the server holds for a subscriber; what comes at once beyond it is lost without a sign. */
const subscriberQueueEventsMax = 256;
const untilMsMax = 10_000;

/**
 * A real http and websocket server that speaks Prefect's protocol as `prefect.md` describes it, traps included, on a free
 * port of loopback.
 */
export class PrefectStub implements AsyncDisposable, StubWorld {
	readonly runs = new Map<string, RunJson>();
	readonly flows = new Map([[someFlow.id, someFlow.name]]);
	readonly deployments = new Map([[someDeployment.id, someDeployment.name]]);
	readonly stored: EventJson[] = [];
	readonly logs: StubWorld["logs"] = [];
	readonly taskRuns: StubWorld["taskRuns"] = [];
	readonly workers: StubWorld["workers"] = new Map();
	readonly limits: StubLimits = { deployments: new Map(), workPools: [], workQueues: new Map(), named: [] };
	pageRowsMax = 200;
	eventsPageRowsMax = 50;

	readonly requests: LoggedRequest[] = [];
	/** Headers of every websocket upgrade, refused ones included. */
	readonly upgrades: IncomingHttpHeaders[] = [];
	readonly subscriptions: Subscription[] = [];

	/** A proxy that takes Sec-WebSocket-Protocol away, from the request or from the answer. */
	strippedSubprotocol: "none" | "request" | "answer" = "none";
	/** Upgrades are answered with this status. */
	upgradeStatus: number | null = null;
	/** Upgrades are never answered. */
	isMute = false;
	/** Subscriptions are dropped as if their filter were bad. */
	dropsFilters = false;
	/** TCP connections are cut as soon as they come. */
	refusesConnections = false;
	/** Wrong tokens are refused in a message, and the connection stays. */
	refusesInMessage = false;
	/** Upgrades are answered as if the client had asked for compression. */
	insistsOnCompression = false;
	/** Requests over REST are never answered. */
	ignoresRequests = false;
	/** Requests to such a path are never answered. */
	silentPath: RegExp | null = null;
	/** The token that CSRF protection wants; a new one at every GET, and null makes the last one expire. */
	csrfToken: string | null = null;

	readonly #options: StubOptions;
	readonly #http: Server;
	readonly #ws: WebSocketServer;
	readonly #clients = new Set<StubSocket>();
	readonly #wires = new Map<StubSocket, Duplex>();
	readonly #tcp = new Set<Socket>();
	readonly #planned: { plan: PlannedAnswer; left: number }[] = [];
	readonly #watchers = new Set<() => void>();
	#clockOffsetMs = 0;

	private constructor(options: StubOptions) {
		this.#options = options;
		const onRequest = (request: IncomingMessage, response: ServerResponse): void => {
			void this.#onRequest(request, response);
		};
		const { tls } = options;
		this.#http = tls === undefined ? createServer(onRequest) : createTlsServer({ ...tls }, onRequest);
		this.#ws = new WebSocketServer({
			noServer: true,
			autoPong: false,
			handleProtocols: (protocols) =>
				this.strippedSubprotocol !== "answer" && protocols.has("prefect") ? "prefect" : false,
		});
		this.#ws.on("headers", (headers) => {
			if (this.insistsOnCompression) headers.push("Sec-WebSocket-Extensions: permessage-deflate");
		});
		this.#http.on("connection", (socket: Socket) => this.#onConnection(socket));
		this.#http.on("upgrade", (request, socket, head) => this.#onUpgrade(request, socket, head));
	}

	static async start(options: StubOptions = {}): Promise<PrefectStub> {
		const stub = new PrefectStub(options);
		stub.#http.listen(options.port ?? 0, "127.0.0.1");
		await once(stub.#http, "listening");
		return stub;
	}

	async [Symbol.asyncDispose](): Promise<void> {
		this.cutConnections();
		this.#ws.close();
		const closed = once(this.#http, "close");
		this.#http.close();
		await closed;
	}

	get port(): number {
		return (this.#http.address() as AddressInfo).port;
	}

	/** What PREFECT_API_URL would be. */
	get url(): string {
		return `${this.#options.tls === undefined ? "http" : "https"}://127.0.0.1:${this.port}/api`;
	}

	/** The server's clock. */
	nowMs(): number {
		return Date.now() + this.#clockOffsetMs;
	}

	moveClock(ms: number): void {
		this.#clockOffsetMs += ms;
	}

	/** Sockets on which a filter was accepted, now. */
	get subscribers(): number {
		return [...this.#clients].filter((client) => client.subscription !== null).length;
	}

	/** Open TCP connections, of either kind. */
	get connections(): number {
		return this.#tcp.size;
	}

	addRun(facts: Parameters<typeof run>[0] = {}): RunJson {
		const row = run({ atMs: this.nowMs(), ...facts });
		this.runs.set(row.id, row);
		return row;
	}

	/** Happens on the server: stored, and sent to whom it concerns. At most 256 of one call reach a subscriber. */
	emit(...events: readonly EventJson[]): void {
		this.store(...events);
		this.deliver(...events);
	}

	/** In the database alone, as if the stream had dropped it. */
	store(...events: readonly EventJson[]): void {
		this.stored.push(...events);
	}

	/** On the stream alone, as if not flushed to the database yet. */
	deliver(...events: readonly EventJson[]): void {
		for (const client of this.#clients) {
			let sent = 0;
			for (const event of events) {
				sent += sent < subscriberQueueEventsMax && client.deliver(event) ? 1 : 0;
			}
		}
	}

	/** A frame as it is, to every client. */
	sendText(text: string): void {
		for (const client of this.#clients) {
			client.socket.send(text);
		}
	}

	/** Bytes as they are, to every client: what no websocket library would send. */
	sendBytes(bytes: Buffer): void {
		for (const wire of this.#wires.values()) {
			wire.write(bytes);
		}
	}

	pingAll(): void {
		for (const client of this.#clients) {
			client.socket.ping();
		}
	}

	closeAll(code: number, reason = ""): void {
		for (const client of this.#clients) {
			client.socket.close(code, reason);
		}
	}

	/** Without a close frame: 1006 at the other end. */
	dropAll(): void {
		for (const client of this.#clients) {
			client.socket.terminate();
		}
	}

	/** The sockets open now neither answer pings nor bring events any more. */
	hang(): void {
		for (const client of this.#clients) {
			client.isHung = true;
		}
	}

	/** Every TCP connection is reset. */
	cutConnections(): void {
		for (const socket of this.#tcp) {
			socket.destroy();
		}
	}

	/** The next requests to a path are answered so. */
	planAnswer(plan: PlannedAnswer): void {
		this.#planned.push({ plan, left: plan.times ?? 1 });
	}

	requestsTo(path: string): readonly LoggedRequest[] {
		return this.requests.filter((request) => request.path === `/api${path}`);
	}

	/** Resolves when the condition holds; it is looked at after everything that happens here. */
	async until(condition: () => boolean, what: string): Promise<void> {
		if (condition()) {
			return;
		}
		const { promise, resolve, reject } = Promise.withResolvers<void>();
		const timer = setTimeout(() => reject(new Error(`the stub waited in vain until ${what}`)), untilMsMax);
		const look = (): void => {
			if (condition()) {
				resolve();
			}
		};
		this.#watchers.add(look);
		try {
			await promise;
		} finally {
			clearTimeout(timer);
			this.#watchers.delete(look);
		}
	}

	readonly #changed = (): void => {
		for (const look of this.#watchers) {
			look();
		}
	};

	#onConnection(socket: Socket): void {
		if (this.refusesConnections) {
			socket.destroy();
			return;
		}
		this.#tcp.add(socket);
		this.#changed();
		socket.once("close", () => {
			this.#tcp.delete(socket);
			this.#changed();
		});
	}

	#onUpgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
		this.upgrades.push(request.headers);
		if (this.isMute) {
			// Without a reader the client's end of the connection would go unnoticed.
			socket.resume();
			this.#changed();
			return;
		}
		const offered = this.strippedSubprotocol === "request" ? "" : (request.headers["sec-websocket-protocol"] ?? "");
		const isKnown = (request.url ?? "").endsWith("/api/events/out");
		const needsSubprotocol = this.#options.authString !== undefined && !offered.includes("prefect");
		const status = isKnown ? (this.upgradeStatus ?? (needsSubprotocol ? 403 : null)) : 404;
		if (status !== null) {
			socket.end(`HTTP/1.1 ${status} No\r\nconnection: close\r\ncontent-length: 0\r\n\r\n`);
			this.#changed();
			return;
		}
		if (offered === "") {
			delete request.headers["sec-websocket-protocol"];
		}
		this.#ws.handleUpgrade(request, socket, head, (ws) => {
			const secret = this.#options.authString ?? this.#options.apiKey ?? null;
			const client: StubSocket = new StubSocket(ws, this, secret, () => this.#onClientChange(client));
			client.refusesInMessage = this.refusesInMessage;
			this.#clients.add(client);
			this.#wires.set(client, socket);
			ws.once("close", () => {
				this.#clients.delete(client);
				this.#wires.delete(client);
				this.#changed();
			});
			this.#changed();
		});
	}

	#onClientChange(client: StubSocket): void {
		if (client.subscription !== null && !this.subscriptions.includes(client.subscription)) {
			if (this.dropsFilters) {
				client.socket.terminate();
			}
			this.subscriptions.push(client.subscription);
		}
		this.#changed();
	}

	async #onRequest(request: IncomingMessage, response: ServerResponse): Promise<void> {
		const url = new URL(request.url ?? "/", this.url);
		const chunks: Buffer[] = [];
		for await (const chunk of request) {
			chunks.push(chunk as Buffer);
		}
		const text = Buffer.concat(chunks).toString("utf8");
		const body = text === "" ? null : (JSON.parse(text) as Record<string, unknown>);
		const method = request.method ?? "GET";
		const { status, headers, body: answer } = this.#answer(method, url, request.headers, body);
		this.requests.push({ method, path: url.pathname, query: url.search, headers: request.headers, body, status });
		if (!this.ignoresRequests && this.silentPath?.test(url.pathname) !== true) {
			response.sendDate = false;
			response.writeHead(status, {
				date: new Date(this.nowMs()).toUTCString(),
				"content-type": "application/json",
				...headers,
			});
			response.end(typeof answer === "string" ? answer : JSON.stringify(answer));
		}
		this.#changed();
	}

	#answer(
		method: string,
		url: URL,
		headers: IncomingHttpHeaders,
		body: Record<string, unknown> | null,
	): { status: number; headers?: Readonly<Record<string, string>>; body: unknown } {
		const planned = this.#planned.find(({ plan, left }) => left > 0 && plan.path.test(url.pathname));
		if (planned !== undefined) {
			planned.left -= 1;
			return { ...planned.plan, body: planned.plan.body ?? { detail: "planned" } };
		}
		return (
			this.#refusal(method, url, headers) ??
			(url.pathname === "/api/csrf-token" ? this.#newCsrfToken(url) : answerRest(this, method, url, body)) ?? {
				status: 404,
				body: { detail: "Not Found" },
			}
		);
	}

	#refusal(method: string, url: URL, headers: IncomingHttpHeaders): { status: number; body: unknown } | null {
		const { authString, apiKey } = this.#options;
		const wanted =
			authString === undefined
				? apiKey === undefined
					? undefined
					: `Bearer ${apiKey}`
				: `Basic ${Buffer.from(authString).toString("base64")}`;
		return (
			// Prefect's order: the CSRF token before the credentials.
			this.#csrfRefusal(method, headers) ??
			(wanted !== undefined && !/\/(health|ready)$/u.test(url.pathname) && headers.authorization !== wanted
				? { status: 401, body: { exception_message: "Unauthorized" } }
				: null)
		);
	}

	#csrfRefusal(method: string, headers: IncomingHttpHeaders): { status: number; body: unknown } | null {
		if (this.#options.csrf !== true || method !== "POST") {
			return null;
		}
		const token = headers["prefect-csrf-token"];
		if (token === undefined) {
			return { status: 403, body: { detail: "Missing CSRF token." } };
		}
		const isRight = token === this.csrfToken && headers["prefect-csrf-client"] !== undefined;
		return isRight ? null : { status: 403, body: { detail: "Invalid CSRF token or client identifier." } };
	}

	#newCsrfToken(url: URL): { status: number; body: unknown } {
		if (this.#options.csrf !== true) {
			return { status: 422, body: { detail: "CSRF protection is disabled." } };
		}
		this.csrfToken = randomUUID();
		return { status: 200, body: { client: url.searchParams.get("client"), token: this.csrfToken } };
	}
}
