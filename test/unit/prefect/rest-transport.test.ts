import { describe, expect, test } from "vitest";
import { systemClock } from "../../../src/lib/clock.ts";
import { ApiError } from "../../../src/prefect/api-error.ts";
import { ClientUnderTest, collected } from "../../_util/prefect-client.ts";
import { SkippingClock } from "../../_util/prefect-clock.ts";
import { PrefectStub } from "../../_util/prefect-stub.ts";

const path = /\/flow_runs\/filter$/u;

async function list(client: ClientUnderTest): Promise<number> {
	return (await collected(client.api.listLiveRuns(client.signal))).length;
}

async function failureOf(act: Promise<unknown>): Promise<ApiError> {
	const error = await act.then(
		() => null,
		(reason: unknown) => reason,
	);
	expect(error).toBeInstanceOf(ApiError);
	return error as ApiError;
}

describe("credentials over REST", () => {
	test("C4: a server with basic auth answers the auth string", async () => {
		await using stub = await PrefectStub.start({ authString: "admin:pw" });
		await using client = new ClientUnderTest(stub.url, {}, { authString: "admin:pw" });
		stub.addRun();
		expect(await list(client)).toBe(1);
	});

	test("C3: Cloud answers the key", async () => {
		await using stub = await PrefectStub.start({ apiKey: "pnu_1" });
		await using client = new ClientUnderTest(stub.url, {}, { apiKey: "pnu_1", cloudApiUrl: stub.url });
		stub.addRun();
		expect(await list(client)).toBe(1);
	});

	test.each([
		[{}, /set PREFECT_API_AUTH_STRING/u],
		[{ authString: "admin:canary" }, /check PREFECT_API_AUTH_STRING/u],
		[{ apiKey: "canary" }, /check PREFECT_API_KEY/u],
	])("refused ones name the setting, on one line and without the secret: %#", async (connection, words) => {
		await using stub = await PrefectStub.start({ authString: "admin:pw" });
		await using client = new ClientUnderTest(stub.url, {}, connection);
		const error = await failureOf(list(client));
		expect(error).toMatchObject({ reason: "unauthorized", retryable: false });
		expect(error.message).toMatch(words);
		expect(error.message).not.toMatch(/canary|\n/u);
		expect(client.told.told("apiFailed")).toEqual([["flow_runs", "unauthorized", error.message]]);
		expect(stub.requests).toHaveLength(1);
		expect(client.failures).toBe(1);
	});

	test("health needs no credentials", async () => {
		await using stub = await PrefectStub.start({ authString: "admin:pw" });
		await using client = new ClientUnderTest(stub.url);
		await client.api.health(client.signal);
		expect(client.answers).toHaveLength(1);
	});

	test("C2: a trailing slash in the address is harmless", async () => {
		await using stub = await PrefectStub.start();
		await using client = new ClientUnderTest(`${stub.url}/`);
		await client.api.health(client.signal);
		expect(stub.requests.map((request) => request.path)).toEqual(["/api/health"]);
	});
});

