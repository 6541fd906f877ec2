import { z } from "zod";
import { remedyModes } from "../core/remedy.ts";
import { durationBetween, oneOf, valueForms, wholeNumberBetween } from "./field-types.ts";
import { matchSchema } from "./rule-fields.ts";
import { settingMeta } from "./setting-meta.ts";

/** More than anybody reads; each is held against every run with an alert. */
const scopesMax = 100;
/** New runs for one run within a day: beyond it the run is what is broken. */
const reschedulesMax = 10;

/** One scope, and one line of the deny-list, for the documentation. */
const scopeExample = '{ match: { deployment: "etl/*" }, mode: dry-run }';
const denyExample = '{ tag: "never-touch" }';

function remedyMode() {
	return oneOf(remedyModes);
}

function reschedules() {
	return wholeNumberBetween(0, reschedulesMax);
}

/** Where something may be done, in the order in which the scopes are tried. */
function scopeList() {
	const scope = z.strictObject(
		{ match: matchSchema, mode: remedyMode(), reschedule: reschedules().optional() },
		{ error: 'needs match and mode, such as { match: { deployment: "etl/*" }, mode: dry-run }' },
	);
	return z
		.array(scope, { error: "needs a list of scopes, each with a match and a mode" })
		.max(scopesMax, { error: `has more than ${scopesMax} scopes` })
		.register(valueForms, { form: `list of at most ${scopesMax} scopes` });
}

/** Runs that are never touched. */
function denyList() {
	return z
		.array(matchSchema, { error: 'needs a list of matches, such as [{ tag: "never-touch" }]' })
		.max(scopesMax, { error: `has more than ${scopesMax} matches` })
		.register(valueForms, { form: `list of at most ${scopesMax} matches` });
}

/** The section `remedy`. */
export function remedySection() {
	return z.strictObject({
		mode: remedyMode().prefault("off").register(settingMeta, {
			description:
				"What is done about dead runs that no scope matches: nothing, nothing but to write down what would be done, or that.",
			live: true,
		}),
		scopes: scopeList().prefault([]).register(settingMeta, {
			description: "A mode of its own for some runs; the first scope that matches a run counts.",
			live: true,
			fileOnly: true,
			example: scopeExample,
		}),
		deny: denyList().prefault([]).register(settingMeta, {
			description: "Runs that are never touched, whatever a scope says.",
			live: true,
			fileOnly: true,
			example: denyExample,
		}),
		grace: durationBetween("10s", "1d").prefault("5m").register(settingMeta, {
			description: "How long after its alert a run is left to people, and to itself.",
			live: true,
		}),
		perMinute: wholeNumberBetween(1, 60).prefault(5).register(settingMeta, {
			description: "Runs that something is done about within a minute at most.",
			live: true,
		}),
		perPoolPerMinute: wholeNumberBetween(1, 60).prefault(2).register(settingMeta, {
			description: "The same of one work pool; runs of none count as one pool.",
			live: true,
		}),
		reschedule: reschedules().prefault(0).register(settingMeta, {
			description: "How often within a day a run of a deployment that was marked Crashed is run again; 0 is never.",
			live: true,
		}),
	});
}
