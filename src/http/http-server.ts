import { type FastifyInstance, type FastifyReply, fastify } from "fastify";
import type { Clock } from "../lib/clock.ts";
import { messageOf, OperatorError, OutsideError } from "../lib/errors.ts";
import { type Answers, addApi, apiPrefix, problem, type RunSource } from "./api/api.ts";
import { type OperatorAnswer, type OperatorCommand, operatorCommandSchema } from "./operator-command.ts";
import { addPages } from "./pages/pages.ts";
import { deathOf, type ReadinessFacts, readinessOf } from "./readiness.ts";
import { refusalOfReload } from "./reload-guard.ts";
import type { Status, StatusFacts } from "./status.ts";
import { challenge, isAllowed } from "./token-guard.ts";

export interface ListenOn {
	/** A name or an address, IPv6 without brackets. */
	readonly host: string;
	/** 0: one that is free. */
	readonly port: number;
}

export interface HttpServerOptions {
	readonly listen: ListenOn;
	/** The page of metrics: numbers that are there already; it must ask nobody. */
	readonly metrics: { readonly contentType: string; text(): Promise<string> };
	readonly readiness: () => ReadinessFacts;
	readonly status: () => StatusFacts;
	/** What names runs. */
	readonly source: () => RunSource;
	/** Without it nothing is told that names a run; null: everybody who reaches us may look. */
	readonly token: string | null;
	/** Reads the settings again; names of settings, never values. */
	readonly reload: () => ReloadAnswer;
	/** Carries out what an operator commands; throws OutsideError when that cannot be done now. */
	readonly operate: (command: OperatorCommand) => Promise<OperatorAnswer>;
	readonly version: string;
	readonly clock: Clock;
}

/** What came of reading the settings again, as it is answered. */
export type ReloadAnswer =
	| {
			readonly reloaded: true;
			readonly changed: readonly string[];
			readonly needs_restart: readonly string[];
			readonly warnings: readonly string[];
	  }
	| { readonly reloaded: false; readonly problems: readonly string[] };

/** A request takes milliseconds; who sends its headers more slowly than this holds a socket for nothing. */
const requestMs = 10_000;
const idleMs = 30_000;
/** An operator's command; nothing else here takes a body. */
const bodyBytesMax = 8192;

/** Metrics, health and a reload, none of which names a run; pages and an API, which do. */
export class HttpServer implements AsyncDisposable {
	readonly #fastify: FastifyInstance;
	/** `http://127.0.0.1:4290`; an IPv6 address in brackets. */
	readonly address: string;

	private constructor(server: FastifyInstance, address: string) {
		this.#fastify = server;
		this.address = address;
	}

	/**
	 * Resolves when it listens. Aborting the signal while it starts closes it.
	 *
	 * @throws OperatorError when the address cannot be had
	 */
	static async start(options: HttpServerOptions, signal: AbortSignal): Promise<HttpServer> {
		signal.throwIfAborted();
		const server = routes(options);
		try {
			await server.listen({ host: options.listen.host, port: options.listen.port });
			signal.throwIfAborted();
		} catch (error) {
			await server.close();
			throw signal.aborted ? signal.reason : refusal(error, options.listen);
		}
		return new HttpServer(server, addressOf(server));
	}

	/** Open connections are ended: no answer here is worth waiting for. */
	async [Symbol.asyncDispose](): Promise<void> {
		await this.#fastify.close();
	}
}

