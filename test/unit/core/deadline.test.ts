import { describe, expect, it } from "vitest";
import { type DeadlineTerms, deadlineOf } from "../../../src/core/deadline.ts";
import { afterTick, type OwnHealth, withTrouble } from "../../../src/core/own-health.ts";
import { nextQuestion } from "../../../src/core/sweep.ts";

const well = { lagP999Ms: 0, healthScore: 0 };
const poorly = { lagP999Ms: 64_000, healthScore: 7 };
const usual: DeadlineTerms = { k: 3, thresholdMs: null, slowestCadenceMs: 600_000 };

function deadline(tauSeconds: number | null, grace = well, terms: Partial<DeadlineTerms> = {}) {
	const cadence = { tauMs: tauSeconds === null ? null : tauSeconds * 1000, source: "learned" } as const;
	return deadlineOf(cadence, { ...usual, ...terms }, grace);
}

function due(tauSeconds: number | null, grace = well, terms: Partial<DeadlineTerms> = {}) {
	const { suspectAfterMs, dueAfterMs } = deadline(tauSeconds, grace, terms);
	return [suspectAfterMs / 1000, dueAfterMs / 1000];
}

describe("the deadline", () => {
	it("is K cadences and a margin of 15 s, or a tenth of the cadence where that is more", () => {
		expect(due(30)).toEqual([75, 105]);
		expect(due(150)).toEqual([315, 465]);
		expect(due(180)).toEqual([378, 558]);
		expect(due(30, well, { k: 2 })).toEqual([75, 75]);
		expect(due(30, well, { k: 6 })).toEqual([75, 195]);
	});

	it.each([
		[10_000, 15],
		[10_001, 15.001],
		[30_000, 35],
		[55_000, 60],
		[64_000, 60],
	])("has room for a lag of %i ms, at most a minute", (lagP999Ms, marginSeconds) => {
		expect(due(30, { ...well, lagP999Ms })).toEqual([60 + marginSeconds, 90 + marginSeconds]);
	});

	it("grows with our own trouble by 5 s a point, or a twentieth of the cadence where that is more", () => {
		expect(due(30, { ...well, healthScore: 1 })).toEqual([75, 110]);
		expect(due(30, { ...well, healthScore: 7 })).toEqual([75, 140]);
		expect(due(100, { ...well, healthScore: 1 })).toEqual([215, 320]);
		expect(due(180, { ...well, healthScore: 2 })).toEqual([378, 576]);
	});

	it("is twice the slowest cadence and a minute while the cadence is unknown", () => {
		expect(due(null)).toEqual([1260, 1260]);
		expect(due(null, poorly)).toEqual([1260, 1260]);
		expect(due(null, well, { slowestCadenceMs: 60_000 })).toEqual([135, 180]);
		expect(due(null, well, { slowestCadenceMs: 1_200_000 })).toEqual([2460, 2460]);
	});

	it("is nobody's own without a fixed threshold", () => {
		expect([deadline(30).fixed, deadline(null).fixed]).toEqual([null, null]);
	});
});

describe("an operator's own deadline", () => {
	it.each([
		{ rule: "is used from three cadences on", tau: 30, threshold: 90_000, fixed: "used", expected: [75, 90] },
		{ rule: "is tight just under three, and used", tau: 30, threshold: 89_999, fixed: "tight", expected: [75, 89.999] },
		{ rule: "is used at two cadences", tau: 30, threshold: 60_000, fixed: "tight", expected: [60, 60] },
		{
			rule: "is too short just under two, and not used",
			tau: 30,
			threshold: 59_999,
			fixed: "too_short",
			expected: [75, 105],
		},
		{ rule: "may be longer than K cadences", tau: 30, threshold: 540_000, fixed: "used", expected: [75, 540] },
		{
			rule: "makes a run suspect no later than itself",
			tau: 180,
			threshold: 377_000,
			fixed: "tight",
			expected: [377, 377],
		},
		{
			rule: "is used while the cadence is unknown, however short",
			tau: null,
			threshold: 60_000,
			fixed: "used",
			expected: [60, 60],
		},
		{
			rule: "is used while the cadence is unknown, however long",
			tau: null,
			threshold: 7_200_000,
			fixed: "used",
			expected: [1260, 7200],
		},
	])("$rule", ({ tau, threshold, fixed, expected }) => {
		expect(due(tau, well, { thresholdMs: threshold })).toEqual(expected);
		expect(deadline(tau, well, { thresholdMs: threshold }).fixed).toBe(fixed);
	});

	it("is taken as it stands, whatever our own trouble and K", () => {
		expect(due(30, poorly, { k: 6, thresholdMs: 300_000 })).toEqual([120, 300]);
	});

	it("leaves K and our own trouble in force where it is too short", () => {
		expect(due(30, { ...well, healthScore: 1 }, { k: 4, thresholdMs: 59_999 })).toEqual([75, 140]);
	});
});

describe("own health", () => {
	it("loses a point with each trouble, seven at most, and wins one back each clean minute", () => {
		let health: OwnHealth = { score: 0, sinceMonoMs: 0 };
		expect(afterTick(health, 600_000)).toBe(health);
		for (let trouble = 1; trouble <= 9; trouble += 1) health = withTrouble(health, 1_000 * trouble);
		expect(health).toEqual({ score: 7, sinceMonoMs: 9_000 });
		expect(afterTick(health, 68_999)).toBe(health);
		expect(afterTick(health, 69_000)).toEqual({ score: 6, sinceMonoMs: 69_000 });
		expect(afterTick({ score: 1, sinceMonoMs: 0 }, 60_000)).toEqual({ score: 0, sinceMonoMs: 60_000 });
	});
});

describe("the next question", () => {
	const line = { cadenceMs: 30_000, suspectAfterMs: 75_000, dueAfterMs: 105_000, fixed: null };

	it.each([
		["nothing", 44_999, null],
		["nothing", 45_000, "missed"],
		["nothing", 74_999, "missed"],
		["nothing", 75_000, "suspect"],
		["nothing", 500_000, "suspect"],
		["missed", 74_999, null],
		["missed", 75_000, "suspect"],
		["suspect", 94_999, null],
		["suspect", 95_000, "eve"],
		["eve", 104_999, null],
		["eve", 105_000, "due"],
		["due", 104_999, null],
		["due", 105_000, "due"],
	] as const)("after %s at %i ms is %s", (passed, countedMs, expected) => {
		expect(nextQuestion(passed, countedMs, line)).toBe(expected);
	});

	it("suspects no later than the eve of the deadline, where both lines are close", () => {
		const fast = { cadenceMs: null, suspectAfterMs: 75_000, dueAfterMs: 75_000, fixed: null };
		expect(nextQuestion("nothing", 64_999, fast)).toBeNull();
		expect(nextQuestion("nothing", 65_000, fast)).toBe("suspect");
	});
});