describe("C10: Retry-After", () => {
	const date = (ms: number): string => new Date(ms).toUTCString();

	test.each([
		["7", 7_000],
		["0", 500],
		["3600", 60_000],
		["60", 60_000],
		["61", 60_000],
		["soon", 500],
	])("of %j waits %i ms", async (value, waitMs) => {
		await using stub = await PrefectStub.start();
		const clock = new SkippingClock();
		await using client = new ClientUnderTest(stub.url, { clock });
		stub.planAnswer({ path, status: 429, headers: { "retry-after": value } });
		expect(await list(client)).toBe(0);
		expect(clock.sleptMs).toEqual([waitMs]);
		expect(client.failures).toBe(0);
	});

	test.each([
		[9_000, 9_000],
		[-5_000, 500],
		[7_200_000, 60_000],
	])(
		"as a date %i ms ahead of the server's own clock waits %i ms, whatever our clock says",
		async (aheadMs, waitMs) => {
			await using stub = await PrefectStub.start();
			const clock = new SkippingClock(Date.UTC(2001, 0, 1));
			await using client = new ClientUnderTest(stub.url, { clock });
			const nowMs = Date.UTC(2026, 10, 22, 12);
			const headers = { date: date(nowMs), "retry-after": date(nowMs + aheadMs) };
			stub.planAnswer({ path, status: 503, headers });
			await list(client);
			expect(clock.sleptMs).toEqual([waitMs]);
		},
	);

	test("missing: backoff, and after three retries the call fails", async () => {
		await using stub = await PrefectStub.start();
		const clock = new SkippingClock();
		await using client = new ClientUnderTest(stub.url, { clock, random: () => 0.999_999 });
		stub.planAnswer({ path, status: 429, times: 10 });
		const error = await failureOf(list(client));
		expect(error).toMatchObject({ reason: "rate_limited", retryable: true });
		expect(stub.requests).toHaveLength(4);
		expect(clock.sleptMs.map(Math.round)).toEqual([1_000, 2_000, 4_000]);
		expect(client.failures).toBe(1);
	});

	test("maintenance uses up no retries, and counts as REST being away meanwhile", async () => {
		await using stub = await PrefectStub.start();
		const clock = new SkippingClock();
		await using client = new ClientUnderTest(stub.url, { clock });
		const headers = { "prefect-maintenance": "true", "retry-after": "30" };
		stub.planAnswer({ path, status: 503, headers, times: 20 });
		expect(await list(client)).toBe(0);
		expect(clock.sleptMs).toEqual(Array.from({ length: 20 }, () => 30_000));
		expect(client.failures).toBe(20);
		expect(client.told.told("apiRecovered")).toHaveLength(1);
	});

	test("an abort ends the wait", async () => {
		await using stub = await PrefectStub.start();
		await using client = new ClientUnderTest(stub.url, { clock: systemClock });
		stub.planAnswer({ path, status: 503, headers: { "retry-after": "60" } });
		const stop = new AbortController();
		const listing = collected(client.api.listLiveRuns(stop.signal));
		await stub.until(() => stub.requests.length === 1, "the request came");
		stop.abort(new Error("stopped"));
		await expect(listing).rejects.toThrow("stopped");
		expect(client.failures).toBe(0);
	});

	test.each([500, 502, 504])("%i is not retried", async (status) => {
		await using stub = await PrefectStub.start();
		await using client = new ClientUnderTest(stub.url, { clock: new SkippingClock() });
		stub.planAnswer({ path, status });
		expect(await failureOf(list(client))).toMatchObject({ reason: "server_error", retryable: true });
		expect(stub.requests).toHaveLength(1);
	});
});

describe("C9: a server with CSRF protection", () => {
	test("works without a setting, with one token for many calls", async () => {
		await using stub = await PrefectStub.start({ csrf: true });
		await using client = new ClientUnderTest(stub.url);
		stub.addRun();
		expect(await list(client)).toBe(1);
		expect(await list(client)).toBe(1);
		expect(stub.requestsTo("/csrf-token").map((request) => request.query)).toEqual([
			"?client=c0000000-0000-4000-8000-000000000001",
		]);
		expect(client.failures).toBe(0);
	});

	test("an expired token is renewed", async () => {
		await using stub = await PrefectStub.start({ csrf: true });
		await using client = new ClientUnderTest(stub.url);
		await list(client);
		stub.csrfToken = null;
		await list(client);
		expect(stub.requestsTo("/csrf-token")).toHaveLength(2);
		expect(client.failures).toBe(0);
	});

	test("calls that are refused together share one new token", async () => {
		await using stub = await PrefectStub.start({ csrf: true });
		await using client = new ClientUnderTest(stub.url);
		await Promise.all(Array.from({ length: 8 }, () => list(client)));
		expect(stub.requestsTo("/csrf-token")).toHaveLength(1);
	});

	test("a server without the protection is never asked for a token", async () => {
		await using stub = await PrefectStub.start();
		await using client = new ClientUnderTest(stub.url);
		await list(client);
		expect(stub.requestsTo("/csrf-token")).toHaveLength(0);
	});

	test("wrong credentials are told as such, although the server looks at the token first", async () => {
		await using stub = await PrefectStub.start({ csrf: true, authString: "admin:pw" });
		await using client = new ClientUnderTest(stub.url, {}, { authString: "admin:wrong" });
		const error = await failureOf(list(client));
		expect(error).toMatchObject({ reason: "unauthorized" });
		expect(error.message).toMatch(/401.*check PREFECT_API_AUTH_STRING/u);
		expect(stub.requestsTo("/csrf-token")).toHaveLength(1);
	});

	test("a refusal in CSRF's words by a server that knows no tokens is a refusal", async () => {
		await using stub = await PrefectStub.start();
		await using client = new ClientUnderTest(stub.url);
		stub.planAnswer({ path, status: 403, body: { detail: "Invalid CSRF token or client identifier." } });
		expect(await failureOf(list(client))).toMatchObject({ reason: "unauthorized" });
		expect(stub.requestsTo("/csrf-token")).toHaveLength(1);
	});
});

