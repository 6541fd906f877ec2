import { describe, expect, test } from "vitest";
import { OperatorError } from "../../../src/lib/errors.ts";
import { policyOf } from "../../../src/replay/policy.ts";

const intervals = { count: 5, meanMs: 30_000, deviationMs: 0 };

describe("a rule by its name", () => {
	test.each([
		["fixed:540s", "fixed:540s", 540_000, true],
		["fixed:1s", "fixed:1s", 1_000, true],
		["prefect-automation", "prefect-automation:9m", 540_000, false],
		["prefect-automation:90s", "prefect-automation:90s", 90_000, false],
		["learned-mean", "learned-mean", 90_000, true],
	])("%s", (text, name, patienceMs, asksRest) => {
		const policy = policyOf(text);
		expect(policy.name).toBe(name);
		expect(policy.rule.patienceMs(intervals)).toBe(patienceMs);
		expect(policy.rule.asksRest).toBe(asksRest);
	});

	test("phi is patient for more than three cadences", () => {
		expect(policyOf("phi").rule.patienceMs(intervals)).toBeGreaterThan(90_000);
	});

	test("a fixed window ends with the states in which nobody beats, Prefect's recipe with any", () => {
		expect(policyOf("fixed:90s").rule.isEndedBy("RUNNING")).toBe(false);
		expect(policyOf("fixed:90s").rule.isEndedBy("COMPLETED")).toBe(true);
		expect(policyOf("prefect-automation").rule.isEndedBy("RUNNING")).toBe(true);
	});

	test.each(["", "fixed", "fixed:", "fixed:540", "fixed:999ms", "fixed:8d", "fixed:1m:2m", "phi:1m", "prefect"])(
		"%j is none, and the line says which there are",
		(text) => {
			expect(() => policyOf(text)).toThrow(OperatorError);
			expect(() => policyOf(text)).toThrow(/expected fixed:540s, prefect-automation,/u);
		},
	);
});
