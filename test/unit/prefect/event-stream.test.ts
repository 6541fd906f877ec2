import { describe, expect, test } from "vitest";
import { reconnectDelayMs, streamTiming } from "../../../src/prefect/event-stream.ts";
import { filterMessage } from "../../../src/prefect/subscription.ts";
import { heartbeat, stateEvent } from "../../_util/prefect-events.ts";
import { StreamUnderTest } from "../../_util/prefect-stream.ts";
import { PrefectStub } from "../../_util/prefect-stub.ts";

const runId = "0198c1b6-0000-7000-8000-000000000001";
const hourMs = 3_600_000;

describe("the subscription", () => {
	test("C1: needs nothing but an address", async () => {
		await using stub = await PrefectStub.start();
		await using stream = new StreamUnderTest(stub.url);
		await stream.until("opened", 1);
		await stub.until(() => stub.subscribers === 1, "the filter was accepted");
		expect(stub.subscriptions[0]).toEqual({
			token: null,
			filter: {
				event: { prefix: ["prefect.flow-run."] },
				occurred: { since: "2000-01-01T00:00:00Z", until: "2100-01-01T00:00:00Z" },
			},
			backfill: false,
		});
		expect(stub.upgrades[0]).toMatchObject({ "sec-websocket-protocol": "prefect" });
		expect(stub.upgrades[0]).not.toHaveProperty("sec-websocket-extensions");
		expect(stub.upgrades[0]).not.toHaveProperty("authorization");
		const url = `ws://127.0.0.1:${stub.port}/api/events/out`;
		expect(stream.told.told("streamConnected")).toEqual([[{ url }]]);
	});

	test("C2: a trailing slash is harmless", async () => {
		await using stub = await PrefectStub.start();
		await using stream = new StreamUnderTest(`${stub.url}/`);
		await stream.until("opened", 1);
		expect(stub.upgrades).toHaveLength(1);
	});

	test("C4: the auth string is Basic on the upgrade and raw as token", async () => {
		await using stub = await PrefectStub.start({ authString: "admin:pw" });
		await using stream = new StreamUnderTest(stub.url, {}, { authString: "admin:pw" });
		await stub.until(() => stub.subscribers === 1, "the filter was accepted");
		expect(stub.upgrades[0]).toMatchObject({ authorization: "Basic YWRtaW46cHc=" });
		expect(stub.subscriptions[0]?.token).toBe("admin:pw");
		expect(stream.ends).toEqual([]);
	});

	test("C3: the key is Bearer on the upgrade and the token", async () => {
		await using stub = await PrefectStub.start({ apiKey: "pnu_1" });
		await using _stream = new StreamUnderTest(stub.url, {}, { apiKey: "pnu_1", cloudApiUrl: stub.url });
		await stub.until(() => stub.subscribers === 1, "the filter was accepted");
		expect(stub.upgrades[0]).toMatchObject({ authorization: "Bearer pnu_1" });
		expect(stub.subscriptions[0]?.token).toBe("pnu_1");
	});

	test("brings live events as views, in order, and no stored ones", async () => {
		await using stub = await PrefectStub.start();
		const nowMs = Date.now();
		stub.store(heartbeat({ runId, occurredMs: nowMs - 10 }));
		await using stream = new StreamUnderTest(stub.url);
		await stub.until(() => stub.subscribers === 1, "the filter was accepted");
		stub.emit(
			stateEvent({ runId, type: "RUNNING", atMs: nowMs }),
			heartbeat({ runId, occurredMs: nowMs + 1, receivedMs: nowMs + 3.5 }),
		);
		await stream.until("event", 2);
		expect(stream.views).toMatchObject([
			{ runId, state: { type: "RUNNING" }, beat: null },
			{ runId, state: null, beat: { occurredMs: nowMs + 1 } },
		]);
		expect(stream.receivedMs).toEqual([nowMs + 20, nowMs + 3.5]);
		expect(stream.told.told("frame")).toEqual([["control"], ["state"], ["heartbeat"]]);
	});

	test("C16: goes on delivering hours after connecting", async () => {
		await using stub = await PrefectStub.start();
		await using stream = new StreamUnderTest(stub.url);
		await stub.until(() => stub.subscribers === 1, "the filter was accepted");
		stub.moveClock(3 * hourMs);
		stub.emit(heartbeat({ runId, occurredMs: stub.nowMs() }));
		await stream.until("event", 1);
		expect(stream.views).toHaveLength(1);
	});

	test("a worker whose clock is 14 minutes slow, or a day fast, is heard", async () => {
		await using stub = await PrefectStub.start();
		await using stream = new StreamUnderTest(stub.url);
		await stub.until(() => stub.subscribers === 1, "the filter was accepted");
		stub.emit(heartbeat({ runId, occurredMs: Date.now() - 14 * 60_000 }));
		stub.emit(heartbeat({ runId, occurredMs: Date.now() + 24 * hourMs }));
		await stream.until("event", 2);
	});

	test("the stub's filter gates as Prefect's does: without a far until nothing comes", async () => {
		await using stub = await PrefectStub.start();
		const filter = JSON.parse(filterMessage) as { filter: { occurred: { until?: string } } };
		delete filter.filter.occurred.until;
		const socket = new WebSocket(`ws://127.0.0.1:${stub.port}/api/events/out`, "prefect");
		await new Promise((resolve) => socket.addEventListener("open", resolve));
		const texts: unknown[] = [];
		const { promise: last, resolve: onLast } = Promise.withResolvers<void>();
		socket.addEventListener("message", ({ data }) => {
			texts.push(data);
			if (data === '{"type":"checkpoint"}') {
				onLast();
			}
		});
		socket.send(JSON.stringify({ type: "auth", token: null }));
		socket.send(JSON.stringify(filter));
		await stub.until(() => stub.subscribers === 1, "the filter was accepted");
		stub.moveClock(1_000);
		stub.deliver(heartbeat({ runId, occurredMs: stub.nowMs() }));
		stub.sendText('{"type":"checkpoint"}');
		await last;
		expect(texts).toEqual(['{"type":"auth_success"}', '{"type":"checkpoint"}']);
		socket.close();
	});
});