describe("failures", () => {
	test("nobody there: unreachable, after retries, with the way out", async () => {
		const stub = await PrefectStub.start();
		const { url } = stub;
		await stub[Symbol.asyncDispose]();
		const clock = new SkippingClock();
		await using client = new ClientUnderTest(url, { clock });
		const error = await failureOf(list(client));
		expect(error).toMatchObject({ reason: "unreachable", retryable: true });
		expect(error.message).toMatch(/ECONNREFUSED.*PREFECT_API_URL/u);
		expect(clock.sleptMs).toHaveLength(3);
	});

	test("a probe asks once", async () => {
		await using stub = await PrefectStub.start();
		const clock = new SkippingClock();
		await using client = new ClientUnderTest(stub.url, { clock });
		stub.planAnswer({ path: /health/u, status: 503, headers: { "prefect-maintenance": "true" }, times: 9 });
		expect(await failureOf(client.api.health(client.signal))).toMatchObject({ reason: "server_error" });
		expect(stub.requests).toHaveLength(1);
		expect(clock.sleptMs).toEqual([]);
	});

	test("a connection cut once is mended without a word", async () => {
		await using stub = await PrefectStub.start();
		await using client = new ClientUnderTest(stub.url, { clock: new SkippingClock() });
		stub.addRun();
		stub.ignoresRequests = true;
		const listing = list(client);
		await stub.until(() => stub.requests.length === 1, "the first request came");
		stub.ignoresRequests = false;
		stub.cutConnections();
		expect(await listing).toBe(1);
		expect(client.failures).toBe(0);
	});

	test("no answer within the time allowed: timeout, once", async () => {
		await using stub = await PrefectStub.start();
		await using client = new ClientUnderTest(stub.url, {}, { requestTimeoutMs: 50 });
		stub.ignoresRequests = true;
		expect(await failureOf(list(client))).toMatchObject({ reason: "timeout", retryable: true });
		expect(stub.requests).toHaveLength(1);
	});

	test.each([
		[404, undefined, "rejected", /end in \/api\?/u],
		[422, { detail: "no" }, "rejected", /422 \(\{"detail":"no"\}\)/u],
		[307, undefined, "rejected", /redirects are not followed/u],
		[200, "<html>hello</html>", "malformed", /is PREFECT_API_URL the API/u],
		[200, { rows: [] }, "malformed", /is PREFECT_API_URL the API/u],
	])("%i with %j is %s, in words", async (status, body, reason, words) => {
		await using stub = await PrefectStub.start();
		await using client = new ClientUnderTest(stub.url);
		stub.planAnswer({ path, status, body, headers: { location: "https://elsewhere.example/api" } });
		const error = await failureOf(list(client));
		expect(error).toMatchObject({ reason, retryable: false });
		expect(error.message).toMatch(words);
		expect(error.message).not.toMatch(/\n/u);
	});

	test("recovery is told once, when every endpoint that failed has answered again", async () => {
		await using stub = await PrefectStub.start();
		await using client = new ClientUnderTest(stub.url);
		stub.planAnswer({ path, status: 500 });
		stub.planAnswer({ path: /health$/u, status: 500 });
		await failureOf(list(client));
		await failureOf(client.api.health(client.signal));
		await client.api.health(client.signal);
		expect(client.told.told("apiRecovered")).toHaveLength(0);
		await list(client);
		await list(client);
		expect(client.told.told("apiRecovered")).toHaveLength(1);
	});
});

describe("the server's clock and ours", () => {
	test("every answer brings the server's date", async () => {
		await using stub = await PrefectStub.start();
		stub.moveClock(3 * 3_600_000);
		await using client = new ClientUnderTest(stub.url);
		await client.api.health(client.signal);
		const aheadMs = (client.answers[0] ?? 0) - Date.now();
		expect(Math.abs(aheadMs - 3 * 3_600_000)).toBeLessThan(5_000);
	});

	test.each([
		[1, [0, 1_000, 2_000, 3_000]],
		[2.9, [0, 0, 1_000, 1_000]],
		[0.9, [0, 1_111, 2_222, 3_333]],
		[0.1, [0, 10_000, 20_000, 30_000]],
	])("of %d requests a second a fraction counts where it is all there is", async (restPerSecond, momentsMs) => {
		await using stub = await PrefectStub.start();
		const clock = new SkippingClock();
		await using client = new ClientUnderTest(stub.url, { clock, restPerSecond });
		const begunMs: number[] = [];
		for (const _call of momentsMs) {
			await client.api.health(client.signal);
			begunMs.push(Math.floor(clock.now().monoMs));
		}
		expect(begunMs).toEqual(momentsMs);
	});

	test("no more than the allowed requests begin within any second", async () => {
		await using stub = await PrefectStub.start();
		const clock = new SkippingClock();
		await using client = new ClientUnderTest(stub.url, { clock, restPerSecond: 5 });
		const begunMs: number[] = [];
		for (let call = 0; call < 13; call++) {
			await client.api.health(client.signal);
			begunMs.push(clock.now().monoMs);
		}
		expect(begunMs).toEqual([0, 0, 0, 0, 0, 1000, 1000, 1000, 1000, 1000, 2000, 2000, 2000]);
	});
});
