import { writeFileSync } from "node:fs";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { describeSettings } from "../../../src/config/describe.ts";
import { type LoadedConfig, loadConfig } from "../../../src/config/load.ts";
import { rulesMax } from "../../../src/config/rule-fields.ts";
import { conditions } from "../../../src/core/episode.ts";
import { OperatorError } from "../../../src/lib/errors.ts";
import { TempFolder } from "../../_util/temp-folder.ts";

let folder: TempFolder;
beforeEach(async () => {
	folder = await TempFolder.make("rules");
});
afterEach(async () => {
	await folder[Symbol.asyncDispose]();
});

function load(yaml: string, env: Readonly<Record<string, string>> = {}): LoadedConfig {
	writeFileSync(folder.file("z.yaml"), yaml);
	return loadConfig({ env, folder: folder.path, file: "z.yaml", flags: new Map() });
}

function refusalOf(yaml: string): string[] {
	try {
		load(yaml);
	} catch (error) {
		expect(error).toBeInstanceOf(OperatorError);
		return (error as Error).message.split("\n");
	}
	throw new Error("the rules were accepted");
}

/** The text of one rule, at 1:9. */
function rule(inside: string): string {
	return `rules: [{ ${inside} }]\n`;
}

const whole = `
rules:
  - match: { deployment: "etl/*", workPool: k8s, flow: "*", tag: nightly }
    k: 2
    threshold: 9m
    overrun: 6h
    conditions: { deaf: off, stuck_pending: off }
  - match: {}
    overrun: off
`;

