import { spawnSync } from "node:child_process";
import { once } from "node:events";
import { createServer as createHttpServer, type IncomingMessage, request } from "node:http";
import { connect, createServer } from "node:net";
import { networkInterfaces } from "node:os";
import { text } from "node:stream/consumers";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { askHealth, askStatus } from "../../../src/http/daemon-client.ts";
import { HttpServer, type ListenOn, type ReloadAnswer } from "../../../src/http/http-server.ts";
import type { OperatorAnswer, OperatorCommand } from "../../../src/http/operator-command.ts";
import type { ReadinessFacts } from "../../../src/http/readiness.ts";
import { isLoopback } from "../../../src/http/reload-guard.ts";
import { statusSchema } from "../../../src/http/status.ts";
import { OperatorError, OutsideError } from "../../../src/lib/errors.ts";
import { Metrics } from "../../../src/observe/metrics.ts";
import { pageSource, someRunId } from "../../_util/page-source.ts";
import { sampleStatus } from "../../_util/page-status.ts";
import { SkippingClock } from "../../_util/prefect-clock.ts";

const never = new AbortController().signal;
const loopback: ListenOn = { host: "127.0.0.1", port: 0 };

let clock: SkippingClock;
let facts: ReadinessFacts;
let reloadAnswer: ReloadAnswer;
let reloads: number;
let operated: OperatorCommand[];
let metrics: Metrics;
let server: HttpServer;

function start(listen: ListenOn, signal = never): Promise<HttpServer> {
	const options = { listen, metrics, readiness: () => facts, version: "1.2.3", clock };
	const reload = (): ReloadAnswer => {
		reloads += 1;
		return reloadAnswer;
	};
	const operate = async (command: OperatorCommand): Promise<OperatorAnswer> => {
		operated.push(command);
		if (command.do === "retry_deliveries") throw new OutsideError("the store fails", { retryable: true });
		return { changed: 1, ids: ["1a2b3c4d"] };
	};
	return HttpServer.start(
		{ ...options, status: () => sampleStatus, source: () => pageSource(), token: null, reload, operate },
		signal,
	);
}

beforeEach(async () => {
	clock = new SkippingClock();
	facts = { loaded: true, storeFailing: false, lastTickMonoMs: 0 };
	reloadAnswer = { reloaded: true, changed: ["log.level"], needs_restart: ["store.url"], warnings: [] };
	reloads = 0;
	operated = [];
	metrics = new Metrics({ version: "1.2.3", revision: "abc", nodeVersion: process.version });
	metrics.workspace("default");
	server = await start(loopback);
});
afterEach(async () => {
	await server[Symbol.asyncDispose]();
});

async function get(
	path: string,
	headers: Record<string, string> = {},
): Promise<{ status: number; text: string; headers: Headers }> {
	const response = await fetch(`${server.address}${path}`, { headers });
	return { status: response.status, text: await response.text(), headers: response.headers };
}

describe("health", () => {
	test("O1: it is healthy and ready by its own affairs alone, with no Prefect anywhere", async () => {
		expect(await get("/-/healthy")).toMatchObject({ status: 200, text: "healthy\n" });
		expect(await get("/-/ready")).toMatchObject({ status: 200, text: "ready\n" });
	});

	test("O1: it is not ready while the store fails, and still healthy", async () => {
		facts = { ...facts, storeFailing: true };
		expect(await get("/-/ready")).toMatchObject({ status: 503, text: "not ready: the database fails\n" });
		expect(await get("/-/healthy")).toMatchObject({ status: 200 });
		facts = { ...facts, storeFailing: false };
		expect(await get("/-/ready")).toMatchObject({ status: 200 });
	});

	test("O1: a tick 5 s ago is in time, a later one is not", async () => {
		await clock.sleep(5000, never);
		expect(await get("/-/ready")).toMatchObject({ status: 200 });
		await clock.sleep(1000, never);
		expect(await get("/-/ready")).toMatchObject({ status: 503, text: "not ready: the last tick was 6 s ago\n" });
		facts = { ...facts, lastTickMonoMs: 6000 };
		expect(await get("/-/ready")).toMatchObject({ status: 200 });
	});

	test("O1: a core without a tick for two minutes is dead, whoever still answers for it", async () => {
		facts = { ...facts, lastTickMonoMs: 10_000 };
		await clock.sleep(130_000, never);
		expect(await get("/-/healthy")).toMatchObject({ status: 200, text: "healthy\n" });
		await clock.sleep(1000, never);
		expect(await get("/-/healthy")).toMatchObject({ status: 503, text: "not healthy: no tick for 121 s\n" });
		facts = { ...facts, lastTickMonoMs: 131_000 };
		expect(await get("/-/healthy")).toMatchObject({ status: 200 });
	});

	test("O1: one that has not begun has the same time for it", async () => {
		facts = { ...facts, lastTickMonoMs: null };
		await clock.sleep(120_000, never);
		expect(await get("/-/healthy")).toMatchObject({ status: 200 });
		await clock.sleep(1000, never);
		expect(await get("/-/healthy")).toMatchObject({ status: 503 });
	});

	test("it is not ready before the store is loaded and the first tick has come", async () => {
		facts = { loaded: false, storeFailing: false, lastTickMonoMs: 0 };
		expect(await get("/-/ready")).toMatchObject({ status: 503, text: "not ready: starting\n" });
		facts = { loaded: true, storeFailing: false, lastTickMonoMs: null };
		expect(await get("/-/ready")).toMatchObject({ status: 503, text: "not ready: starting\n" });
	});
});