function routes(options: HttpServerOptions): FastifyInstance {
	const server = fastify({
		logger: false,
		forceCloseConnections: true,
		requestTimeout: requestMs,
		keepAliveTimeout: idleMs,
		bodyLimit: bodyBytesMax,
		// What is no address at all does not come as far as a handler.
		frameworkErrors: (_error, request, reply) => void badRequest(request.url, reply, 400),
	});
	server.addHook("onRequest", async (_request, reply) => {
		reply.headers({
			"cache-control": "no-store",
			"content-security-policy": "default-src 'none'; frame-ancestors 'none'",
			"referrer-policy": "no-referrer",
			"x-content-type-options": "nosniff",
		});
	});
	server.addHook("onRequest", async (request, reply) => {
		if (isAllowed(request, options.token)) return;
		reply.header("www-authenticate", challenge);
		return problem(reply, 401, "http.token is set: give it as a Bearer token, or as the password of basic auth");
	});
	const { source, version } = options;
	const answers: Answers = { source, version, status: () => ({ ...statusOf(options), ...source().details() }) };
	addApi(server, answers);
	addPages(server, answers, options.clock);
	server.get("/metrics", async (_request, reply) => {
		const page = await options.metrics.text();
		return reply.type(options.metrics.contentType).send(page);
	});
	const startedMonoMs = options.clock.now().monoMs;
	// Whoever restarts us on this must do so for a hung process only: one that does not answer, or whose core is dead.
	server.get("/-/healthy", async (_request, reply) => {
		const death = deathOf(options.readiness(), startedMonoMs, options.clock.now().monoMs);
		return death === null ? plain(reply, 200, "healthy") : plain(reply, 503, `not healthy: ${death}`);
	});
	server.get("/-/ready", async (_request, reply) => {
		const readiness = readinessOf(options.readiness(), options.clock.now().monoMs);
		return readiness.ready ? plain(reply, 200, "ready") : plain(reply, 503, `not ready: ${readiness.reason}`);
	});
	server.get("/-/status", async (_request, reply) => reply.send(statusOf(options)));
	server.post("/-/reload", async (request, reply) => {
		const refusal = refusalOfReload(request);
		if (refusal !== null) return plain(reply, 403, `refused: ${refusal}`);
		const answer = options.reload();
		return reply.code(answer.reloaded ? 200 : 422).send(answer);
	});
	server.post("/-/operator", async (request, reply) => {
		const refusal = refusalOfReload(request);
		if (refusal !== null) return plain(reply, 403, `refused: ${refusal}`);
		const command = operatorCommandSchema.safeParse(request.body);
		if (!command.success) return plain(reply, 400, "not a command of this version");
		return await operated(options, command.data, reply);
	});
	server.setNotFoundHandler((request, reply) =>
		isOfApi(request.url)
			? problem(reply, 404, `no such path; ${apiPrefix}/openapi.json has them all`)
			: plain(reply, 404, "not found; see /"),
	);
	// The library's own answers would repeat what was asked.
	server.setErrorHandler((error: { readonly statusCode?: number }, request, reply) => {
		const status = error.statusCode !== undefined && error.statusCode < 500 ? error.statusCode : 500;
		return badRequest(request.url, reply, status);
	});
	return server;
}

async function operated(
	{ operate }: HttpServerOptions,
	command: OperatorCommand,
	reply: FastifyReply,
): Promise<OperatorAnswer | FastifyReply> {
	try {
		return await operate(command);
	} catch (error) {
		if (!(error instanceof OutsideError)) throw error;
		return plain(reply, 503, messageOf(error));
	}
}

function badRequest(url: string, reply: FastifyReply, status: number): FastifyReply {
	const text = status === 500 ? "internal error" : "bad request";
	return isOfApi(url) ? problem(reply, status, text) : plain(reply, status, text);
}

function isOfApi(url: string): boolean {
	return url.startsWith(`${apiPrefix}/`);
}

function statusOf({ status, readiness, clock, version }: HttpServerOptions): Status {
	const ready = readinessOf(readiness(), clock.now().monoMs);
	return { version, ready: ready.ready, reason: ready.ready ? null : ready.reason, ...status() };
}

function plain(reply: FastifyReply, status: number, text: string): FastifyReply {
	return reply.code(status).type("text/plain; charset=utf-8").send(`${text}\n`);
}

function hostAndPort(host: string, port: number): string {
	return host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
}

function addressOf(server: FastifyInstance): string {
	const [address] = server.addresses();
	if (typeof address !== "object") throw new Error("a listening server has no address");
	return `http://${hostAndPort(address.address, address.port)}`;
}

const refusals: Readonly<Record<string, string>> = {
	EADDRINUSE: "another process listens there",
	EACCES: "this user may not listen there (ports under 1024 need rights)",
	EADDRNOTAVAIL: "this machine has no such address",
	ENOTFOUND: "there is no host of that name",
	EAI_AGAIN: "the name could not be resolved",
};

/** The operator's fault where the system says so; anything else passes as it is. */
function refusal(error: unknown, { host, port }: ListenOn): unknown {
	const code = error instanceof Error && "code" in error ? String(error.code) : "";
	const why = refusals[code] ?? (code.startsWith("E") ? messageOf(error) : null);
	if (why === null) return error;
	return new OperatorError(
		`http.listen: cannot listen on ${hostAndPort(host, port)}: ${why}; choose another address with --http.listen or ZOMBIED_HTTP_LISTEN`,
		{ cause: error },
	);
}
