import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { eventually } from "../_util/eventually.ts";
import { sumSeries } from "../_util/metrics-page.ts";
import { ClientUnderTest, collected } from "../_util/prefect-client.ts";
import { PrefectServer } from "../_util/prefect-server.ts";
import { StreamUnderTest } from "../_util/prefect-stream.ts";
import { DaemonProcess } from "../_util/real-daemon.ts";
import { ensurePrefectVenv } from "../prefect/venv.ts";

// One real server with both protections on, and with tokens that are good for moments only.
const authString = "admin:pa:ss word";
const tokenSeconds = 5;
const patienceMs = 60_000;

const stop = new AbortController();
let server: PrefectServer;

beforeAll(async () => {
	const { python } = await ensurePrefectVenv({ report: (line) => console.log(line) });
	server = await PrefectServer.start({
		python,
		authString,
		settings: {
			PREFECT_SERVER_CSRF_PROTECTION_ENABLED: "true",
			PREFECT_SERVER_CSRF_TOKEN_EXPIRATION: `PT${tokenSeconds}S`,
		},
		signal: stop.signal,
	});
});

afterAll(async () => {
	stop.abort();
	// Undefined when beforeAll failed.
	await server?.[Symbol.asyncDispose]();
});

const login = { authorization: `Basic ${Buffer.from(authString).toString("base64")}` };

/** What a client of Prefect does: a token of its own, here one for each call. */
async function csrfHeaders(): Promise<Readonly<Record<string, string>>> {
	const client = randomUUID();
	const askToken = async (): Promise<Response | null> => {
		const answer = await fetch(`${server.apiUrl}/csrf-token?client=${client}`, { headers: login });
		return answer.ok ? answer : null;
	};
	const answer = await eventually(askToken, { what: "a CSRF token", timeoutMs: patienceMs });
	const { token } = (await answer.json()) as { token: string };
	return { "prefect-csrf-client": client, "prefect-csrf-token": token };
}

/** The server answers 503 when its SQLite file is locked for too long: nothing has happened then. */
async function post(path: string, body: unknown, headers?: Readonly<Record<string, string>>): Promise<Response> {
	const isDone = async (): Promise<Response | null> => {
		const answer = await fetch(`${server.apiUrl}${path}`, {
			method: "POST",
			headers: { ...login, "content-type": "application/json", ...(headers ?? (await csrfHeaders())) },
			body: JSON.stringify(body),
		});
		return answer.status === 503 ? null : answer;
	};
	return await eventually(isDone, { what: `an answer to ${path}`, timeoutMs: patienceMs });
}

async function made(path: string, body: unknown): Promise<string> {
	const answer = await post(path, body);
	if (!answer.ok) {
		throw new Error(`${path} answered ${answer.status}: ${await answer.text()}`);
	}
	return ((await answer.json()) as { id: string }).id;
}

/** A run in RUNNING, without any process behind it. */
async function makeRun(name: string): Promise<string> {
	const flow = await made("/flows/", { name: "bare-flow" });
	return await made("/flow_runs/", { flow_id: flow, name, state: { type: "RUNNING", name: "Running" } });
}

async function beat(runId: string): Promise<void> {
	const event = {
		id: randomUUID(),
		event: "prefect.flow-run.heartbeat",
		occurred: new Date().toISOString(),
		resource: { "prefect.resource.id": `prefect.flow-run.${runId}`, "prefect.resource.name": "beating" },
		related: [],
		payload: {},
		follows: null,
	};
	const answer = await post("/events", [event]);
	expect(answer.status).toBe(204);
}

/** Resolves when a token of now has expired, as the server itself says. */
async function tokensExpired(): Promise<void> {
	const headers = await csrfHeaders();
	const isRefused = async (): Promise<boolean> => (await post("/flow_runs/count", {}, headers)).status === 403;
	await eventually(isRefused, { what: "a token to expire", timeoutMs: patienceMs });
}

