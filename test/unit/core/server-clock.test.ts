import { describe, expect, it } from "vitest";
import { ServerClock } from "../../../src/core/server-clock.ts";

const second = 1_000;
const minute = 60 * second;
const server = 1_000_000;

/** An event that took `transitMs` to reach us at `monoMs`; the server's clock is `server` ahead of ours. */
function hear(clock: ServerClock, monoMs: number, transitMs: number, stepMs = 0): boolean {
	return clock.observeEvent(monoMs, monoMs - transitMs + server + stepMs);
}

describe("the mapping of the server's clock", () => {
	it("is unknown until the server was heard", () => {
		const clock = new ServerClock();
		expect(clock.offsetMs).toBeNull();
		expect(clock.toMonoMs(5)).toBeNull();
		expect(clock.toServerMs(5)).toBeNull();
		expect(clock.lagOf(5, 5)).toBe(0);
	});

	it("comes from the Date header until the first live event", () => {
		const clock = new ServerClock();
		clock.observeDate(100, server);
		expect(clock.offsetMs).toBe(100 - server);
		clock.observeDate(200, server);
		expect(clock.offsetMs).toBe(200 - server);
		hear(clock, 300, 20);
		expect(clock.offsetMs).toBe(20 - server);
		clock.observeDate(400, server);
		expect(clock.offsetMs).toBe(20 - server);
		expect(clock.toMonoMs(server)).toBe(20);
		expect(clock.toServerMs(20)).toBe(server);
	});

	it.each([
		["ahead of the events by 2 s", 2 * second, false],
		["further ahead: the server's clock was set forward", 2 * second + 1, true],
		["a minute behind them: a slow answer", -minute, false],
		["further behind: the server's clock was set back", -minute - 1, true],
	])("takes a Date that is %s", (_what, aheadMs, isSet) => {
		const clock = new ServerClock();
		hear(clock, 0, 20);
		hear(clock, 90 * second, 30);
		clock.observeDate(100 * second, 100 * second + server - 20 + aheadMs);
		expect(clock.offsetMs).toBe(isSet ? 20 - server - aheadMs : 20 - server);
		expect(hear(clock, 101 * second, 20, aheadMs)).toBe(isSet);
		expect(hear(clock, 102 * second, 20, aheadMs)).toBe(false);
	});

	it("is the least offset of the last ten minutes, in buckets of one", () => {
		const clock = new ServerClock();
		hear(clock, 0, 5);
		for (let at = 0; at < 10 * minute; at += 10 * second) hear(clock, at, 50);
		expect(clock.offsetMs).toBe(5 - server);
		hear(clock, 10 * minute - 1, 50);
		expect(clock.offsetMs).toBe(5 - server);
		hear(clock, 10 * minute, 50);
		expect(clock.offsetMs).toBe(50 - server);
	});

	it("notices at once that the server's clock was set forward", () => {
		for (const at of [90 * second, 2 * minute]) {
			const clock = new ServerClock();
			expect(hear(clock, 0, 20)).toBe(false);
			expect(hear(clock, minute, 20)).toBe(false);
			expect(hear(clock, at, 20, 2 * second)).toBe(false);
			expect(hear(clock, at + 1, 20, 4 * second + 1)).toBe(true);
			expect(hear(clock, at + 2, 20, 4 * second + 1)).toBe(false);
			expect(clock.offsetMs).toBe(20 - server - 4 * second - 1);
		}
	});

	it("notices it at the first event of a minute too", () => {
		const clock = new ServerClock();
		hear(clock, 0, 20);
		expect(hear(clock, minute, 20, 2_001)).toBe(true);
	});

	it("notices within two minutes that the server's clock was set back", () => {
		const clock = new ServerClock();
		hear(clock, 0, 20);
		expect(hear(clock, 30 * second, 20, -3_600_000)).toBe(false);
		expect(hear(clock, minute, 20, -3_600_000)).toBe(false);
		expect(clock.offsetMs).toBe(20 - server);
		expect(hear(clock, 2 * minute, 20, -3_600_000)).toBe(true);
		expect(clock.offsetMs).toBe(20 - server + 3_600_000);
		expect(hear(clock, 3 * minute, 20, -3_600_000)).toBe(false);
	});

	it.each([
		[2_000, false],
		[2_001, true],
	])("takes a minute whose fastest event is %i ms slower for a step: %s", (slowerMs, stepped) => {
		const clock = new ServerClock();
		hear(clock, 0, 20);
		hear(clock, minute, 20 + slowerMs);
		expect(hear(clock, 2 * minute, 20 + slowerMs)).toBe(stepped);
	});

	it("does not take a slow event at the beginning of a minute for a step", () => {
		const clock = new ServerClock();
		hear(clock, 0, 20);
		expect(hear(clock, minute, 9_000)).toBe(false);
		expect(hear(clock, minute + 1, 20)).toBe(false);
	});
});

describe("the lag", () => {
	it("is what an event took longer than the fastest, never negative", () => {
		const clock = new ServerClock();
		hear(clock, 0, 20);
		expect(clock.lagOf(100, 100 - 20 + server)).toBe(0);
		expect(clock.lagOf(100, 100 - 520 + server)).toBe(500);
		expect(clock.lagOf(100, 100 + server)).toBe(0);
	});

	it("is nothing before events were counted", () => {
		const clock = new ServerClock();
		clock.countLag(50_000);
		expect(clock.lagP999Ms).toBe(0);
		hear(clock, 0, 20);
		expect(clock.lagP999Ms).toBe(0);
	});

	it.each([
		[0, 1_000],
		[1_000, 1_000],
		[1_001, 2_000],
		[64_000, 64_000],
		[900_000, 64_000],
	])("of %i ms counts as %i ms", (lagMs, expected) => {
		const clock = new ServerClock();
		hear(clock, 0, 20);
		clock.countLag(lagMs);
		expect(clock.lagP999Ms).toBe(expected);
	});

	it("is the 99.9th percentile of ten minutes", () => {
		const clock = new ServerClock();
		hear(clock, 0, 20);
		for (let count = 0; count < 999; count += 1) clock.countLag(10);
		clock.countLag(30_000);
		expect(clock.lagP999Ms).toBe(1_000);
		hear(clock, minute, 20);
		clock.countLag(30_000);
		expect(clock.lagP999Ms).toBe(32_000);
		hear(clock, 10 * minute, 20);
		clock.countLag(10);
		expect(clock.lagP999Ms).toBe(32_000);
		hear(clock, 11 * minute, 20);
		clock.countLag(10);
		expect(clock.lagP999Ms).toBe(1_000);
	});
});
