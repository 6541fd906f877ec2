import { beforeEach, describe, expect, test } from "vitest";
import { lookEveryMs, stillLooksMax, watchForStandstill } from "../../../src/daemon/watchdog.ts";
import { minute } from "../../_util/core-world.ts";
import { HandClock, settle } from "../../_util/daemon-clock.ts";

let clock: HandClock;
let stop: AbortController;
let failure: Error | null;

beforeEach(() => {
	clock = new HandClock();
	stop = new AbortController();
	failure = null;
});

function watch(progress: () => unknown): Promise<void> {
	const watching = watchForStandstill([{ name: "the sweep", progress }], clock, stop.signal);
	watching.catch((error: Error) => {
		failure = error;
	});
	return watching;
}

async function look(times: number, before: () => void = () => undefined): Promise<void> {
	for (let looks = 0; looks < times; looks++) {
		before();
		clock.pass(lookEveryMs);
		await settle();
	}
}

describe("a part that stands still", () => {
	test("is found after a minute, and not before", async () => {
		void watch(() => 7).catch(() => undefined);
		await look(stillLooksMax - 1);
		expect(failure).toBeNull();
		await look(1);
		expect(failure?.message).toBe("the sweep has stood still for 60 s");
	});

	test("and then gets on has the whole time again", async () => {
		let progress = 0;
		void watch(() => progress);
		await look(stillLooksMax - 1);
		progress += 1;
		await look(stillLooksMax);
		expect(failure).toBeNull();
		stop.abort();
	});

	test("because it has nothing to do is well", async () => {
		void watch(() => null);
		await look(3 * stillLooksMax);
		expect(failure).toBeNull();
		stop.abort();
	});
});

test("a part that gets on is never in the way", async () => {
	let progress = 0;
	void watch(() => progress);
	await look(5 * stillLooksMax, () => {
		progress += 1;
	});
	expect(failure).toBeNull();
	stop.abort();
});

test("a process that was frozen for an hour has had one look, and is not to blame", async () => {
	let progress = 0;
	void watch(() => progress);
	await look(2);
	clock.pass(60 * minute);
	await settle();
	expect(failure).toBeNull();
	await look(stillLooksMax, () => {
		progress += 1;
	});
	expect(failure).toBeNull();
	stop.abort();
});

test("it resolves on abort, and says nothing of who stands still because of that", async () => {
	const watching = watch(() => 7);
	await look(stillLooksMax - 1);
	stop.abort();
	await expect(watching).resolves.toBeUndefined();
});
