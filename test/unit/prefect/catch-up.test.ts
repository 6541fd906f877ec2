import { randomUUID } from "node:crypto";
import { describe, expect, test } from "vitest";
import type { RunView } from "../../../src/core/run.ts";
import type { Clock } from "../../../src/lib/clock.ts";
import { type CatchUpLimits, catchUp, catchUpLimits, secondPassMsDefault } from "../../../src/prefect/catch-up.ts";
import { ClientUnderTest } from "../../_util/prefect-client.ts";
import { SkippingClock } from "../../_util/prefect-clock.ts";
import { heartbeat } from "../../_util/prefect-events.ts";
import { PrefectStub } from "../../_util/prefect-stub.ts";

const runId = "0198c1b6-0000-7000-8000-000000000001";

async function caughtUp(
	client: ClientUnderTest,
	facts: {
		readonly clock: Clock;
		readonly coveredUntilMs: number;
		readonly limits?: Partial<CatchUpLimits>;
		readonly onViews?: (views: readonly RunView[]) => void;
		readonly signal?: AbortSignal;
	},
): Promise<{ readonly truncated: boolean; readonly beats: readonly (string | undefined)[] }> {
	const beats: (string | undefined)[] = [];
	const { truncated } = await catchUp(
		{
			api: client.api,
			clock: facts.clock,
			random: () => 0,
			reporter: client.told.reporter,
			coveredUntilMs: facts.coveredUntilMs,
			secondPassMs: secondPassMsDefault,
			limits: { ...catchUpLimits, ...facts.limits },
			onViews: (views) => {
				beats.push(...views.map((view) => view.beat?.eventId));
				facts.onViews?.(views);
			},
		},
		facts.signal ?? client.signal,
	);
	return { truncated, beats };
}

describe("catching up", () => {
	test("T7: what is stored only after the first pass is there after the second, 15 s later", async () => {
		await using stub = await PrefectStub.start();
		await using client = new ClientUnderTest(stub.url);
		const coveredUntilMs = Date.now() - 60_000;
		const first = heartbeat({ runId, occurredMs: coveredUntilMs + 1 });
		const late = heartbeat({ runId, occurredMs: coveredUntilMs + 2 });
		const skipping = new SkippingClock();
		const clock: Clock = {
			now: () => skipping.now(),
			sleep: async (ms, signal) => {
				stub.store(late);
				await skipping.sleep(ms, signal);
			},
		};
		stub.store(first);
		const { truncated, beats } = await caughtUp(client, { clock, coveredUntilMs });
		expect(skipping.sleptMs).toEqual([15_000]);
		expect(beats).toEqual([first.id, first.id, late.id]);
		expect(truncated).toBe(false);
		const facts = { sinceMs: coveredUntilMs - 30_000, truncated: false };
		expect(client.told.told("caughtUp")).toEqual([
			[{ pass: 1, events: 1, ...facts }],
			[{ pass: 2, events: 2, ...facts }],
		]);
	});

	test("begins 30 s before what is covered, and not earlier", async () => {
		await using stub = await PrefectStub.start();
		await using client = new ClientUnderTest(stub.url);
		const coveredUntilMs = Date.now() - 60_000;
		const inside = heartbeat({ runId, occurredMs: coveredUntilMs - 30_000 });
		stub.store(inside, heartbeat({ runId, occurredMs: coveredUntilMs - 30_001 }));
		const { beats } = await caughtUp(client, { clock: new SkippingClock(), coveredUntilMs });
		expect(beats).toEqual([inside.id, inside.id]);
	});

	test("a pass that fails begins again, slower and slower, until REST is back", async () => {
		await using stub = await PrefectStub.start();
		await using client = new ClientUnderTest(stub.url);
		const coveredUntilMs = Date.now() - 60_000;
		for (let index = 0; index < 60; index++) {
			stub.store(heartbeat({ runId, occurredMs: coveredUntilMs + index }));
		}
		stub.planAnswer({ path: /events\/filter$/u, status: 500, times: 3 });
		stub.planAnswer({ path: /events\/filter\/next$/u, status: 401, times: 1 });
		const clock = new SkippingClock();
		const limits = { backoff: { minMs: 100, maxMs: 800 } };
		const { beats } = await caughtUp(client, { clock, coveredUntilMs, limits });
		expect(clock.sleptMs).toEqual([100, 100, 100, 100, 15_000]);
		expect(new Set(beats).size).toBe(60);
		expect(client.told.told("caughtUp").map(([facts]) => [facts.pass, facts.events])).toEqual([
			[1, 60],
			[2, 60],
		]);
		expect(client.failures).toBe(4);
	});

	test("more than it may read is said to be cut short", async () => {
		await using stub = await PrefectStub.start();
		await using client = new ClientUnderTest(stub.url);
		const coveredUntilMs = Date.now() - 60_000;
		for (let index = 0; index < 101; index++) {
			stub.store(heartbeat({ runId: randomUUID(), occurredMs: coveredUntilMs + index }));
		}
		const clock = new SkippingClock();
		expect(await caughtUp(client, { clock, coveredUntilMs, limits: { pagesMax: 2 } })).toMatchObject({
			truncated: true,
		});
		expect(await caughtUp(client, { clock, coveredUntilMs, limits: { pagesMax: 3 } })).toMatchObject({
			truncated: false,
		});
		expect(client.told.told("caughtUp").map(([facts]) => facts.truncated)).toEqual([true, true, false, false]);
	});

	test("an abort ends it, whether it waits or asks", async () => {
		await using stub = await PrefectStub.start();
		await using client = new ClientUnderTest(stub.url);
		const stop = new AbortController();
		stub.store(heartbeat({ runId, occurredMs: Date.now() }));
		const onViews = (): void => stop.abort(new Error("stopped"));
		const facts = { clock: new SkippingClock(), coveredUntilMs: Date.now(), onViews, signal: stop.signal };
		await expect(caughtUp(client, facts)).rejects.toThrow("stopped");
		await expect(caughtUp(client, facts)).rejects.toThrow("stopped");
		expect(stub.requests).toHaveLength(1);
	});

	test("an error that is not the API's is not retried", async () => {
		await using stub = await PrefectStub.start();
		await using client = new ClientUnderTest(stub.url);
		stub.store(heartbeat({ runId, occurredMs: Date.now() }));
		const onViews = (): void => {
			throw new Error("a bug");
		};
		const facts = { clock: new SkippingClock(), coveredUntilMs: Date.now(), onViews };
		await expect(caughtUp(client, facts)).rejects.toThrow("a bug");
	});
});
