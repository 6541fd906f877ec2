import { EventEmitter, once } from "node:events";
import { writeFileSync } from "node:fs";
import { type AddressInfo, createServer, type Socket } from "node:net";
import { getCACertificates, setDefaultCACertificates } from "node:tls";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { OperatorError } from "../../../src/lib/errors.ts";
import type { ConnectionSettings } from "../../../src/prefect/connection.ts";
import { SelfSigned } from "../../_util/prefect-certificate.ts";
import { ClientUnderTest, connectionTo } from "../../_util/prefect-client.ts";
import { SkippingClock } from "../../_util/prefect-clock.ts";
import { ProxyStub } from "../../_util/prefect-proxy.ts";
import { StreamUnderTest } from "../../_util/prefect-stream.ts";
import { PrefectStub } from "../../_util/prefect-stub.ts";
import { TempFolder } from "../../_util/temp-folder.ts";

/** A name that no resolver knows: only the proxy gets there. */
const hidden = "prefect.invalid";

let own: SelfSigned;
let other: SelfSigned;

beforeAll(async () => {
	own = await SelfSigned.make(`IP:127.0.0.1,DNS:${hidden}`);
	other = await SelfSigned.make("IP:127.0.0.1");
});

afterAll(async () => {
	await own?.[Symbol.asyncDispose]();
	await other?.[Symbol.asyncDispose]();
});

