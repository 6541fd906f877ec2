import { z } from "zod";
import { type Condition, conditions } from "../core/episode.ts";
import { durationBetween, durationOrOff, numberBetween, valueForms } from "./field-types.ts";

/** More rules than anybody reads; each is held against every run whenever the runs are swept. */
export const rulesMax = 100;
const globCharsMax = 300;

/** One rule, for the documentation. */
export const ruleExample = '{ match: { deployment: "etl/*" }, k: 2, threshold: 9m, conditions: { deaf: off } }';

/** The operator's own deadlines, shorter than which nothing that beats every 30 s can be judged. */
export const thresholdMin = "60s";

const globError = "needs a text with * and ? as wildcards (in quotes when it begins with one)";
const listError = "needs a list of rules, each with a match";
const ruleError = 'needs keys, match first, such as match: { deployment: "etl/*" }';
const matchError = 'needs what to match, such as { deployment: "etl/*" }; {} is every run';
const conditionsError = "needs names of conditions with off as their value, such as { deaf: off }";

function glob() {
	return z
		.string({ error: globError })
		.min(1, { error: globError })
		.max(globCharsMax, { error: `must not be longer than ${globCharsMax} characters` })
		.regex(/^\P{Cc}*$/u, { error: "must not hold control characters" })
		.optional();
}

/** What a rule, a sink or a scope concerns. */
export const matchSchema = z.strictObject(
	{ deployment: glob(), workPool: glob(), flow: glob(), tag: glob() },
	{ error: matchError },
);

function switchedOff() {
	return z.literal("off", { error: "can only be off; without the line it is as for all runs" }).optional();
}

const conditionsSchema = z.strictObject(
	Object.fromEntries(conditions.map((condition) => [condition, switchedOff()])) as Record<
		Condition,
		ReturnType<typeof switchedOff>
	>,
	{ error: conditionsError },
);

/** A rule as the file gives it; what is not given is as for all runs. */
const ruleSchema = z.strictObject(
	{
		match: matchSchema,
		k: numberBetween(2, 6).optional(),
		threshold: durationBetween(thresholdMin, "30d").optional(),
		overrun: durationOrOff("1s", "3650d").optional(),
		conditions: conditionsSchema.optional(),
	},
	{ error: ruleError },
);

/** The rules, in the order in which they are tried. */
export function ruleList() {
	return z
		.array(ruleSchema, { error: listError })
		.max(rulesMax, { error: `has more than ${rulesMax} rules` })
		.register(valueForms, { form: `list of at most ${rulesMax} rules` });
}
