import { beforeEach, describe, expect, it } from "vitest";
import { Observation } from "../../../src/core/observation.ts";

const second = 1_000;
const minute = 60 * second;
const epochMs = 1_800_000_000_000;
const cadence = 30 * second;

function at(monoMs: number, wallStepMs = 0) {
	return { monoMs, wallMs: epochMs + monoMs + wallStepMs };
}

let sight: Observation;

beforeEach(() => {
	sight = new Observation(at(0));
	sight.streamOpened();
	sight.caughtUp(at(0));
});

/** A live event that took `transitMs`. */
function hear(monoMs: number, transitMs = 20, isNews = true) {
	return sight.eventArrived(at(monoMs), epochMs + monoMs - transitMs, isNews);
}

function blindUntil(monoMs: number, fromMonoMs = 0): number {
	return sight.blindMs(fromMonoMs, monoMs, cadence);
}

describe("a silent stream", () => {
	/** Ticks up to the moment at which the stream counts as silent; null when it never does within 20 minutes. */
	function silentFrom(eventsPerSecond: number): number | null {
		for (let monoMs = second; monoMs <= 20 * minute; monoMs += second) {
			sight.tick(at(monoMs), eventsPerSecond / second);
			if (sight.openCauses.includes("silent_stream")) return monoMs;
		}
		return null;
	}

	it("is one that is silent for 30 s, or for eight expected events where that is longer", () => {
		expect(silentFrom(10)).toBe(30 * second);
	});

	it("is judged by the rate of beats", () => {
		expect(silentFrom(1 / 30)).toBe(240 * second);
	});

	it("cannot be told where no beats are expected", () => {
		expect(silentFrom(0)).toBeNull();
	});

	it("is blind since its last event, until the next", () => {
		hear(5 * second);
		silentFrom(10);
		expect(sight.isBlind).toBe(true);
		expect(sight.mayJudge(35 * second)).toBe(false);
		expect(blindUntil(35 * second)).toBe(30 * second);
		hear(40 * second);
		expect(sight.isBlind).toBe(false);
		expect(blindUntil(10 * minute)).toBe(35 * second);
	});

	it("is blind for fifteen minutes at most", () => {
		for (let monoMs = second; monoMs <= 60 * minute; monoMs += second) {
			sight.tick(at(monoMs), 1);
			expect(sight.isBlind).toBe(monoMs >= 30 * second && monoMs < 15 * minute);
		}
		expect(blindUntil(60 * minute)).toBe(15 * minute);
	});

	it("is over when the socket closes, and anew judged after catch-up", () => {
		silentFrom(10);
		sight.streamClosed(at(40 * second));
		expect(sight.openCauses).toEqual(["socket"]);
		sight.tick(at(41 * second), 10);
		sight.streamOpened();
		sight.tick(at(42 * second), 10);
		expect(sight.openCauses).toEqual(["socket"]);
		for (let monoMs = 43 * second; monoMs <= 49 * second; monoMs += second) sight.tick(at(monoMs), 10);
		sight.caughtUp(at(50 * second));
		for (let monoMs = 51 * second; monoMs <= 79 * second; monoMs += second) sight.tick(at(monoMs), 10);
		expect(sight.isBlind).toBe(false);
		sight.tick(at(80 * second), 10);
		expect(sight.openCauses).toEqual(["silent_stream"]);
		expect(sight.lastEventAtMs).toBeNull();
	});
});

describe("lag", () => {
	it("of more than 30 s is blind since the last prompt event, until one of 10 s or less", () => {
		hear(0);
		hear(5 * second);
		expect(hear(60 * second, 20 + 30_000)).toEqual({ lagMs: 30_000, clockStepped: false });
		expect(sight.isBlind).toBe(false);
		expect(hear(61 * second, 20 + 30_001).lagMs).toBe(30_001);
		expect(sight.isBlind).toBe(true);
		expect(sight.openCauses).toEqual(["lag"]);
		expect(sight.healthScore).toBe(1);
		expect(blindUntil(70 * second)).toBe(70 * second - 30_999);
		hear(71 * second, 20 + 10_001);
		expect(sight.isBlind).toBe(true);
		hear(72 * second, 20 + 10_000);
		expect(sight.isBlind).toBe(false);
		expect(blindUntil(10 * minute)).toBe(72 * second - 30_999);
	});

	it("reaches back no further than the last prompt event", () => {
		hear(0);
		hear(50 * second);
		hear(60 * second, 20 + 40_000);
		expect(blindUntil(60 * second)).toBe(10 * second);
	});

	it("of the first event cannot be told: it counts as prompt", () => {
		sight.restAnswered(at(0), epochMs);
		sight.eventArrived(at(50 * second), epochMs, true);
		expect(sight.isBlind).toBe(false);
		sight.eventArrived(at(100 * second), epochMs, true);
		expect(blindUntil(100 * second)).toBe(50 * second);
	});

	it("that no further late event confirms is over after a minute", () => {
		hear(0);
		hear(60 * second, 40_000);
		for (let monoMs = 61 * second; monoMs <= 120 * second; monoMs += second) sight.tick(at(monoMs), 0);
		expect(sight.isBlind).toBe(true);
		sight.tick(at(121 * second), 0);
		expect(sight.isBlind).toBe(false);
	});

	it("is not shown by redeliveries, nor by events without a time", () => {
		hear(0);
		expect(hear(10 * minute, 9 * minute, false)).toEqual({ lagMs: null, clockStepped: false });
		expect(sight.eventArrived(at(11 * minute), null, true)).toEqual({ lagMs: null, clockStepped: false });
		expect(sight.isBlind).toBe(false);
		expect(sight.lastEventAtMs).toBe(epochMs + 11 * minute);
	});
});

describe("our own pause", () => {
	function tick(monoMs: number, wallStepMs = 0) {
		return sight.tick(at(monoMs, wallStepMs), 0).sleptMs;
	}

	it.each([
		[6_000, 0],
		[6_001, 5_001],
		[600_000, 599_000],
	])("a tick after %i ms shows a sleep of %i ms", (gapMs, sleptMs) => {
		expect(tick(1_000)).toBe(0);
		expect(tick(1_000 + gapMs)).toBe(sleptMs);
		expect(blindUntil(20 * minute)).toBe(sleptMs === 0 ? 0 : gapMs);
		expect(sight.healthScore).toBe(sleptMs === 0 ? 0 : 1);
	});

	it.each([
		[2_000, 0],
		[-2_000, 0],
		[2_001, 2_001],
		[-2_001, 2_001],
		[3_600_000, 3_600_000],
	])("a wall clock that moves by %i ms more than the monotonic one shows %i ms", (stepMs, apartMs) => {
		tick(1_000);
		expect(tick(2_000, stepMs)).toBe(apartMs);
		expect(blindUntil(20 * minute)).toBe(apartMs === 0 ? 0 : 1_000);
		expect(tick(3_000, stepMs)).toBe(0);
	});

	it("tells the time since the last tick", () => {
		expect(sight.tick(at(1_000), 0).elapsedMs).toBe(0);
		expect(sight.tick(at(2_500), 0).elapsedMs).toBe(1_500);
		expect(sight.tick(at(12_500), 0).elapsedMs).toBe(10_000);
	});
});