describe("frames that are no events of a run", () => {
	test("are counted by kind and skipped; the loop goes on", async () => {
		await using stub = await PrefectStub.start();
		await using stream = new StreamUnderTest(stub.url);
		await stub.until(() => stub.subscribers === 1, "the filter was accepted");
		for (const text of ['{"type":"checkpoint"}', "not json", "[]", '{"type":"event"}', '{"type":"surprise"}']) {
			stub.sendText(text);
		}
		stub.emit({ ...heartbeat({ runId, occurredMs: Date.now() }), event: "prefect.flow-run.pull-step.executed" });
		stub.emit(stateEvent({ runId, type: "ZOMBIE", atMs: Date.now() }));
		stub.emit(heartbeat({ runId, occurredMs: Date.now() }));
		await stream.until("event", 1);
		expect(stream.told.told("frame")).toEqual([["control"], ["control"], ["other_event"], ["heartbeat"]]);
		expect(stream.told.told("frameRejected").map(([reason]) => reason)).toEqual([
			"not_json",
			"not_an_object",
			"malformed_event",
			"unknown_type",
			"malformed_event",
		]);
		expect(stream.count("heard")).toBeGreaterThanOrEqual(7);
		expect(stream.ends).toEqual([]);
	});

	test("T9: senseless times are told", async () => {
		await using stub = await PrefectStub.start();
		await using stream = new StreamUnderTest(stub.url);
		await stub.until(() => stub.subscribers === 1, "the filter was accepted");
		const nowMs = Date.now();
		stub.emit(heartbeat({ runId, occurredMs: nowMs, receivedMs: nowMs - 3 * 24 * hourMs }));
		await stream.until("event", 1);
		expect(stream.views).toMatchObject([{ beat: { occurredMs: null, receivedMs: nowMs - 3 * 24 * hourMs } }]);
		expect(stream.told.told("anomaly")).toMatchObject([["senseless_time", { runId }]]);
	});

	test("R8: a frame that breaks the protocol ends the connection, and is not blamed on the filter", async () => {
		await using stub = await PrefectStub.start();
		await using stream = new StreamUnderTest(stub.url);
		for (const times of [1, 2, 3]) {
			await stream.until("opened", times);
			await stub.until(() => stub.subscribers === 1, "the filter was accepted");
			// Compressed, as nobody has agreed on.
			stub.sendBytes(Buffer.from([0xc1, 1, 0]));
			await stub.until(() => stub.subscribers === 0, "the connection was ended");
		}
		await stream.until("opened", 4);
		expect(stream.ends.map(({ reason }) => reason)).toEqual(["closed_dirty", "closed_dirty", "closed_dirty"]);
		expect(stream.ends[0]?.detail).toContain("RSV1 must be clear");
	});

	test.for([
		[4_096, []],
		[4_097, [{ reason: "frame_too_large", detail: "a frame came in more than 4096 pieces" }]],
	] as const)("R8: a frame in %i pieces", async ([pieces, ends]) => {
		await using stub = await PrefectStub.start();
		await using stream = new StreamUnderTest(stub.url);
		await stub.until(() => stub.subscribers === 1, "the filter was accepted");
		stub.sendBytes(Buffer.concat([Buffer.from([0x01, 0]), Buffer.alloc(2 * (pieces - 2)), Buffer.from([0x80, 0])]));
		if (ends.length > 0) await stream.until("opened", 2);
		else await stream.told.until("frameRejected", 1);
		expect(stream.ends).toMatchObject(ends);
	});

	test("a frame beyond 4 MiB ends the connection, and a new one follows", async () => {
		await using stub = await PrefectStub.start();
		await using stream = new StreamUnderTest(stub.url);
		await stub.until(() => stub.subscribers === 1, "the filter was accepted");
		stub.sendText(" ".repeat(4 * 1024 * 1024 + 1));
		await stream.until("opened", 2);
		expect(stream.ends).toMatchObject([{ reason: "frame_too_large" }]);
		expect(stream.told.told("frameRejected").map(([reason]) => reason)).toEqual(["too_large"]);
	});

	test("a frame of just 4 MiB does not", async () => {
		await using stub = await PrefectStub.start();
		await using stream = new StreamUnderTest(stub.url);
		await stub.until(() => stub.subscribers === 1, "the filter was accepted");
		stub.sendText(" ".repeat(4 * 1024 * 1024));
		stub.emit(heartbeat({ runId, occurredMs: Date.now() }));
		await stream.until("event", 1);
		expect(stream.ends).toEqual([]);
	});
});

