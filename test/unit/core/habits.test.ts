import { describe, expect, it } from "vitest";
import { beatsPromptly, Habits } from "../../../src/core/habits.ts";

/** A deployment of which the runs beat promptly (1) or not (0), the newest last. */
function habitsOf(runs: string): Habits {
	const habits = new Habits();
	for (const [index, prompt] of runs.split("").entries()) habits.learn("etl", `run-${index}`, prompt === "1");
	return habits;
}

describe("a run's first beat", () => {
	it.each([
		{ rule: "is prompt at RUNNING", firstBeatMs: 1_000, endedAtMs: null, expected: true },
		{ rule: "is prompt before RUNNING, as old clients send it", firstBeatMs: 0, endedAtMs: null, expected: true },
		{ rule: "is prompt 30 s after RUNNING", firstBeatMs: 31_000, endedAtMs: null, expected: true },
		{ rule: "is late after that", firstBeatMs: 31_001, endedAtMs: null, expected: false },
		{ rule: "is prompt though the run has ended", firstBeatMs: 2_000, endedAtMs: 90_000, expected: true },
		{ rule: "is not known while it may still come", firstBeatMs: null, endedAtMs: null, expected: null },
		{ rule: "says nothing when the run ended within 30 s", firstBeatMs: null, endedAtMs: 31_000, expected: null },
		{ rule: "never came when the run ended later", firstBeatMs: null, endedAtMs: 31_001, expected: false },
	])("$rule", ({ firstBeatMs, endedAtMs, expected }) => {
		expect(beatsPromptly({ runningAtMs: 1_000, firstBeatMs, endedAtMs })).toBe(expected);
	});
});

describe("a deployment usually beats", () => {
	it.each([
		{ rule: "not from four runs", runs: "1111", expected: false },
		{ rule: "from five runs that all did", runs: "11111", expected: true },
		{ rule: "not where one of five did not", runs: "11101", expected: false },
		{ rule: "not where one of nine did not", runs: "111111110", expected: false },
		{ rule: "where one of ten did not", runs: "1111111110", expected: true },
		{ rule: "not where two of nineteen did not", runs: "1111111111111111100", expected: false },
		{ rule: "where two of twenty did not", runs: "11111111111111111100", expected: true },
		{ rule: "not where three of twenty did not", runs: "11111111111111111000", expected: false },
		{ rule: "by its newest twenty runs: three older ones are forgotten", runs: `000${"1".repeat(20)}`, expected: true },
		{ rule: "not while three of the newest twenty did not", runs: `000${"1".repeat(17)}`, expected: false },
	])("$rule", ({ runs, expected }) => {
		expect(habitsOf(runs).usuallyBeats("etl", "new")).toBe(expected);
	});

	it("is about one deployment, and never about none", () => {
		const habits = habitsOf("11111");
		for (let index = 0; index < 5; index += 1) habits.learn(null, `run-${index}`, true);
		expect(habits.usuallyBeats("etl", "new")).toBe(true);
		expect(habits.usuallyBeats("other", "new")).toBe(false);
		expect(habits.usuallyBeats(null, "new")).toBe(false);
	});

	it("leaves out the run about which it is asked", () => {
		expect(habitsOf("11111").usuallyBeats("etl", "run-4")).toBe(false);
		expect(habitsOf("111110").usuallyBeats("etl", "run-5")).toBe(true);
		expect(habitsOf("111110").usuallyBeats("etl", "new")).toBe(false);
	});

	it("counts a run once, with what was said of it last", () => {
		const habits = habitsOf("1111");
		habits.learn("etl", "run-0", true);
		expect(habits.usuallyBeats("etl", "new")).toBe(false);
		habits.learn("etl", "run-4", false);
		expect(habits.usuallyBeats("etl", "new")).toBe(false);
		habits.learn("etl", "run-4", true);
		expect(habits.usuallyBeats("etl", "new")).toBe(true);
	});
});

describe("the rows of habits", () => {
	it("change only when something new was said", () => {
		const habits = habitsOf("1");
		expect(habits.takeChanged()).toEqual(["etl"]);
		habits.learn("etl", "run-0", true);
		expect(habits.takeChanged()).toEqual([]);
		habits.learn("etl", "run-0", false);
		expect(habits.takeChanged()).toEqual(["etl"]);
	});

	it("bring back what was known after a restart", () => {
		const row = habitsOf("11111").rowOf("etl")!;
		const after = new Habits();
		after.restore([row]);
		expect(after.usuallyBeats("etl", "new")).toBe(true);
		expect(after.takeChanged()).toEqual([]);
		expect(after.rowOf("etl")).toEqual(row);
	});

	it("are at most 5,000: the one longest unchanged goes, and says so", () => {
		const habits = new Habits();
		for (let index = 0; index < 5_000; index += 1) habits.learn(`d${index}`, "a", true);
		habits.takeChanged();
		expect(habits.rowOf("d0")).not.toBeNull();
		habits.learn("d5000", "a", true);
		expect([habits.rowOf("d0"), habits.rowOf("d1")?.key]).toEqual([null, "d1"]);
		expect(habits.takeChanged()).toContain("d0");
	});
});