/** Accepts TCP connections, and that is all. */
class SilentServer implements AsyncDisposable {
	readonly #server = createServer((socket) => {
		this.#sockets.add(socket);
		this.#changes.emit("change");
		socket.resume().on("error", () => socket.destroy());
		socket.once("close", () => {
			this.#sockets.delete(socket);
			this.#changes.emit("change");
		});
	});
	readonly #sockets = new Set<Socket>();
	readonly #changes = new EventEmitter();

	static async start(): Promise<SilentServer> {
		const silent = new SilentServer();
		silent.#server.listen(0, "127.0.0.1");
		await once(silent.#server, "listening");
		return silent;
	}

	get url(): string {
		return `https://127.0.0.1:${(this.#server.address() as AddressInfo).port}/api`;
	}

	/** Resolves when so many connections are open. */
	async until(connections: number): Promise<void> {
		while (this.#sockets.size !== connections) {
			await once(this.#changes, "change", { signal: AbortSignal.timeout(4_000) });
		}
	}

	async [Symbol.asyncDispose](): Promise<void> {
		for (const socket of this.#sockets) {
			socket.destroy();
		}
		const closed = once(this.#server, "close");
		this.#server.close();
		await closed;
	}
}

/** Both ways to the server, with the same settings: a listing over REST, and a subscription. */
async function expectBothWork(stub: PrefectStub, url: string, connection: Partial<ConnectionSettings>): Promise<void> {
	const subscriptions = stub.subscriptions.length;
	await using client = new ClientUnderTest(url, { clock: new SkippingClock() }, connection);
	for await (const page of client.api.listLiveRuns(client.signal)) {
		expect(page).toEqual([]);
	}
	await using stream = new StreamUnderTest(url, {}, connection);
	await stream.until("opened", 1);
	await stub.until(() => stub.subscriptions.length > subscriptions, "the filter was accepted");
	expect(client.told.told("apiFailed")).toEqual([]);
	expect(stream.ends).toEqual([]);
}

/** What both ways say, which must be nothing but words, on one line each. */
async function expectBothFail(
	url: string,
	connection: Partial<ConnectionSettings>,
	words: RegExp,
	restReason = "unreachable",
): Promise<void> {
	await using client = new ClientUnderTest(url, { clock: new SkippingClock() }, connection);
	await expect(client.api.health(client.signal)).rejects.toMatchObject({ reason: restReason });
	await using stream = new StreamUnderTest(url, {}, connection);
	await stream.told.until("streamEnded", 1);
	expect(stream.ends[0]).toMatchObject({ reason: "refused" });
	for (const said of [client.told.told("apiFailed")[0]?.[2], stream.ends[0]?.detail]) {
		expect(said).toMatch(words);
		expect(said).not.toMatch(/\n|canary/u);
	}
}

describe("C6: custom headers", () => {
	test("are on every request and on the socket's upgrade", async () => {
		await using stub = await PrefectStub.start({ csrf: true });
		await expectBothWork(stub, stub.url, { customHeaders: { "X-Access-Id": "a1" } });
		expect(stub.requests.map(({ headers }) => headers["x-access-id"])).toEqual(stub.requests.map(() => "a1"));
		expect(stub.upgrades).toMatchObject([{ "x-access-id": "a1", "user-agent": "zombied/test" }]);
	});

	test("cannot stand in for what is ours", async () => {
		await using stub = await PrefectStub.start({ csrf: true });
		const names = ["User-Agent", "Prefect-Csrf-Token", "Prefect-Csrf-Client", "Sec-WebSocket-Protocol", "Accept"];
		const customHeaders = Object.fromEntries(names.map((name) => [name, "evil"]));
		await expectBothWork(stub, stub.url, { customHeaders });
		expect(stub.requests.filter(({ method }) => method === "POST").map(({ status }) => status)).toEqual([403, 200]);
		expect(stub.requests.map(({ headers }) => headers["user-agent"])).not.toContain("evil");
		expect(stub.upgrades).toMatchObject([{ "sec-websocket-protocol": "prefect", "user-agent": "zombied/test" }]);
	});
});

describe("C7: a server with a certificate of its own making", () => {
	test("is not believed as it is, and the words name the way out", async () => {
		await using stub = await PrefectStub.start({ tls: own });
		await expectBothFail(stub.url, {}, /PREFECT_API_SSL_CERT_FILE/u);
		expect(stub.requests).toEqual([]);
		expect(stub.upgrades).toEqual([]);
	});

	test("is believed over REST and the socket with that certificate as the CA file", async () => {
		await using stub = await PrefectStub.start({ tls: own });
		await expectBothWork(stub, stub.url, { sslCertFile: own.certFile });
	});

	test("the CA file stands in for the usual certificates", async () => {
		await using stub = await PrefectStub.start({ tls: own });
		const usual = getCACertificates();
		setDefaultCACertificates([...usual, own.cert]);
		try {
			await expectBothWork(stub, stub.url, {});
			await expectBothFail(stub.url, { sslCertFile: other.certFile }, /PREFECT_API_SSL_CERT_FILE/u);
		} finally {
			setDefaultCACertificates(usual);
		}
	});

	test("is believed over REST and the socket where nothing is checked", async () => {
		await using stub = await PrefectStub.start({ tls: own });
		await expectBothWork(stub, stub.url, { tlsInsecureSkipVerify: true });
		await expectBothWork(stub, stub.url, { tlsInsecureSkipVerify: true, sslCertFile: other.certFile });
	});

	test("is not believed under another name", async () => {
		await using stub = await PrefectStub.start({ tls: own });
		const url = stub.url.replace("127.0.0.1", "localhost");
		await expectBothFail(url, { sslCertFile: own.certFile }, /another name than PREFECT_API_URL/u);
	});

	test("a server that speaks no TLS is explained", async () => {
		await using stub = await PrefectStub.start();
		await expectBothFail(stub.url.replace("http:", "https:"), {}, /begin with http:\/\//u);
	});

	test.each([
		["nothing", null, /cannot be read \(ENOENT/u],
		["words", "canary", /does not hold certificates/u],
		["a damaged certificate", "-----BEGIN CERTIFICATE-----\nY2FuYXJ5\n-----END CERTIFICATE-----\n", /not hold cert/u],
	])("a CA file with %s in it is refused at once, on one line", async (_what, text, words) => {
		await using folder = await TempFolder.make("ca");
		const sslCertFile = folder.file("ca.pem");
		if (text !== null) {
			writeFileSync(sslCertFile, text);
		}
		const act = (): unknown => connectionTo("https://127.0.0.1/api", { sslCertFile });
		expect(act).toThrow(OperatorError);
		expect(act).toThrow(words);
		expect(act).toThrow(/^PREFECT_API_SSL_CERT_FILE(?!.*canary)[^\n]*$/u);
	});

	test("a CA file may hold several, and words between them", async () => {
		await using folder = await TempFolder.make("ca");
		const sslCertFile = folder.file("ca.pem");
		writeFileSync(sslCertFile, `# one\n${other.cert}\n# another\n${own.cert}`);
		await using stub = await PrefectStub.start({ tls: own });
		await expectBothWork(stub, stub.url, { sslCertFile });
	});
});

describe("a server that accepts connections and never speaks TLS", () => {
	test("is left at once on a stop, and no connection to it stays", async () => {
		await using server = await SilentServer.start();
		const stop = new AbortController();
		{
			await using client = new ClientUnderTest(server.url);
			const asked = client.api.health(stop.signal);
			await using stream = new StreamUnderTest(server.url);
			await server.until(2);
			stop.abort(new Error("stopped"));
			await expect(asked).rejects.toThrow("stopped");
			stream.stop();
			await stream.ended;
			expect(stream.ends).toMatchObject([{ reason: "stopped" }]);
		}
		await server.until(0);
	});

	test("is given up in time by the stream, and no connection to it stays", async () => {
		await using server = await SilentServer.start();
		const timing = { handshakeMsMax: 100, backoff: { minMs: 60_000, maxMs: 60_000 } };
		await using stream = new StreamUnderTest(server.url, timing);
		await server.until(1);
		await stream.told.until("streamEnded", 1);
		expect(stream.ends[0]).toMatchObject({ reason: "refused", detail: expect.stringMatching(/within 0\.1 s/u) });
		await server.until(0);
	});
});

describe("C8: a proxy", () => {
	test("HTTPS_PROXY: REST and the socket are tunnelled, and TLS is the server's own", async () => {
		await using stub = await PrefectStub.start({ tls: own });
		await using proxy = await ProxyStub.start(stub.port);
		const proxyEnvironment = { HTTPS_PROXY: proxy.url, HTTP_PROXY: "http://127.0.0.1:1" };
		await expectBothWork(stub, `https://${hidden}/api`, { proxyEnvironment, sslCertFile: own.certFile });
		expect(proxy.tunnels).toEqual([`${hidden}:443`, `${hidden}:443`]);
		expect(proxy.forwarded).toEqual([]);
		await expectBothFail(`https://${hidden}/api`, { proxyEnvironment }, /PREFECT_API_SSL_CERT_FILE/u);
		await expectBothWork(stub, `https://${hidden}/api`, { proxyEnvironment, tlsInsecureSkipVerify: true });
	});

	test("HTTP_PROXY: REST is forwarded, and the socket tunnelled", async () => {
		await using stub = await PrefectStub.start();
		await using proxy = await ProxyStub.start(stub.port);
		const proxyEnvironment = { HTTP_PROXY: proxy.url, HTTPS_PROXY: "http://127.0.0.1:1" };
		await expectBothWork(stub, `http://${hidden}:4200/api`, {
			proxyEnvironment,
			customHeaders: { "X-Access-Id": "a1" },
		});
		expect(proxy.tunnels).toEqual([`${hidden}:4200`]);
		expect(proxy.forwarded).toEqual([`http://${hidden}:4200/api/flow_runs/filter`]);
		expect(stub.requests[0]?.headers).toMatchObject({ "x-access-id": "a1", host: `${hidden}:4200` });
		expect(stub.upgrades[0]).toMatchObject({ "x-access-id": "a1", host: `${hidden}:4200` });
	});

	test("NO_PROXY: REST and the socket go directly", async () => {
		await using stub = await PrefectStub.start();
		await using proxy = await ProxyStub.start(stub.port);
		const proxyEnvironment = { HTTP_PROXY: proxy.url, NO_PROXY: "localhost,127.0.0.0/8" };
		await expectBothWork(stub, stub.url, { proxyEnvironment });
		expect([...proxy.tunnels, ...proxy.forwarded]).toEqual([]);
	});

	test.each(["http", "https"] as const)("one that wants a password gets it, for %s", async (scheme) => {
		await using stub = await PrefectStub.start(scheme === "https" ? { tls: own } : {});
		await using proxy = await ProxyStub.start(stub.port);
		proxy.secret = "me:cänary@x";
		const url = `${scheme}://${hidden}/api`;
		const login = proxy.url.replace("//", `//${encodeURIComponent("me")}:${encodeURIComponent("cänary@x")}@`);
		await expectBothWork(stub, url, { proxyEnvironment: { ALL_PROXY: login }, sslCertFile: own.certFile });
		expect(stub.requests.map(({ headers }) => headers["proxy-authorization"])).toEqual([undefined]);
		const wrong = { ALL_PROXY: login.replace("me:", "you:") };
		const reason = scheme === "http" ? "unauthorized" : "unreachable";
		await expectBothFail(url, { proxyEnvironment: wrong, sslCertFile: own.certFile }, /proxy.* answers 407/u, reason);
	});

	test("one that refuses a tunnel is told as the proxy's doing, not the server's", async () => {
		await using stub = await PrefectStub.start({ tls: own });
		await using proxy = await ProxyStub.start(stub.port);
		proxy.tunnelStatus = 403;
		await expectBothFail(`https://${hidden}/api`, { proxyEnvironment: { HTTPS_PROXY: proxy.url } }, /[Pp]roxy.*403/u);
	});

	test("one that is not there is named", async () => {
		await using stub = await PrefectStub.start();
		const proxy = await ProxyStub.start(stub.port);
		const { url, port } = proxy;
		await proxy[Symbol.asyncDispose]();
		const proxyEnvironment = { HTTP_PROXY: url };
		await expectBothFail(
			stub.url,
			{ proxyEnvironment },
			new RegExp(`proxy 127\\.0\\.0\\.1:${port} \\(HTTP_PROXY\\)`, "u"),
		);
	});

	test("one that never answers ends the attempt, and leaves no connection", async () => {
		await using stub = await PrefectStub.start({ tls: own });
		await using proxy = await ProxyStub.start(stub.port);
		proxy.isMute = true;
		const connection = { proxyEnvironment: { HTTPS_PROXY: proxy.url }, requestTimeoutMs: 100 };
		{
			await using client = new ClientUnderTest(`https://${hidden}/api`, {}, connection);
			await expect(client.api.health(client.signal)).rejects.toMatchObject({ reason: "timeout" });
			await using stream = new StreamUnderTest(`https://${hidden}/api`, { handshakeMsMax: 100 }, connection);
			await stream.told.until("streamEnded", 1);
			expect(stream.ends[0]).toMatchObject({
				reason: "refused",
				detail: expect.stringMatching(/within 0\.1 s.*proxy/u),
			});
		}
		await proxy.until(() => proxy.connections === 0, "all connections were gone");
	});

	test("stopping while the proxy is asked ends the stream", async () => {
		await using stub = await PrefectStub.start();
		await using proxy = await ProxyStub.start(stub.port);
		proxy.isMute = true;
		await using stream = new StreamUnderTest(stub.url, {}, { proxyEnvironment: { HTTP_PROXY: proxy.url } });
		await proxy.until(() => proxy.tunnels.length === 1, "the proxy was asked");
		stream.stop();
		await stream.ended;
		expect(stream.ends).toMatchObject([{ reason: "stopped" }]);
		await proxy.until(() => proxy.connections === 0, "the connection was gone");
	});

	test("a tunnel outlives the time allowed for opening it, and ends with the stream", async () => {
		await using stub = await PrefectStub.start();
		await using proxy = await ProxyStub.start(stub.port);
		const timing = { handshakeMsMax: 300, pingEveryMs: 20 };
		await using stream = new StreamUnderTest(stub.url, timing, { proxyEnvironment: { HTTP_PROXY: proxy.url } });
		const startedMs = performance.now();
		await stream.told.untilTrue(() => stream.count("heard") > 0 && performance.now() - startedMs > 600, "pongs");
		expect(stream.ends).toEqual([]);
		stream.stop();
		await stream.ended;
		await proxy.until(() => proxy.connections === 0, "the connections were gone");
	});
});
