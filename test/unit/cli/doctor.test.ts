import { once } from "node:events";
import { chmodSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { createServer as createHttpServer } from "node:http";
import { type AddressInfo, createServer } from "node:net";
import SqliteDatabase from "better-sqlite3";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { type Clock, systemClock } from "../../../src/lib/clock.ts";
import { InstanceLock } from "../../../src/store/instance-lock.ts";
import { DaemonSession, runCommand } from "../../_util/cli-session.ts";
import { freePort } from "../../_util/free-port.ts";
import { SelfSigned } from "../../_util/prefect-certificate.ts";
import { heartbeat } from "../../_util/prefect-events.ts";
import { ProxyStub } from "../../_util/prefect-proxy.ts";
import { PrefectStub } from "../../_util/prefect-stub.ts";
import { TempFolder } from "../../_util/temp-folder.ts";

interface Told {
	readonly check: string;
	readonly ok: boolean | null;
	readonly detail: string;
	readonly fix: string | null;
}

const names = (
	"settings dns tcp proxy tls rest credentials version csrf clock websocket subprotocol token filter events heartbeats " +
	"database port"
).split(" ");
const runId = "a0000000-0000-4000-8000-000000000001";
/** A name that nobody resolves (RFC 6761). */
const hidden = "prefect.invalid";

let own: SelfSigned;
let expired: SelfSigned;
beforeAll(async () => {
	own = await SelfSigned.make("IP:127.0.0.1,DNS:prefect.invalid");
	expired = await SelfSigned.makeExpired("IP:127.0.0.1");
});
afterAll(async () => {
	await own[Symbol.asyncDispose]();
	await expired[Symbol.asyncDispose]();
});

let folder: TempFolder;
let stub: PrefectStub;
let listen: string;
beforeEach(async () => {
	folder = await TempFolder.make("doctor");
	stub = await PrefectStub.start();
	listen = `127.0.0.1:${await freePort()}`;
});
afterEach(async () => {
	await stub[Symbol.asyncDispose]();
	await folder[Symbol.asyncDispose]();
});

/** Where nothing is to come, nothing is waited for. */
const clock: Clock = {
	now: () => systemClock.now(),
	sleep: (ms, signal) => systemClock.sleep(ms === 1_000 ? 50 : ms, signal),
};

function run(args: readonly string[], env: Record<string, string> = {}) {
	const given = {
		PREFECT_API_URL: stub.url,
		ZOMBIED_STORE_URL: `sqlite:${folder.file("data/zombied.db")}`,
		ZOMBIED_HTTP_LISTEN: listen,
		ZOMBIED_LIMITS_REST_PER_SECOND: "100",
		...env,
	};
	return runCommand(["doctor", "--listen", "1s", ...args], { folder: folder.path, env: given, clock });
}

async function examined(env: Record<string, string> = {}, args: readonly string[] = []) {
	const { code, stdout, stderr } = await run(["--json", ...args], env);
	const told = stdout
		.trimEnd()
		.split("\n")
		.map((line) => JSON.parse(line) as Told);
	expect(stderr).toBe("");
	expect(told.map(({ check }) => check)).toEqual(names);
	for (const { ok, fix } of told)
		expect(fix === null, "a fix where there is a fault, and only there").toBe(ok !== false);
	const faults = told.filter(({ ok }) => ok === false);
	const of = (name: string): Told => told.find(({ check }) => check === name) ?? told[0]!;
	return { code, told, of, faults: faults.map(({ check }) => check) };
}

/** For what ends the listening sooner. */
const patient = { args: ["--listen", "9s"] };

/** One fault, in this check, with these words; those after it in its chain are not looked at. */
async function expectFault(
	check: string,
	detail: RegExp,
	fix: RegExp,
	env: Record<string, string> = {},
	{ code = 10, args = [] }: { readonly code?: number; readonly args?: readonly string[] } = {},
) {
	const found = await examined(env, args);
	expect(found.faults).toEqual([check]);
	expect(found.code).toBe(code);
	expect(found.of(check).detail).toMatch(detail);
	expect(found.of(check).fix).toMatch(fix);
	return found;
}

describe("O6: a sound connection", () => {
	test("every layer is well, and 0 says so", async () => {
		const { code, told, faults } = await examined();
		expect({ code, faults }).toEqual({ code: 0, faults: [] });
		expect(told.map(({ ok }) => ok)).toEqual(names.map(() => true));
	});

	test("as text: a line each, and that all is well", async () => {
		const { code, stdout, stderr } = await run([]);
		expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
		expect(stdout.trimEnd().split("\n")).toHaveLength(names.length + 1);
		expect(stdout).toMatch(/^ok {4}settings {5}no file, Prefect at http:\/\/127/u);
		expect(stdout).toMatch(/\nall is well\n$/u);
	});

	test("over TLS and through a proxy, with credentials and CSRF", async () => {
		await using guarded = await PrefectStub.start({ tls: own, authString: "user:canary-9", csrf: true });
		await using proxy = await ProxyStub.start(guarded.port);
		const { code, of, told } = await examined({
			PREFECT_API_URL: `https://${hidden}/api`,
			PREFECT_API_AUTH_STRING: "user:canary-9",
			PREFECT_API_SSL_CERT_FILE: own.certFile,
			HTTPS_PROXY: proxy.url,
		});
		expect(code).toBe(0);
		expect(of("proxy").detail).toContain("lets us through to prefect.invalid");
		expect(of("tls").detail).toMatch(/^TLSv1\.3, the certificate is of zombied-test, valid until /u);
		expect(of("csrf").detail).toBe("the server wants a token, and took ours");
		expect(of("credentials").detail).toBe("those that are set are taken");
		expect(JSON.stringify(told)).not.toContain("canary");
	});

	test("an event on the socket is heard, and heartbeats of RUNNING runs are found", async () => {
		stub.addRun({ id: runId, type: "RUNNING", atMs: stub.nowMs() - 600_000 });
		stub.store(heartbeat({ runId, occurredMs: stub.nowMs() - 20_000 }));
		const ended = examined({}, patient.args);
		await stub.until(() => stub.subscribers === 1, "it listens");
		stub.emit(heartbeat({ runId, occurredMs: stub.nowMs() }));
		const { code, of } = await ended;
		expect(code).toBe(0);
		expect(of("events").detail).toMatch(/^one came within/u);
		expect(of("heartbeats").detail).toBe("1 of 1 RUNNING runs sent one in the last 21m");
	});
});

describe("O6: settings", () => {
	test("a fault in the file is a fault of this layer, and nothing else is looked at", async () => {
		writeFileSync(folder.file("z.yaml"), "detector:\n  k: 99\n");
		const { code, of, told } = await examined({}, ["--config", "z.yaml"]);
		expect(code).toBe(10);
		expect(of("settings").detail).toMatch(/^z\.yaml:2:6: detector\.k/u);
		expect(told.slice(1).map(({ ok }) => ok)).toEqual(names.slice(1).map(() => null));
		expect(stub.requests).toEqual([]);
	});

	test("a CA file that is none stops the connection alone", async () => {
		const env = { PREFECT_API_SSL_CERT_FILE: folder.file("nowhere.pem") };
		const { of } = await expectFault("settings", /PREFECT_API_SSL_CERT_FILE cannot be read/u, /config print/u, env);
		expect([of("dns").ok, of("database").ok, of("port").ok]).toEqual([null, true, true]);
	});
});

describe("O6: the way to the server", () => {
	test("dns: a name that does not resolve", async () => {
		const env = { PREFECT_API_URL: "https://prefect.invalid/api" };
		const { of } = await expectFault("dns", /name.*prefect\.invalid/u, /name in PREFECT_API_URL/u, env);
		expect(of("tcp")).toMatchObject({ ok: null, detail: "not looked at: dns failed" });
	}, 30_000);

	test("tcp: a closed port", async () => {
		const port = await freePort();
		const env = { PREFECT_API_URL: `http://127.0.0.1:${port}/api` };
		await expectFault("tcp", new RegExp(`nobody listens at 127.0.0.1:${port}`, "u"), /start it/u, env);
	});

	test("tcp: a proxy that is not there is named, with its variable", async () => {
		const port = await freePort();
		await expectFault("tcp", /nobody listens at the proxy 127/u, /in HTTP_PROXY/u, {
			HTTP_PROXY: `http://127.0.0.1:${port}`,
		});
	});

	test.each([
		[403, /answers 403 to CONNECT/u, /allow CONNECT to prefect\.invalid:443.*NO_PROXY/u],
		[407, /answers 407 to CONNECT/u, /user:password@.*HTTPS_PROXY/u],
	])("proxy: one that refuses the tunnel with %i", async (status, detail, fix) => {
		await using proxy = await ProxyStub.start(stub.port);
		proxy.tunnelStatus = status;
		const env = { PREFECT_API_URL: `https://${hidden}/api`, HTTPS_PROXY: proxy.url };
		const { of } = await expectFault("proxy", detail, fix, env);
		expect(of("tls").ok).toBeNull();
	});

	test("tls: a certificate of nobody we trust, and the same one trusted", async () => {
		await using secure = await PrefectStub.start({ tls: own });
		const env = { PREFECT_API_URL: secure.url };
		const { of } = await expectFault("tls", /self-signed certificate/u, /PREFECT_API_SSL_CERT_FILE/u, env);
		expect(of("rest").ok).toBeNull();
		expect((await examined({ ...env, PREFECT_API_SSL_CERT_FILE: own.certFile })).code).toBe(0);
	});

	test("tls: not checked is said", async () => {
		await using secure = await PrefectStub.start({ tls: own });
		const { of } = await examined({
			PREFECT_API_URL: secure.url,
			PREFECT_API_TLS_INSECURE_SKIP_VERIFY: "true",
		});
		expect(of("tls")).toMatchObject({ ok: true, detail: expect.stringContaining("NOT CHECKED") });
	});

	test("tls: an expired certificate", async () => {
		await using secure = await PrefectStub.start({ tls: expired });
		const env = { PREFECT_API_URL: secure.url, PREFECT_API_SSL_CERT_FILE: expired.certFile };
		await expectFault("tls", /certificate has expired/u, /renew the server's certificate/u, env);
	});

	test("tls: a certificate for another name", async () => {
		await using secure = await PrefectStub.start({ tls: own });
		const env = {
			PREFECT_API_URL: secure.url.replace("127.0.0.1", "localhost"),
			PREFECT_API_SSL_CERT_FILE: own.certFile,
		};
		await expectFault("tls", /localhost/u, /another name than PREFECT_API_URL/u, env);
	});

	test("tls: a server that speaks none", async () => {
		const env = { PREFECT_API_URL: stub.url.replace("http:", "https:") };
		await expectFault("tls", /wrong version number|packet length/u, /begin with http:\/\//u, env);
	});
});

describe("O6: REST", () => {
	test("rest: http:// to a server that speaks https", async () => {
		await using secure = await PrefectStub.start({ tls: own });
		const found = await examined({ PREFECT_API_URL: secure.url.replace("https:", "http:") });
		expect(found.of("rest")).toMatchObject({ ok: false, fix: expect.stringContaining("begin with https://") });
	});

	test.each([
		["a wrong path", { status: 404 }, /health answers 404/u, /has to end in \/api/u, 10],
		["a page", { status: 200, body: "<html>" }, /a page, not with JSON/u, /has to end in \/api.*login page/u, 10],
		[
			"a redirect",
			{ status: 301, headers: { location: "https://p.example/api" } },
			/301.*points to https:\/\/p\.example/u,
			/final address/u,
			10,
		],
		["a broken server", { status: 500 }, /health answers 500/u, /log of the server/u, 10],
		["a server that is too busy", { status: 503 }, /health answers 503/u, /try again later/u, 75],
		[
			"a server under maintenance",
			{ status: 503, headers: { "prefect-maintenance": "true" } },
			/maintenance/u,
			/wait/u,
			75,
		],
	] as const)("rest: %s", async (_what, plan, detail, fix, code) => {
		stub.planAnswer({ path: /\/health$/u, times: 99, ...plan });
		const { of } = await expectFault("rest", detail, fix, {}, { code });
		expect([of("credentials").ok, of("websocket").ok, of("heartbeats").ok]).toEqual([null, true, null]);
	});

	test("rest: something that answers JSON and is no Prefect is told by its version", async () => {
		stub.planAnswer({ path: /admin\/version/u, status: 404 });
		const { of } = await expectFault("version", /admin\/version answers 404/u, /no Prefect API/u);
		expect([of("csrf").ok, of("heartbeats").detail]).toEqual([null, "not looked at: version failed"]);
	});

	test("rest: somebody in between who wants a login", async () => {
		stub.planAnswer({ path: /\/health$/u, status: 403, body: "login first" });
		await expectFault("rest", /health answers 403 \(login first\)/u, /PREFECT_CLIENT_CUSTOM_HEADERS/u);
	});

	test("rest: a server that takes requests and never answers", async () => {
		stub.ignoresRequests = true;
		const env = { PREFECT_API_REQUEST_TIMEOUT: "1" };
		await expectFault("rest", /no answer within 1s/u, /overloaded/u, env);
	});

	test.each([
		[{ PREFECT_API_AUTH_STRING: "user:canary" }, /refuses us with 401/u, /^check PREFECT_API_AUTH_STRING$/u],
		[{}, /refuses us with 401/u, /^set PREFECT_API_AUTH_STRING/u],
	])("credentials: %j is refused, by REST and by the socket", async (auth, detail, fix) => {
		await using guarded = await PrefectStub.start({ authString: "user:right" });
		const { code, faults, of, told } = await examined({ PREFECT_API_URL: guarded.url, ...auth });
		expect({ code, faults }).toEqual({ code: 10, faults: ["credentials", "token"] });
		expect(of("credentials").detail).toMatch(detail);
		expect(of("credentials").fix).toMatch(fix);
		expect(of("token").detail).toMatch(/refuses our token \(".*"\), with close code 1008/u);
		expect(JSON.stringify(told)).not.toContain("canary");
	});

	test("csrf: a server that refuses the token that it gave", async () => {
		await using guarded = await PrefectStub.start({ csrf: true });
		const refusal = { detail: "Invalid CSRF token or client identifier." };
		guarded.planAnswer({ path: /flow_runs/u, status: 403, body: refusal, times: 99 });
		const env = { PREFECT_API_URL: guarded.url };
		await expectFault("csrf", /refuses the token that it has just given/u, /Prefect-Csrf-Token.*one database/u, env);
	});

	test("csrf: a server that wants a token and gives none", async () => {
		await using guarded = await PrefectStub.start({ csrf: true });
		guarded.planAnswer({ path: /csrf-token/u, status: 404, times: 99 });
		const env = { PREFECT_API_URL: guarded.url };
		await expectFault("csrf", /gives none/u, /pass GET \/csrf-token/u, env);
	});

	test.each([
		['"2.20.4"', "fault"],
		['"3.4.0"', "older clients"],
		['"3.6.22"', "well"],
	])("version: Prefect %s is %s", async (body, judged) => {
		stub.planAnswer({ path: /admin\/version/u, status: 200, body });
		const { of } = await examined();
		expect(of("version").ok).toBe(judged !== "fault");
		expect(of("version").detail.includes("only when told to")).toBe(judged === "older clients");
	});

	test.each([
		[3_600_000, /1h ahead of ours|59m59s ahead of ours|1h1s ahead of ours/u],
		[-7_200_000, /(?:2h|1h59m59s|2h1s) behind ours/u],
	])("clock: the server's is %i ms off", async (ms, detail) => {
		stub.moveClock(ms);
		await expectFault("clock", detail, /NTP/u);
	});

	test("clock: half a minute is none of our business", async () => {
		stub.moveClock(30_000);
		expect((await examined()).code).toBe(0);
	});
});

describe("O6: the events socket", () => {
	test("websocket: an ingress that refuses upgrades", async () => {
		stub.upgradeStatus = 400;
		const { of } = await expectFault(
			"websocket",
			/answered with HTTP 400/u,
			/Upgrade and Connection.*over REST alone/u,
		);
		expect([of("token").ok, of("events").ok, of("heartbeats").ok]).toEqual([null, null, true]);
	});

	test.each(["request", "answer"] as const)("subprotocol: stripped from the %s", async (where) => {
		await using guarded = await PrefectStub.start({ authString: "user:right" });
		guarded.strippedSubprotocol = where;
		const env = { PREFECT_API_URL: guarded.url, PREFECT_API_AUTH_STRING: "user:right" };
		const { of } = await expectFault(
			"subprotocol",
			/strips the header Sec-WebSocket-Protocol/u,
			/let the ingress/u,
			env,
		);
		expect(of("websocket").ok).toBe(true);
	});

	test("token: refused in a message, as Prefect Cloud does", async () => {
		await using guarded = await PrefectStub.start({ authString: "user:right" });
		guarded.refusesInMessage = true;
		const { of } = await examined({ PREFECT_API_URL: guarded.url, PREFECT_API_AUTH_STRING: "user:wrong" });
		expect(of("token")).toMatchObject({ ok: false, fix: "check PREFECT_API_AUTH_STRING" });
	});

	test("filter: dropped twice as soon as it is sent", async () => {
		stub.dropsFilters = true;
		await expectFault("filter", /dropped as soon as our filter is sent, twice/u, /upgrade the older/u, {}, patient);
		expect(stub.subscriptions).toHaveLength(2);
	});

	test("filter: dropped once, since the server was stopped just then, is no fault", async () => {
		stub.dropsFilters = true;
		const ended = examined({}, ["--listen", "2s"]);
		await stub.until(() => stub.subscriptions.length === 1, "the first filter was sent");
		stub.dropsFilters = false;
		expect((await ended).code).toBe(0);
	});

	test("events: a socket that is closed while we listen", async () => {
		const ended = expectFault("events", /lost after \ds: closed with 1001/u, /end long connections/u, {}, patient);
		await stub.until(() => stub.subscribers === 1, "it listens");
		stub.closeAll(1001);
		await ended;
	});

	test("events: open and silent, although the server stores heartbeats meanwhile", async () => {
		stub.addRun({ id: runId, type: "RUNNING", atMs: stub.nowMs() - 600_000 });
		const ended = examined({}, ["--listen", "4s"]);
		await stub.until(() => stub.subscribers === 1, "it listens");
		stub.store(heartbeat({ runId, occurredMs: stub.nowMs() + 1_900, receivedMs: stub.nowMs() + 2_000 }));
		const { faults, of } = await ended;
		expect(faults).toEqual(["events"]);
		expect(of("events").detail).toMatch(/open and silent.*has stored a heartbeat of that time/u);
		expect(of("events").fix).toContain("PREFECT_SERVER_EVENTS_STREAM_OUT_ENABLED=true");
	});

	test("events: silence is no fault while the server has stored nothing either", async () => {
		stub.addRun({ id: runId, type: "RUNNING", atMs: stub.nowMs() - 600_000 });
		stub.store(heartbeat({ runId, occurredMs: stub.nowMs() - 30_000 }));
		const { code, of } = await examined();
		expect(code).toBe(0);
		expect(of("events").detail).toMatch(/none came within 1s, although 1 run is RUNNING;.*--listen 4m/u);
	});
});

describe("O6: heartbeats", () => {
	test("runs are RUNNING and none has sent any", async () => {
		for (let n = 0; n < 3; n++) stub.addRun({ type: "RUNNING", atMs: stub.nowMs() - 600_000 });
		const words = /none of 3 RUNNING runs has sent a heartbeat in the last 21m.*3\.6\.22/u;
		await expectFault("heartbeats", words, /PREFECT_FLOWS_HEARTBEAT_FREQUENCY=30/u);
	});

	test("some have and some have not: no fault, and they are counted", async () => {
		stub.addRun({ id: runId, type: "RUNNING", atMs: stub.nowMs() - 600_000 });
		stub.addRun({ type: "RUNNING", atMs: stub.nowMs() - 600_000 });
		stub.store(heartbeat({ runId, occurredMs: stub.nowMs() - 20 * 60_000 }));
		const { code, of } = await examined();
		expect(code).toBe(0);
		expect(of("heartbeats").detail).toMatch(/^1 of 2 RUNNING runs.*; 1 sent none/u);
	});

	test("a beat from before the time in which the slowest would have come does not count", async () => {
		stub.addRun({ id: runId, type: "RUNNING", atMs: stub.nowMs() - 3_600_000 });
		stub.store(heartbeat({ runId, occurredMs: stub.nowMs() - 22 * 60_000 }));
		await expectFault("heartbeats", /the one RUNNING run has sent no heartbeat/u, /3\.6\.22 or newer/u);
	});

	test("runs that have just begun are no cause for worry", async () => {
		stub.addRun({ type: "RUNNING", atMs: stub.nowMs() - 10_000 });
		expect((await examined()).code).toBe(0);
	});
});

describe("O6: the database", () => {
	const file = "data/zombied.db";

	async function migrated(): Promise<void> {
		const env = { ZOMBIED_STORE_URL: `sqlite:${folder.file(file)}` };
		expect((await runCommand(["db", "migrate"], { folder: folder.path, env })).code).toBe(0);
	}

	test("none yet: the first start makes it, and we do not", async () => {
		const { of } = await examined();
		expect(of("database")).toMatchObject({ ok: true, detail: expect.stringContaining("does not exist yet") });
		expect(() => readFileSync(folder.file("data"))).toThrow("ENOENT");
	});

	test("sound, with and without a daemon that holds its lock", async () => {
		await migrated();
		expect((await examined()).of("database").detail).toMatch(/is sound \(schema \d+\); no daemon is using it$/u);
		await using _lock = InstanceLock.acquire(folder.file(file));
		const { code, of } = await examined();
		expect(code).toBe(0);
		expect(of("database").detail).toMatch(/is sound \(schema \d+\); a daemon is using it$/u);
	});

	test.runIf(process.getuid?.() !== 0)("a folder that cannot be written", async () => {
		mkdirSync(folder.file("data"));
		chmodSync(folder.file("data"), 0o500);
		await expectFault("database", /folder .* cannot be written/u, /make it writable/u);
		chmodSync(folder.file("data"), 0o700);
	});

	test("a folder that is a file", async () => {
		writeFileSync(folder.file("data"), "");
		await expectFault("database", /is no folder/u, /another path in store\.url/u);
	});

	test("damaged", async () => {
		await migrated();
		const bytes = readFileSync(folder.file(file));
		bytes.fill(0xff, 4096, bytes.length);
		writeFileSync(folder.file(file), bytes);
		await expectFault("database", /is damaged \(/u, /start the daemon again/u);
	});

	test("a newer schema", async () => {
		await migrated();
		const database = new SqliteDatabase(folder.file(file));
		database.pragma("user_version = 9999");
		database.close();
		await expectFault("database", /schema 9999 .* newer than this zombied/u, /run the newer zombied/u);
	});

	test("some other file", async () => {
		mkdirSync(folder.file("data"));
		writeFileSync(folder.file(file), "no database ".repeat(20));
		await expectFault("database", /it is not a SQLite database/u, /name another file/u);
	});
});

describe("O6: the port", () => {
	test("somebody else listens there, with http and without", async () => {
		await using web = createHttpServer((_request, response) => response.end("hello")).listen(0, "127.0.0.1");
		await once(web, "listening");
		const address = `127.0.0.1:${(web.address() as AddressInfo).port}`;
		const words = new RegExp(`something else .* listens at ${address}`, "u");
		await expectFault("port", words, /choose another one with http\.listen/u, { ZOMBIED_HTTP_LISTEN: address });
		const closed = createServer((socket) => socket.end()).listen(0, "127.0.0.1");
		await once(closed, "listening");
		const other = `127.0.0.1:${(closed.address() as AddressInfo).port}`;
		await expectFault("port", /something else/u, /stop it/u, { ZOMBIED_HTTP_LISTEN: other });
		closed.close();
	});

	test("an address that this machine has not", async () => {
		const env = { ZOMBIED_HTTP_LISTEN: "192.0.2.1:4290" };
		await expectFault("port", /192\.0\.2\.1:4290 cannot be had/u, /choose another one/u, env);
	});

	test("our own daemon answers there", async () => {
		const env = { PREFECT_API_URL: stub.url };
		await using other = await TempFolder.make("daemon");
		await using daemon = await DaemonSession.start({ folder: other.path, env });
		const { of } = await examined({ ZOMBIED_HTTP_LISTEN: daemon.listen });
		expect(of("port")).toMatchObject({ ok: true, detail: expect.stringMatching(/^zombied \d.* answers at 127/u) });
	});
});

describe("O6: the output", () => {
	test("a fault has its fix below it, and what it hides is told in one line", async () => {
		const env = { PREFECT_API_URL: `http://127.0.0.1:${await freePort()}/api` };
		const { code, stdout } = await run([], env);
		expect(code).toBe(10);
		expect(stdout).toMatch(/^FAIL {2}tcp {10}nobody listens at .*\n {6}fix: {9}start it, or/mu);
		expect(stdout).toMatch(/^- {5}proxy, tls, rest,.* heartbeats: not looked at: tcp failed$/mu);
		expect(stdout).toMatch(/\n1 fault: tcp\n$/u);
	});

	test("L5: what the server echoes of our secrets is blanked out, and cannot act on the terminal", async () => {
		stub.planAnswer({ path: /\/health$/u, status: 500, body: "canary-77 \u001b[2J", times: 99 });
		const { stdout } = await run([], { PREFECT_API_KEY: "canary-77" });
		expect(stdout).toContain("[redacted] \\u{1b}[2J");
		expect(stdout).not.toContain("canary-77");
		expect(stdout).not.toContain("\u001b");
	});

	test.each(["10", "0s", "11m"])("--listen %s is the operator's to mend", async (text) => {
		const { code, stderr } = await run(["--listen", text]);
		expect({ code, stderr }).toMatchObject({ code: 1, stderr: expect.stringContaining("from 1s to 10m") });
	});
});
