import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { compileMatch, compileRules, type Match, type ScopedRule } from "../../../src/core/rules.ts";
import { noLabels, type RunLabels } from "../../../src/core/run.ts";

const labels: RunLabels = {
	...noLabels,
	flowName: "etl",
	deploymentName: "nightly",
	workPool: "k8s-pool",
	tags: ["prod", "team-a"],
};
const matches = (match: Match, run: Partial<RunLabels> = {}) => compileMatch(match)({ ...labels, ...run });
const globMatches = (flow: string, flowName: string) => matches({ flow }, { flowName });

describe("a glob", () => {
	it.each([
		["etl", "etl", true],
		["etl", "ETL", false],
		["etl", "etl2", false],
		["etl2", "etl", false],
		["", "", true],
		["", "etl", false],
		["*", "", true],
		["*", "any/thing\nat all", true],
		["**", "etl", true],
		["etl*", "etl", true],
		["etl*", "etl-daily", true],
		["*tl", "etl", true],
		["*tl", "etl2", false],
		["e*l*y", "etl-daily", true],
		["e*l*y", "etl-daily2", false],
		["*ab", "aab", true],
		["a*b*c", "abbbd", false],
		["?", "", false],
		["?", "e", true],
		["?", "et", false],
		["e?l", "etl", true],
		["e?l", "el", false],
		["e?l", "ettl", false],
		["*?", "", false],
		["*?", "e", true],
		["?*?", "e", false],
		["?*?", "et", true],
		["?", "\u{1F9DF}", true],
		["?", "\uFFFF", true],
		["??", "\u{1F9DF}", false],
		["*?x", "\u{1F9DF}x", true],
		["*\u{1F9DF}", "\u{1F9DF}\u{1F9DF}", true],
		["e.l", "etl", false],
		["[e]tl", "etl", false],
		["[e]tl", "[e]tl", true],
		["(a|b)+$", "(a|b)+$", true],
		["\\*", "\\anything", true],
		["e*", "*", false],
	])("%j over %j: %s", (glob, text, expected) => {
		expect(globMatches(glob, text)).toBe(expected);
	});

	it("agrees with the regular expression that says the same", () => {
		const from = (characters: string) => fc.string({ unit: fc.constantFrom(...characters.split("")), maxLength: 12 });
		fc.assert(
			fc.property(from("ab*?"), from("ab"), (glob, text) => {
				const pattern = new RegExp(`^${glob.replaceAll("*", ".*").replaceAll("?", ".")}$`, "u");
				expect(globMatches(glob, text)).toBe(pattern.test(text));
			}),
			{ numRuns: 2_000 },
		);
	});

	it("with many stars takes no longer than length times length", () => {
		// The regular expression of this glob would take longer than the universe has lasted.
		expect(globMatches(`${"*a".repeat(100)}*b`, "a".repeat(512))).toBe(false);
	});
});

describe("a match", () => {
	it.each([
		{ rule: "of no field is every run", match: {}, run: noLabels, expected: true },
		{ rule: "goes by flow and deployment together", match: { deployment: "etl/*" }, run: {}, expected: true },
		{
			rule: "takes a deployment's name with its flow's only",
			match: { deployment: "nightly" },
			run: {},
			expected: false,
		},
		{ rule: "finds a deployment in any flow", match: { deployment: "*/nightly" }, run: {}, expected: true },
		{
			rule: "is none while the flow is not told",
			match: { deployment: "*" },
			run: { flowName: null },
			expected: false,
		},
		{
			rule: "is none without a deployment",
			match: { deployment: "*" },
			run: { deploymentName: null },
			expected: false,
		},
		{ rule: "goes by the work pool", match: { workPool: "k8s-*" }, run: {}, expected: true },
		{ rule: "is none of another work pool", match: { workPool: "k8s-*" }, run: { workPool: "ecs" }, expected: false },
		{ rule: "is none without a work pool", match: { workPool: "*" }, run: { workPool: null }, expected: false },
		{ rule: "goes by the flow", match: { flow: "etl" }, run: {}, expected: true },
		{ rule: "is none of another flow", match: { flow: "etl" }, run: { flowName: "etl2" }, expected: false },
		{ rule: "is none without a flow's name", match: { flow: "*" }, run: { flowName: null }, expected: false },
		{ rule: "is met by any tag", match: { tag: "team-?" }, run: {}, expected: true },
		{ rule: "is none when no tag meets it", match: { tag: "team" }, run: {}, expected: false },
		{ rule: "is none without tags", match: { tag: "*" }, run: { tags: [] }, expected: false },
		{
			rule: "needs all its fields",
			match: { flow: "etl", tag: "prod", workPool: "k8s-pool" },
			run: {},
			expected: true,
		},
		{ rule: "fails by one field", match: { flow: "etl", tag: "dev", workPool: "k8s-pool" }, run: {}, expected: false },
	] as readonly { rule: string; match: Match; run: Partial<RunLabels>; expected: boolean }[])("$rule", (row) => {
		expect(matches(row.match, row.run)).toBe(row.expected);
	});
});

describe("scoped rules", () => {
	const silent: ScopedRule = { match: {}, k: null, thresholdMs: null, overrunMs: null, off: [] };
	const treatment = (rules: readonly ScopedRule[], overrunMs: number | null = null) =>
		compileRules({ rules, k: 3, overrunMs })(labels);

	it("leave a run that none matches with what holds for all", () => {
		const other = { ...silent, match: { flow: "other" }, k: 2 };
		expect(treatment([])).toEqual({ rule: null, k: 3, thresholdMs: null, overrunMs: null, off: new Set() });
		expect(treatment([other], 60_000)).toEqual({
			rule: null,
			k: 3,
			thresholdMs: null,
			overrunMs: 60_000,
			off: new Set(),
		});
	});

	it("hold with all they say", () => {
		const rule: ScopedRule = {
			match: { flow: "etl" },
			k: 2,
			thresholdMs: 540_000,
			overrunMs: 1_000,
			off: ["deaf", "stale"],
		};
		expect(treatment([rule], 60_000)).toEqual({
			rule: { place: 1, match: rule.match },
			k: 2,
			thresholdMs: 540_000,
			overrunMs: 1_000,
			off: new Set(["deaf", "stale"]),
		});
	});

	it("leave what they do not say as it is for all", () => {
		expect(treatment([{ ...silent, off: ["zombie"] }], 60_000)).toEqual({
			rule: { place: 1, match: {} },
			k: 3,
			thresholdMs: null,
			overrunMs: 60_000,
			off: new Set(["zombie"]),
		});
	});

	it("are not put together: the first that matches is the only one", () => {
		const first = { ...silent, match: { tag: "prod" }, k: 2 };
		const second: ScopedRule = { ...silent, match: { flow: "etl" }, k: 5, thresholdMs: 90_000, off: ["deaf"] };
		expect(treatment([first, second])).toEqual({
			rule: { place: 1, match: first.match },
			k: 2,
			thresholdMs: null,
			overrunMs: null,
			off: new Set(),
		});
		const other: ScopedRule = { ...silent, match: { flow: "other" } };
		expect(treatment([other, first])).toMatchObject({ rule: { place: 2, match: first.match }, k: 2 });
		expect(treatment([second, first])).toMatchObject({
			rule: { place: 1, match: second.match },
			k: 5,
			thresholdMs: 90_000,
			off: new Set(["deaf"]),
		});
	});
});
