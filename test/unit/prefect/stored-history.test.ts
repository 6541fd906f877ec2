import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { systemClock } from "../../../src/lib/clock.ts";
import { RestTransport } from "../../../src/prefect/rest-transport.ts";
import { StoredHistory } from "../../../src/prefect/stored-history.ts";
import { connectionTo } from "../../_util/prefect-client.ts";
import { heartbeat } from "../../_util/prefect-events.ts";
import { ToldReporter } from "../../_util/prefect-reporter.ts";
import { PrefectStub } from "../../_util/prefect-stub.ts";

const runId = "a0000000-0000-4000-8000-000000000001";
const minute = 60_000;

let stub: PrefectStub;
let transport: RestTransport;
beforeEach(async () => {
	stub = await PrefectStub.start();
	transport = new RestTransport({
		settings: connectionTo(stub.url),
		clock: systemClock,
		random: () => 0,
		reporter: new ToldReporter().reporter,
		restPerSecond: 1000,
		csrfClientId: "c0000000-0000-4000-8000-000000000001",
		onAnswer: () => undefined,
		onFailure: () => undefined,
	});
});
afterEach(async () => {
	await transport[Symbol.asyncDispose]();
	await stub[Symbol.asyncDispose]();
});

async function read(sinceMs: number, untilMs: number) {
	const parts = [];
	const signal = new AbortController().signal;
	for await (const part of new StoredHistory(transport).read({ sinceMs, untilMs }, signal)) parts.push(part);
	return { parts, events: parts.flatMap((part) => part.events) };
}

/** From and to of each first page that was asked for. */
function spans(): readonly { readonly fromMs: number; readonly toMs: number }[] {
	return stub.requestsTo("/events/filter").map(({ body }) => {
		const { filter } = body as { filter: { occurred: { since: string; until: string } } };
		const { since, until } = filter.occurred;
		return { fromMs: Date.parse(since), toMs: Date.parse(until) };
	});
}

describe("stored history", () => {
	const startMs = Date.UTC(2026, 7, 1);

	test("gives each event of the time once, also those at the edge of two spans", async () => {
		// The first span ends after a minute: an event at that very moment is in both.
		const times = [0, 30_000, minute, minute + 1, 10 * minute, 60 * minute].map((ms) => startMs + ms);
		for (const occurredMs of times) stub.store(heartbeat({ runId, occurredMs, receivedMs: occurredMs + 5 }));
		stub.store(heartbeat({ runId, occurredMs: startMs - 1 }));
		const { events, parts } = await read(startMs, startMs + 60 * minute);
		expect(events.map(({ receivedMs }) => receivedMs)).toEqual(times.map((ms) => ms + 5));
		expect(parts.at(-1)?.untilMs).toBe(startMs + 60 * minute);
	});

	test("a quiet time is read in growing spans of an hour at most, which follow on one another", async () => {
		await read(startMs, startMs + 300 * minute);
		const asked = spans();
		expect(asked.map(({ fromMs }) => (fromMs - startMs) / minute)).toEqual([0, 1, 9, 69, 129, 189, 249]);
		for (const [index, { toMs }] of asked.slice(0, -1).entries()) expect(asked[index + 1]?.fromMs).toBe(toMs);
	});

	test("a busy time is read in spans of about ten pages", async () => {
		const perSecond = Array.from({ length: 3 * 60 * 20 }, (_, n) => startMs + n * 50);
		stub.store(...perSecond.map((occurredMs) => heartbeat({ runId, occurredMs })));
		const { parts, events } = await read(startMs, startMs + 3 * minute);
		expect(events).toHaveLength(perSecond.length);
		expect(parts.length).toBeGreaterThan(4);
		for (const part of parts.slice(1)) expect(part.events.length).toBeLessThanOrEqual(600);
	});

	test("what occurred ahead of the time, by a worker's fast clock, is in the last part", async () => {
		const occurredMs = startMs + 90 * minute;
		stub.store(heartbeat({ runId, occurredMs, receivedMs: startMs + 5 * minute }));
		const { events } = await read(startMs, startMs + 10 * minute);
		expect(events.map(({ receivedMs }) => receivedMs)).toEqual([startMs + 5 * minute]);
	});

	test("an event without a sound time, or that is none, is counted and costs no other", async () => {
		const good = heartbeat({ runId, occurredMs: startMs + 1_000 });
		stub.store({ ...good, id: "broken" }, good);
		const { events, parts } = await read(startMs, startMs + minute);
		expect(events.map(({ event }) => event.id)).toEqual([good.id]);
		expect(parts.reduce((sum, { unread }) => sum + unread, 0)).toBe(1);
	});
});