describe("ends that mend themselves", () => {
	test.each([
		[1000, "", "closed_clean"],
		[1001, "going away", "closed_clean"],
		[1012, "", "closed_clean"],
		[1011, "oops", "closed_dirty"],
		[4000, "", "closed_dirty"],
	])("C14: closed with %i (%s): %s, and connects again", async (code, words, reason) => {
		await using stub = await PrefectStub.start();
		await using stream = new StreamUnderTest(stub.url);
		await stub.until(() => stub.subscribers === 1, "the filter was accepted");
		stub.closeAll(code, words);
		await stream.until("opened", 2);
		await stub.until(() => stub.subscriptions.length === 2, "the filter was accepted again");
		expect(stream.log.filter((entry) => entry !== "heard")).toEqual(["opened", `closed ${reason}`, "opened"]);
		expect(stream.ends).toMatchObject([{ reason, detail: expect.stringContaining(`${code}`) }]);
		expect(stream.ends[0]?.detail).toContain(words);
	});

	test("dropped without a close frame: dirty, and connects again", async () => {
		await using stub = await PrefectStub.start();
		await using stream = new StreamUnderTest(stub.url);
		await stub.until(() => stub.subscribers === 1, "the filter was accepted");
		stub.sendText('{"type":"checkpoint"}');
		await stream.told.until("frame", 2);
		stub.dropAll();
		await stream.until("opened", 2);
		expect(stream.ends).toMatchObject([{ reason: "closed_dirty", detail: expect.stringContaining("1006") }]);
	});

	test("a server that is not there is tried until it is", async () => {
		const stub = await PrefectStub.start();
		const { url, port } = stub;
		await stub[Symbol.asyncDispose]();
		await using stream = new StreamUnderTest(url);
		await stream.told.until("streamEnded", 5);
		await using _again = await PrefectStub.start({ port });
		await stream.until("opened", 1);
		expect(stream.ends[0]).toMatchObject({ reason: "refused", detail: expect.stringContaining("ECONNREFUSED") });
		expect(stream.log[0]).toBe("opened");
	});

	test("R5: a socket that goes silent is found, and replaced", async () => {
		await using stub = await PrefectStub.start();
		await using stream = new StreamUnderTest(stub.url, { silenceMsMax: 150 });
		await stub.until(() => stub.subscribers === 1, "the filter was accepted");
		stub.hang();
		await stream.until("opened", 2);
		expect(stream.ends).toMatchObject([{ reason: "hung" }]);
		expect(stream.log).toContain("closed hung");
	});

	test("a server that accepts the connection and says nothing is hung too", async () => {
		await using stub = await PrefectStub.start();
		stub.isMute = true;
		await using stream = new StreamUnderTest(stub.url, { silenceMsMax: 150 });
		await stream.told.until("streamEnded", 1);
		stub.isMute = false;
		await stream.until("opened", 1);
		expect(stream.ends[0]).toMatchObject({ reason: "hung" });
		expect(stream.log).not.toContain("closed hung");
	});

	test("an idle stream that answers pings lives on, and each pong is heard", async () => {
		await using stub = await PrefectStub.start();
		await using stream = new StreamUnderTest(stub.url, { pingEveryMs: 20, silenceMsMax: 1_000 });
		const startedMs = performance.now();
		await stream.until("heard", 60);
		expect(performance.now() - startedMs).toBeGreaterThan(1_000);
		expect(stream.ends).toEqual([]);
	});

	test("pings of the server are signs of life", async () => {
		await using stub = await PrefectStub.start();
		await using stream = new StreamUnderTest(stub.url, { pingEveryMs: 60_000 });
		await stub.until(() => stub.subscribers === 1, "the filter was accepted");
		expect(stream.count("heard")).toBe(0);
		stub.pingAll();
		await stream.until("heard", 1);
	});
});

