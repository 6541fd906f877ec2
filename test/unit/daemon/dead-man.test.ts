import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { deadManLoop } from "../../../src/daemon/dead-man.ts";
import { OutsideError } from "../../../src/lib/errors.ts";
import { ApiError } from "../../../src/prefect/api-error.ts";
import { newMemoryDisk } from "../../../src/store/memory-disk.ts";
import { second } from "../../_util/core-world.ts";
import { settle } from "../../_util/daemon-clock.ts";
import { stateView } from "../../_util/daemon-core.ts";
import { WatchUnderTest } from "../../_util/daemon-watch.ts";

let under: WatchUnderTest;
let pings: number;

beforeEach(() => {
	under = new WatchUnderTest(newMemoryDisk());
	under.failureOf = () => null;
	pings = 0;
	under.ping = async () => {
		pings += 1;
	};
});
afterEach(async () => {
	under.stop.abort();
	// One test starts none.
	await under.running?.catch(() => undefined);
});

/** Well, and heard by the switch once. */
async function started(): Promise<void> {
	await under.start();
	under.listener.opened(under.clock.now());
	await under.ticks(31);
	expect(pings).toBe(1);
	pings = 0;
}

describe("the dead man's switch", () => {
	test("is pinged every minute while zombied works, for the first time when it has worked for half of one", async () => {
		await under.start();
		await under.ticks(29);
		expect(pings).toBe(0);
		await under.ticks(2);
		expect(pings).toBe(1);
		await under.ticks(600);
		expect(pings).toBe(11);
		expect(under.told.told("deadManPinged")).toHaveLength(11);
		under.stop.abort();
		await under.running;
		expect(pings).toBe(11);
	});

	test("is not pinged while the database fails, and again when it does not", async () => {
		await started();
		under.store.failingWith = "SQLITE_FULL";
		under.listener.event(under.clock.now(), stateView(1, "RUNNING", 0), null, null);
		await under.ticks(180);
		expect(pings).toBe(0);
		expect(under.told.told("deadManWithheld")[0]).toEqual(["the database fails"]);
		under.store.failingWith = null;
		await under.ticks(120);
		expect(pings).toBeGreaterThan(0);
	});

	test("is not pinged while the sweep is late", async () => {
		await started();
		await under.ticks(50);
		for (let passed = 0; passed < 10; passed += 1) {
			under.clock.pass(second);
			await settle();
		}
		expect(pings).toBe(0);
		expect(under.told.told("deadManWithheld")).not.toEqual([]);
	});

	test("is pinged through an outage of Prefect of a quarter of an hour, and not beyond it", async () => {
		await started();
		under.failureOf = () => new ApiError("unreachable", "nobody is there");
		under.listener.closed(under.clock.now(), "refused");
		await under.ticks(14 * 60);
		expect(pings).toBe(14);
		expect(under.told.told("deadManWithheld")).toEqual([]);
		await under.ticks(3 * 60);
		const atTheEnd = pings;
		expect(atTheEnd).toBeLessThan(17);
		await under.ticks(20 * 60);
		expect(pings).toBe(atTheEnd);
		expect(under.told.told("deadManWithheld")[0]?.[0]).toMatch(/no verdict could be made for 15 minutes/u);
		under.failureOf = () => null;
		under.listener.opened(under.clock.now());
		await under.ticks(3 * 60);
		expect(pings).toBeGreaterThan(atTheEnd);
	}, 60_000);

	test("that cannot be reached is tried again within the minute, and is counted each time", async () => {
		await started();
		under.ping = async () => {
			pings += 1;
			throw new OutsideError("the dead man's switch answers 503", { retryable: true });
		};
		await under.ticks(120);
		expect(pings).toBeGreaterThan(4);
		expect(under.told.told("deadManFailed")).toHaveLength(pings);
	});

	test("that does not answer holds nothing up", async () => {
		await started();
		under.ping = () => new Promise(() => undefined);
		await under.ticks(90);
		expect(under.watch.readiness().lastTickMonoMs).toBe(under.clock.now().monoMs);
	});

	test("is nobody's loop where there is none", () => {
		const options = { ports: { ping: null } } as unknown as Parameters<typeof deadManLoop>[0];
		expect(deadManLoop(options)).toEqual({});
	});
});