describe("the page of metrics", () => {
	test("M1: a scrape is answered without a question to anybody, and far under 100 ms", async () => {
		await get("/metrics");
		const startedMs = performance.now();
		const { status, text } = await get("/metrics");
		expect(performance.now() - startedMs).toBeLessThan(100);
		expect(status).toBe(200);
		expect(text).toContain("# TYPE zombied_runs gauge");
	});

	test.each(["*/*", "application/openmetrics-text; version=1.0.0", "application/vnd.google.protobuf"])(
		"M5: whoever accepts %s gets the one content type",
		async (accept) => {
			const { headers } = await get("/metrics", { accept });
			expect(headers.get("content-type")).toBe("text/plain; version=0.0.4; charset=utf-8");
		},
	);

	const hasPromtool = spawnSync("promtool", ["--version"]).status === 0;
	test.runIf(hasPromtool || process.env.CI !== undefined)("M2: promtool accepts the live page", async () => {
		const { text } = await get("/metrics");
		const { status, stderr, error } = spawnSync("promtool", ["check", "metrics"], { input: text, encoding: "utf8" });
		expect(error).toBeUndefined();
		expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
	});
});

describe("the start page", () => {
	test("links what is there, and every link of ours leads somewhere", async () => {
		const { status, text, headers } = await get("/");
		expect(status).toBe(200);
		expect(headers.get("content-type")).toBe("text/html; charset=utf-8");
		const links = [...text.matchAll(/(?:href|src)="(\/[^"]*)"/gu)].map((match) => match[1] ?? "");
		const run = `/runs/${someRunId}`;
		expect(links).toEqual(
			expect.arrayContaining(["/metrics", "/-/healthy", "/-/ready", "/-/status", "/assets/live.js", run]),
		);
		for (const link of new Set(links)) expect(await get(link)).toMatchObject({ status: 200 });
	});

	test("its policy allows what comes from here and nothing else, and nothing stands in the page itself", async () => {
		for (const path of ["/", `/runs/${someRunId}`, "/runs/unknown"]) {
			const { text, headers } = await get(path);
			const policy = headers.get("content-security-policy") ?? "";
			expect(policy).toMatch(/^default-src 'none'; /u);
			expect(policy).not.toMatch(/unsafe|\*|http/u);
			expect(text).not.toMatch(/<style|style=|<script>|<script [^>]*src="(?!\/)| on\w+=/u);
		}
	});

	test("what is not there answers 404 and repeats nothing of the question", async () => {
		const { status, text } = await get("/<script>x");
		expect({ status, text }).toEqual({ status: 404, text: "not found; see /\n" });
		expect((await fetch(`${server.address}/metrics`, { method: "POST" })).status).toBe(404);
	});
});

describe("the status", () => {
	test("says how the daemon is, in numbers, with its readiness and version", async () => {
		const { status: code, text, headers } = await get("/-/status");
		expect(code).toBe(200);
		expect(headers.get("content-type")).toMatch(/^application\/json/u);
		expect(JSON.parse(text)).toEqual({ ...sampleStatus, version: "1.2.3", ready: true, reason: null });
		facts = { ...facts, storeFailing: true };
		expect(JSON.parse((await get("/-/status")).text)).toMatchObject({ ready: false, reason: "the database fails" });
	});

	test("O12: its form has room for no name: numbers, times and words of our own alone", () => {
		const texts = Object.entries(statusSchema.shape).filter(([, type]) => type.safeParse("brave-newt").success);
		expect(texts.map(([name]) => name)).toEqual(["version", "reason"]);
	});

	test("is read by the command that asks for it; another program there is told apart", async () => {
		const { port } = new URL(server.address);
		const listen = { host: "0.0.0.0", port: Number(port) };
		expect(await askStatus(listen, never)).toMatchObject({ version: "1.2.3", runs: sampleStatus.runs });
		const other = createHttpServer((_request, response) => response.end("{}")).listen(0, "127.0.0.1");
		await once(other, "listening");
		const address = other.address();
		const at = { host: "127.0.0.1", port: typeof address === "object" ? (address?.port ?? 0) : 0 };
		await expect(askStatus(at, never)).rejects.toThrow(/does not answer as a zombied/u);
		other.close();
	});

	test("O9: health is the answer of the health page, and no answer is none", async () => {
		const listen = { host: "127.0.0.1", port: Number(new URL(server.address).port) };
		expect(await askHealth(listen, never)).toEqual({ healthy: true, detail: "healthy" });
		await server[Symbol.asyncDispose]();
		const { healthy, detail } = await askHealth(listen, never);
		expect(healthy).toBe(false);
		expect(detail).toMatch(/^no zombied answers at http:\/\/127\.0\.0\.1:\d+ \(.*ECONNREFUSED/u);
	});
});

async function send(
	method: string,
	path: string,
	headers: Record<string, string>,
	body = "",
): Promise<{ status: number; text: string }> {
	const { hostname, port } = new URL(server.address);
	const client = request({ host: hostname, port, method, path, headers }).end(body);
	const [response] = (await once(client, "response")) as [IncomingMessage];
	return { status: response.statusCode ?? 0, text: await text(response) };
}

describe("an operator's command", () => {
	const own = { "x-zombied-reload": "1", "content-type": "application/json" };
	const end = { do: "end_silence", silenceId: "1a2b3c4d" };

	test("is carried out, and what came of it is the answer", async () => {
		const answer = await send("POST", "/-/operator", own, JSON.stringify(end));
		expect([answer.status, JSON.parse(answer.text)]).toEqual([200, { changed: 1, ids: ["1a2b3c4d"] }]);
		expect(operated).toEqual([end]);
	});

	test.each([
		["no JSON", "{"],
		["nothing that is known", '{"do":"sing"}'],
		["more than is known", '{"do":"end_silence","silenceId":"1","force":true}'],
		["too long", JSON.stringify({ do: "end_silence", silenceId: "x".repeat(20_000) })],
	])("is refused where it is %s", async (_what, body) => {
		const { status } = await send("POST", "/-/operator", own, body);
		expect([400, 413]).toContain(status);
		expect(operated).toEqual([]);
	});

	test("that cannot be carried out now says why", async () => {
		const retry = { do: "retry_deliveries", sink: null, key: null };
		const answer = await send("POST", "/-/operator", own, JSON.stringify(retry));
		expect([answer.status, answer.text]).toEqual([503, "the store fails\n"]);
	});

	test("is refused from a browser, through a proxy, and without its header", async () => {
		for (const headers of [{}, { ...own, origin: "http://127.0.0.1" }, { ...own, "x-forwarded-for": "10.0.0.1" }]) {
			const body = JSON.stringify(end);
			const answer = await send("POST", "/-/operator", { "content-type": "application/json", ...headers }, body);
			expect(answer.status).toBe(403);
		}
		expect(operated).toEqual([]);
	});
});

describe("the reload", () => {
	const asked = { "x-zombied-reload": "1" };
	const post = (headers: Record<string, string>, method = "POST"): Promise<Response> =>
		fetch(`${server.address}/-/reload`, { method, headers });

	test("O11: answers what changed and what needs a restart", async () => {
		const response = await post(asked);
		expect({ status: response.status, body: await response.json() }).toEqual({ status: 200, body: reloadAnswer });
		expect(reloads).toBe(1);
	});

	test("O11: settings that are not sound are answered with 422 and what is wrong", async () => {
		reloadAnswer = { reloaded: false, problems: ["zombied.yaml:1:1: no"] };
		const response = await post(asked);
		expect({ status: response.status, body: await response.json() }).toEqual({ status: 422, body: reloadAnswer });
	});

	test.each<[string, Record<string, string>]>([
		["a form in a foreign page, which cannot set the header", {}],
		["another value of the header", { "x-zombied-reload": "true" }],
		["a page in a browser, by the origin it names", { ...asked, origin: "http://evil.example" }],
		["a page that reached us by a rebound name: same origin, yet a browser", { ...asked, origin: "http://127.0.0.1" }],
		["a browser, by its fetch metadata", { ...asked, "sec-fetch-site": "same-origin" }],
		["a proxy on this machine, whose clients are anywhere", { ...asked, "x-forwarded-for": "203.0.113.9" }],
		["a proxy that names itself otherwise", { ...asked, via: "1.1 proxy" }],
	])("%s is refused and changes nothing", async (_who, headers) => {
		const response = await send("POST", "/-/reload", headers);
		expect(response).toMatchObject({ status: 403, text: expect.stringMatching(/^refused: /u) });
		expect(reloads).toBe(0);
	});

	test("a preflight gets no leave, and a GET does nothing", async () => {
		const preflight = await post({ origin: "http://evil.example", "access-control-request-method": "POST" }, "OPTIONS");
		expect(preflight.status).toBe(404);
		expect([...preflight.headers.keys()].filter((name) => name.startsWith("access-control"))).toEqual([]);
		expect((await post(asked, "GET")).status).toBe(404);
		expect(reloads).toBe(0);
	});

	test.each([
		["127.0.0.1", true],
		["127.255.0.9", true],
		["::1", true],
		["::ffff:127.0.0.1", true],
		["128.0.0.1", false],
		["10.0.0.5", false],
		["::ffff:10.0.0.5", false],
		["fe80::1", false],
		["", false],
	])("a peer %s is on this machine: %s", (address, expected) => {
		expect(isLoopback(address)).toBe(expected);
	});

	/** As `fetch`, which would not send some of these headers. */
});

describe("where it listens", () => {
	test("O12: on the loopback address given, and on no other of this machine", async () => {
		expect(server.address).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/u);
		const port = new URL(server.address).port;
		const others = Object.values(networkInterfaces())
			.flat()
			.filter((address) => address?.family === "IPv4" && !address.internal);
		for (const other of others) await expect(fetch(`http://${other?.address}:${port}/-/healthy`)).rejects.toThrow();
	});

	test("a port in use is the operator's to mend, and the message says how", async () => {
		const port = Number(new URL(server.address).port);
		await expect(start({ host: "127.0.0.1", port })).rejects.toThrow(
			new OperatorError(
				`http.listen: cannot listen on 127.0.0.1:${port}: another process listens there; choose another address with --http.listen or ZOMBIED_HTTP_LISTEN`,
			),
		);
	});

	test("an address that this machine has not is the operator's to mend", async () => {
		await expect(start({ host: "192.0.2.1", port: 0 })).rejects.toThrow(/this machine has no such address/u);
	});

	const hasIpv6 = Object.values(networkInterfaces())
		.flat()
		.some((address) => address?.address === "::1");
	test.runIf(hasIpv6)("an IPv6 address appears in brackets", async () => {
		await using six = await start({ host: "::1", port: 0 });
		expect(six.address).toMatch(/^http:\/\/\[::1\]:\d+$/u);
		expect((await fetch(`${six.address}/-/healthy`)).status).toBe(200);
	});

	test("closing ends open connections and frees the port", async () => {
		const port = Number(new URL(server.address).port);
		await get("/-/healthy");
		await server[Symbol.asyncDispose]();
		const { promise, resolve, reject } = Promise.withResolvers<void>();
		const next = createServer().once("error", reject).listen(port, "127.0.0.1", resolve);
		await promise;
		next.close();
	});

	test("closing does not wait for a client that never finishes its request", async () => {
		const { hostname, port } = new URL(server.address);
		const socket = connect(Number(port), hostname);
		await once(socket, "connect");
		socket.write("GET /metrics HTTP/1.1\r\nHost: x\r\n");
		// Another request on its own connection: when it is answered, the half one has been read too.
		await get("/-/healthy");
		const closed = once(socket, "close");
		socket.on("error", () => undefined).resume();
		await server[Symbol.asyncDispose]();
		await closed;
	});

	test("an aborted start does not listen", async () => {
		const stop = new AbortController();
		const starting = start(loopback, stop.signal);
		stop.abort(new Error("stop"));
		await expect(starting).rejects.toThrow("stop");
	});
});