describe("ends that wait for the operator", () => {
	test.each([
		[{}, "Auth required but no token provided", /set PREFECT_API_AUTH_STRING/u],
		[{ authString: "admin:canary" }, "Invalid token", /check PREFECT_API_AUTH_STRING/u],
		[{ apiKey: "canary" }, "Invalid token", /check PREFECT_API_KEY/u],
	])("C13: a refused token: one clear line with the server's reason: %#", async (connection, words, hint) => {
		await using stub = await PrefectStub.start({ authString: "admin:pw" });
		await using stream = new StreamUnderTest(
			stub.url,
			{ operatorBackoff: { minMs: 60_000, maxMs: 60_000 } },
			connection,
		);
		await stream.told.until("streamEnded", 1);
		expect(stream.ends).toMatchObject([{ reason: "unauthorized", retryInMs: 60_000 }]);
		expect(stream.ends[0]?.detail).toContain(words);
		expect(stream.ends[0]?.detail).toMatch(hint);
		expect(stream.ends[0]?.detail).not.toMatch(/canary|\n/u);
		expect(stream.log).toEqual([]);
	});

	test("a refusal in a message instead of a close frame, as Cloud may send, is one too", async () => {
		await using stub = await PrefectStub.start({ apiKey: "pnu_1" });
		stub.refusesInMessage = true;
		await using stream = new StreamUnderTest(stub.url, {}, { apiKey: "canary", cloudApiUrl: stub.url });
		await stream.told.until("streamEnded", 1);
		expect(stream.ends[0]).toMatchObject({
			reason: "unauthorized",
			detail: 'the server says "Invalid token": check PREFECT_API_KEY',
		});
	});

	test("a token beyond ASCII, on which Prefect drops the connection, is explained", async () => {
		await using stub = await PrefectStub.start({ authString: "admin:pw" });
		await using stream = new StreamUnderTest(stub.url, {}, { authString: "admin:pässword" });
		await stream.told.until("streamEnded", 1);
		expect(stream.ends[0]).toMatchObject({ reason: "unauthorized", detail: expect.stringContaining("ASCII") });
		expect(stream.ends[0]?.detail).not.toContain("pässword");
	});

	test("a secret that no header can hold is explained, and the loop goes on", async () => {
		await using stub = await PrefectStub.start();
		await using stream = new StreamUnderTest(stub.url, {}, { apiKey: "canary\nx" });
		await stream.told.until("streamEnded", 2);
		expect(stream.ends[0]).toMatchObject({
			reason: "unauthorized",
			detail: expect.stringContaining("PREFECT_API_KEY"),
		});
		expect(JSON.stringify(stream.ends)).not.toContain("canary");
		expect(stub.upgrades).toEqual([]);
	});

	test("C15: a subprotocol that is stripped from the answer is explained in words", async () => {
		await using stub = await PrefectStub.start();
		stub.strippedSubprotocol = "answer";
		await using stream = new StreamUnderTest(stub.url);
		await stream.told.until("streamEnded", 1);
		expect(stream.ends[0]).toMatchObject({
			reason: "subprotocol",
			detail: expect.stringMatching(/proxy.*Sec-WebSocket-Protocol/u),
		});
	});

	test("C15: one that is stripped from the request, where the server has authentication, too", async () => {
		await using stub = await PrefectStub.start({ authString: "admin:pw" });
		stub.strippedSubprotocol = "request";
		await using stream = new StreamUnderTest(stub.url, {}, { authString: "admin:pw" });
		await stream.told.until("streamEnded", 1);
		expect(stream.ends[0]).toMatchObject({
			reason: "unauthorized",
			detail: expect.stringMatching(/403.*Sec-WebSocket-Protocol/u),
		});
	});

	test.each([
		[401, "unauthorized", /PREFECT_API_AUTH_STRING/u],
		[404, "refused", /end in \/api/u],
		[200, "refused", /proxy/u],
		[502, "refused", /502/u],
	])("an upgrade answered with %i is %s, in words", async (status, reason, words) => {
		await using stub = await PrefectStub.start();
		stub.upgradeStatus = status;
		await using stream = new StreamUnderTest(stub.url);
		await stream.told.until("streamEnded", 1);
		expect(stream.ends[0]).toMatchObject({ reason, detail: expect.stringMatching(words) });
	});

	test("1006 right after the filter, twice in a row, is the filter's refusal", async () => {
		await using stub = await PrefectStub.start();
		stub.dropsFilters = true;
		await using stream = new StreamUnderTest(stub.url, { filterRetry: { minMs: 7, maxMs: 7 } });
		await stream.told.until("streamEnded", 3);
		expect(stream.ends.map(({ reason, retryInMs }) => [reason, retryInMs])).toEqual([
			["closed_dirty", 7],
			["bad_filter", 3],
			["bad_filter", 3],
		]);
		expect(stream.ends[0]?.detail).toMatch(/1006.*once more/u);
		expect(stream.ends[1]?.detail).toMatch(/1006.*does not take zombied's filter/u);
	});

	test("1006 right after the filter, once, is a server that was stopped just then", async () => {
		await using stub = await PrefectStub.start();
		stub.dropsFilters = true;
		await using stream = new StreamUnderTest(stub.url, { pingEveryMs: 60_000 });
		await stream.told.until("streamEnded", 1);
		stub.dropsFilters = false;
		// Another end in between, and the filter is above suspicion again.
		await stub.until(() => stub.subscriptions.length === 2 && stub.subscribers === 1, "the filter was accepted");
		stub.closeAll(1012);
		await stream.told.until("streamEnded", 2);
		stub.dropsFilters = true;
		await stream.told.until("streamEnded", 3);
		expect(stream.ends.map(({ reason }) => reason)).toEqual(["closed_dirty", "closed_clean", "closed_dirty"]);
	});

	test("1006 after a sign of life has nothing to do with the filter", async () => {
		await using stub = await PrefectStub.start();
		await using stream = new StreamUnderTest(stub.url, { pingEveryMs: 60_000 });
		for (const end of [1, 2]) {
			await stub.until(() => stub.subscriptions.length === end && stub.subscribers === 1, "the filter was accepted");
			stub.pingAll();
			await stream.until("heard", end);
			stub.dropAll();
			await stream.told.until("streamEnded", end);
		}
		expect(stream.ends.map(({ reason }) => reason)).toEqual(["closed_dirty", "closed_dirty"]);
		expect(stream.ends[1]?.detail).not.toContain("filter");
	});

	test("the stub drops a filter that Prefect would not take", async () => {
		await using stub = await PrefectStub.start();
		const socket = new WebSocket(`ws://127.0.0.1:${stub.port}/api/events/out`, "prefect");
		await new Promise((resolve) => socket.addEventListener("open", resolve));
		socket.send(JSON.stringify({ type: "auth", token: null }));
		socket.send(JSON.stringify({ type: "filter", filter: { event: { any_: ["prefect.flow-run."] } } }));
		const code = await new Promise((resolve) => socket.addEventListener("close", (event) => resolve(event.code)));
		expect(code).toBe(1006);
		expect(stub.subscriptions).toEqual([]);
	});
});

describe("the pace of reconnecting", () => {
	const chances = [0, 0.5, 0.999_999];

	test("R6: full jitter between 0.5 s and 30 s, wider with each failure", () => {
		const delays = (failures: number): number[] =>
			chances.map((chance) =>
				Math.round(
					reconnectDelayMs({ reason: "closed_dirty", isFilterSuspect: false }, failures, streamTiming, () => chance),
				),
			);
		expect(delays(1)).toEqual([500, 750, 1_000]);
		expect(delays(2)).toEqual([500, 1_250, 2_000]);
		expect(delays(50)).toEqual([500, 15_250, 30_000]);
	});

	test.each(["unauthorized", "subprotocol", "bad_filter"] as const)(
		"C13: %s is tried 4 times a minute at most",
		(reason) => {
			for (const failures of [1, 2, 50]) {
				for (const chance of chances) {
					const delayMs = reconnectDelayMs({ reason, isFilterSuspect: false }, failures, streamTiming, () => chance);
					expect(delayMs).toBeGreaterThanOrEqual(15_000);
					expect(delayMs).toBeLessThanOrEqual(60_000);
				}
			}
		},
	);

	test("a filter under suspicion is tried once more within 0.5 to 2 s, however often the server failed before", () => {
		const end = { reason: "closed_dirty", isFilterSuspect: true } as const;
		const delays = [1, 2, 50].flatMap((failures) =>
			chances.map((chance) => Math.round(reconnectDelayMs(end, failures, streamTiming, () => chance))),
		);
		expect(new Set(delays)).toEqual(new Set([500, 1_250, 2_000]));
	});

	test("R5: with the shipped timing a hung socket is found within 45 s", () => {
		expect(streamTiming.silenceMsMax).toBeLessThanOrEqual(45_000);
		expect(streamTiming.silenceMsMax).toBeGreaterThanOrEqual(2 * streamTiming.pingEveryMs);
	});

	test("failures add up while connections do not hold, and are forgotten once one does", async () => {
		await using stub = await PrefectStub.start();
		const backoff = { minMs: 1, maxMs: 1_000 };
		await using stream = new StreamUnderTest(stub.url, { backoff, healthyAfterMs: 100 }, {}, {}, () => 0.999_999);
		for (let end = 1; end <= 3; end++) {
			await stub.until(() => stub.subscriptions.length === end && stub.subscribers === 1, `subscription ${end}`);
			stub.closeAll(1000);
			await stream.told.until("streamEnded", end);
		}
		await stub.until(() => stub.subscriptions.length === 4 && stub.subscribers === 1, "subscription 4");
		const sinceMs = performance.now();
		await stream.told.untilTrue(
			() => performance.now() - sinceMs > 150,
			"pongs for longer than it takes to be healthy",
		);
		stub.closeAll(1000);
		await stream.told.until("streamEnded", 4);
		expect(stream.ends.map((end) => Math.round(end.retryInMs))).toEqual([2, 4, 8, 2]);
	});
});

describe("stopping", () => {
	test("ends run, tells so, and leaves no connection", async () => {
		await using stub = await PrefectStub.start();
		await using stream = new StreamUnderTest(stub.url);
		await stream.until("opened", 1);
		stream.stop();
		await stream.ended;
		await stub.until(() => stub.connections === 0, "the connection was gone");
		expect(stream.ends).toMatchObject([{ reason: "stopped" }]);
		expect(stream.log.at(-1)).toBe("closed stopped");
	});

	test("while dialling, and while waiting to dial again, ends run too", async () => {
		await using stub = await PrefectStub.start();
		stub.isMute = true;
		await using dialling = new StreamUnderTest(stub.url);
		await stub.until(() => stub.connections === 1, "it dialled");
		dialling.stop();
		await dialling.ended;
		stub.isMute = false;
		stub.upgradeStatus = 503;
		await using waiting = new StreamUnderTest(stub.url, { backoff: { minMs: 60_000, maxMs: 60_000 } });
		await waiting.told.until("streamEnded", 1);
		waiting.stop();
		await waiting.ended;
		await stub.until(() => stub.connections === 0, "the connections were gone");
	});

	test("a listener that throws ends run with its error, and the connection", async () => {
		await using stub = await PrefectStub.start();
		const event = (): void => {
			throw new Error("a bug");
		};
		await using stream = new StreamUnderTest(stub.url, {}, {}, { event });
		await stub.until(() => stub.subscribers === 1, "the filter was accepted");
		stub.emit(heartbeat({ runId, occurredMs: Date.now() }));
		await expect(stream.ended).rejects.toThrow("a bug");
		await stub.until(() => stub.connections === 0, "the connection was gone");
	});

	test("R6: 500 reconnects of every kind leave one connection", { timeout: 60_000 }, async () => {
		await using stub = await PrefectStub.start();
		await using stream = new StreamUnderTest(stub.url, { backoff: { minMs: 0, maxMs: 1 } });
		const ways = [
			() => stub.closeAll(1000),
			() => stub.dropAll(),
			() => stub.closeAll(1011),
			() => stub.cutConnections(),
		];
		for (let time = 1; time <= 500; time++) {
			await stub.until(() => stub.subscriptions.length === time && stub.subscribers === 1, `subscription ${time}`);
			stub.sendText('{"type":"checkpoint"}');
			await stream.until("heard", time);
			ways[time % ways.length]?.();
		}
		await stub.until(() => stub.subscriptions.length === 501 && stub.subscribers === 1, "the last subscription");
		expect(stub.connections).toBe(1);
		expect(stream.count("opened")).toBe(501);
	});
});