describe("a list of rules", () => {
	test("is read as it stands, in its order", () => {
		expect(load(whole).settings.rules).toEqual([
			{
				match: { deployment: "etl/*", workPool: "k8s", flow: "*", tag: "nightly" },
				k: 2,
				threshold: { ms: 540_000 },
				overrun: { ms: 21_600_000 },
				conditions: { deaf: "off", stuck_pending: "off" },
			},
			{ match: {}, overrun: "off" },
		]);
	});

	test("may be empty, and repeat itself by aliases", () => {
		expect(load("rules: []\n").settings.rules).toEqual([]);
		const { rules } = load("rules:\n  - match: &pool { workPool: a }\n    k: 2\n  - match: *pool\n").settings;
		expect(rules.map(({ match }) => match)).toEqual([{ workPool: "a" }, { workPool: "a" }]);
	});

	test("takes every condition by its name, and off alone as its value", () => {
		const all = conditions.map((condition) => `${condition}: off`).join(", ");
		expect(Object.keys(load(rule(`match: {}, conditions: { ${all} }`)).settings.rules[0]?.conditions ?? {})).toEqual([
			...conditions,
		]);
		expect(refusalOf(rule("match: {}, conditions: { deaf: on }"))).toEqual([
			'z.yaml:1:36: rules[0].conditions.deaf can only be off; without the line it is as for all runs, not "on"',
		]);
	});

	test("is printed rule by rule, as an operator writes it", () => {
		const printed = describeSettings(load(whole)).filter(({ path }) => path.startsWith("rules"));
		expect(printed.map(({ path }) => path)).toEqual(["rules[0]", "rules[1]"]);
		expect(printed[1]).toEqual({
			path: "rules[1]",
			value: '{"match":{},"overrun":"off"}',
			where: "z.yaml:2:1",
		});
		expect(load(`rules: [${printed[0]?.value}]\n`).settings.rules[0]).toEqual(load(whole).settings.rules[0]);
		expect(describeSettings(load("")).find(({ path }) => path === "rules")?.value).toBeNull();
	});

	test("is in the file alone: a variable of that name is a warning", () => {
		const { settings, warnings } = load("", { ZOMBIED_RULES: "[]" });
		expect(settings.rules).toEqual([]);
		expect(warnings).toEqual([expect.stringContaining("there is no variable ZOMBIED_RULES")]);
	});

	test("O4: unknown keys are refused with their own line and column and the nearest key", () => {
		const yaml = "rules:\n  - match:\n      deploymnt: a\n    treshold: 9m\n    conditions:\n      stuckPending: off\n";
		expect(refusalOf(yaml).toSorted()).toEqual([
			"z.yaml:3:7: there is no setting rules[0].match.deploymnt; did you mean rules[0].match.deployment?",
			"z.yaml:4:5: there is no setting rules[0].treshold; did you mean rules[0].threshold?",
			"z.yaml:6:7: there is no setting rules[0].conditions.stuckPending; did you mean rules[0].conditions.stuck_pending?",
		]);
		expect(refusalOf(rule("match: {}, utterlyDifferent: 1"))).toEqual([
			"z.yaml:1:22: there is no setting rules[0].utterlyDifferent; remove the line",
		]);
	});

	test.each([
		["k", ["2", "6"], ["1.9", "6.1", "many"]],
		["threshold", ["60s", "1m", "30d"], ["59s", "59999ms", "30d1s", "540"]],
		["overrun", ["1s", "off", "3650d"], ["999ms", "0s", "on", "6"]],
		["match", ["{}", "{ tag: a }"], ["all", "null", "[]", '{ tag: "" }', "{ tag: 5 }", "{ tag: }"]],
		["conditions", ["{}"], ["off", "[deaf]", "null"]],
	])("%s takes its bounds and nothing beyond", (key, sound, unsound) => {
		const yaml = (value: string): string => rule(key === "match" ? `match: ${value}` : `match: {}, ${key}: ${value}`);
		for (const value of sound) expect(load(yaml(value)).settings.rules).toHaveLength(1);
		for (const value of unsound)
			expect(refusalOf(yaml(value))[0]).toMatch(new RegExp(`^z\\.yaml:1:\\d+: rules\\[0\\]\\.${key}`));
	});

	test("a threshold under a minute is refused with its place", () => {
		expect(refusalOf("rules:\n  - match: {}\n    threshold: 59s\n")).toEqual([
			'z.yaml:3:5: rules[0].threshold must be from 1m to 30d, not "59s"',
		]);
	});

	test("a rule without match is refused, lest a forgotten line make it everybody's", () => {
		expect(refusalOf("rules:\n  - k: 2\n")).toEqual([
			'z.yaml:2:5: rules[0].match needs what to match, such as { deployment: "etl/*" }; {} is every run',
		]);
	});

	test.each([
		["rules: 5\n", /^z\.yaml:1:8: rules needs a list of rules/u],
		["rules: { match: {} }\n", /^z\.yaml:1:1: rules needs a list of rules/u],
		["rules: [5]\n", /^z\.yaml:1:9: rules\[0\] needs keys/u],
		["rules:\n  -\n", /^z\.yaml:\d:\d: rules\[0\] needs keys/u],
		["rules:\n", /^z\.yaml:1:1: rules has no value/u],
		["rules: [*nobody]\n", /^z\.yaml:1:1: rules has an alias \(\*name\) that leads nowhere/u],
		["rules: &a [*a]\n", /^z\.yaml:1:/u],
	])("%j is refused", (yaml, problem) => {
		expect(refusalOf(yaml)[0]).toMatch(problem);
	});

	test("has no more rules than are allowed", () => {
		const rules = (count: number): string => `rules: [${"{ match: { tag: a } },".repeat(count)}]\n`;
		expect(load(rules(rulesMax)).settings.rules).toHaveLength(rulesMax);
		expect(refusalOf(rules(rulesMax + 1))[0]).toContain(`rules has more than ${rulesMax} rules`);
	});

	test("a rule of every run before others is a warning", () => {
		const every = "{ match: {} }";
		const other = "{ match: { tag: a } }";
		expect(load(`rules: [${other}, ${every}]\n`).warnings).toEqual([]);
		expect(load(`rules: [${other}, ${every}, ${other}]\n`).warnings).toEqual([
			"rules[1] matches every run, so that the rules after it never count; put it last",
		]);
	});

	test("control characters of a key do not reach the message", () => {
		expect(refusalOf('rules: [{ match: {}, "a\\u001b[31m\\nb": 1 }]\n')[0]).toMatch(/^[\x20-\x7e…]+$/u);
	});
});