describe.concurrent("a server with basic auth and CSRF protection", () => {
	it("C9: refuses calls without a token, and with one that has expired", async () => {
		expect((await post("/flow_runs/count", {}, {})).status).toBe(403);
		const headers = await csrfHeaders();
		expect((await post("/flow_runs/count", {}, headers)).status).toBe(200);
		await tokensExpired();
		expect((await post("/flow_runs/count", {}, headers)).status).toBe(403);
	});

	it("C9: is read without a setting, through the expiry of the token", async () => {
		const runId = await makeRun("read");
		await using client = new ClientUnderTest(server.apiUrl, { csrfClientId: randomUUID() }, { authString });
		const list = async (): Promise<readonly string[]> =>
			(await collected(client.api.listLiveRuns(client.signal))).map((view) => view.runId);
		expect(await list()).toContain(runId);
		await tokensExpired();
		expect(await list()).toContain(runId);
		expect(client.failures).toBe(0);
	});

	it("C4: takes the auth string as Basic over REST, and raw as the socket's token", async () => {
		const runId = await makeRun("streamed");
		await using stream = new StreamUnderTest(server.apiUrl, {}, { authString });
		await stream.until("opened", 1);
		const isHeard = async (): Promise<boolean> => {
			await beat(runId);
			return stream.views.some((view) => view.runId === runId && view.beat !== null);
		};
		await eventually(isHeard, {
			what: "a heartbeat on the stream",
			timeoutMs: patienceMs,
			why: () => stream.log.join(),
		});
		expect(stream.ends).toEqual([]);
	});

	it("C4: wrong credentials are told as such over REST, although CSRF is looked at first", async () => {
		const wrong = { authString: "admin:canary" };
		await using client = new ClientUnderTest(server.apiUrl, { csrfClientId: randomUUID() }, wrong);
		const listing = collected(client.api.listLiveRuns(client.signal));
		await expect(listing).rejects.toThrow(/401(?!.*canary).*check PREFECT_API_AUTH_STRING/u);
	});

	it("C13: a wrong token is told with the server's own reason", async () => {
		await using stream = new StreamUnderTest(server.apiUrl, {}, { authString: "admin:canary" });
		await stream.told.until("streamEnded", 1);
		expect(stream.ends[0]).toMatchObject({
			reason: "unauthorized",
			detail: 'the server says "Invalid token": check PREFECT_API_AUTH_STRING',
		});
	});

	it("C1, C4, C9: the daemon connects, reads and streams with an address and an auth string alone", async () => {
		const listed = await makeRun("listed");
		await using daemon = await DaemonProcess.start({
			apiUrl: server.apiUrl,
			authString,
			environment: { ZOMBIED_RECONCILE_EVERY: "5s" },
			signal: stop.signal,
		});
		const patience = { timeoutMs: patienceMs, why: () => daemon.tail };
		const figures = async (): Promise<{ readonly requests: number; readonly unmonitored: number; beating: number }> => {
			const page = await daemon.metricsPage();
			return {
				requests: sumSeries(page, "zombied_api_requests_total", { endpoint: "flow_runs" }),
				unmonitored: sumSeries(page, "zombied_runs", { coverage: "unmonitored" }),
				beating: sumSeries(page, "zombied_runs", { coverage: "beating" }),
			};
		};
		const isReading = async (): Promise<boolean> => (await figures()).unmonitored > 0;
		await eventually(isReading, { ...patience, what: "the daemon to list the runs" });
		const isStreaming = async (): Promise<boolean> => {
			await beat(listed);
			const page = await daemon.metricsPage();
			return sumSeries(page, "zombied_stream_connected") === 1 && (await figures()).beating > 0;
		};
		await eventually(isStreaming, { ...patience, what: "the daemon to hear a heartbeat", everyMs: 1_000 });
		await tokensExpired();
		const { requests } = await figures();
		const hasGoneOn = async (): Promise<boolean> => (await figures()).requests >= requests + 2;
		await eventually(hasGoneOn, { ...patience, what: "the daemon to list the runs after the expiry" });
		expect(
			sumSeries(await daemon.metricsPage(), "zombied_api_request_failures_total", { reason: "unauthorized" }),
		).toBe(0);
		await daemon.stop();
	});
});
