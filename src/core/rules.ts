import type { Condition } from "./episode.ts";
import type { RunLabels } from "./run.ts";

/**
 * What a run has to be for a rule, a sink, a silence or a remedy to concern it. All fields given must match, so none
 * given is every run. Each is a glob over the whole text, in its case: `*` is any number of characters (slashes too),
 * `?` is one, and nothing else is special.
 */
export interface Match {
	/** Over "flow/deployment", as Prefect writes it. */
	readonly deployment?: string | undefined;
	readonly workPool?: string | undefined;
	readonly flow?: string | undefined;
	/** One matching tag is enough. */
	readonly tag?: string | undefined;
}

/** A setting for some runs. Null: as for all. */
export interface ScopedRule {
	readonly match: Match;
	/** 2 to 6. */
	readonly k: number | null;
	/** The operator's own deadline, instead of K cadences. */
	readonly thresholdMs: number | null;
	/** From RUNNING. */
	readonly overrunMs: number | null;
	/** Not told of these runs. */
	readonly off: readonly Condition[];
}

/** What holds for one run: of the first rule that matches it, and where that is silent, or none does, of all runs. */
export interface Treatment {
	/** Which rule it is of, by its place in the settings, from 1; null: of none. */
	readonly rule: { readonly place: number; readonly match: Match } | null;
	readonly k: number;
	readonly thresholdMs: number | null;
	/** Null: a run may last. */
	readonly overrunMs: number | null;
	readonly off: ReadonlySet<Condition>;
}

type Matches = (labels: RunLabels) => boolean;

/** The rules in force; what they do not say, `k` and `overrunMs` do. A label not told yet matches no glob. */
export function compileRules(settings: {
	readonly rules: readonly ScopedRule[];
	readonly k: number;
	readonly overrunMs: number | null;
}): (labels: RunLabels) => Treatment {
	const otherwise: Treatment = {
		rule: null,
		k: settings.k,
		thresholdMs: null,
		overrunMs: settings.overrunMs,
		off: new Set(),
	};
	const rules = settings.rules.map((rule, index) => ({
		matches: compileMatch(rule.match),
		treatment: {
			rule: { place: index + 1, match: rule.match },
			k: rule.k ?? otherwise.k,
			thresholdMs: rule.thresholdMs,
			overrunMs: rule.overrunMs ?? otherwise.overrunMs,
			off: new Set(rule.off),
		},
	}));
	return (labels) => rules.find(({ matches }) => matches(labels))?.treatment ?? otherwise;
}

/** The one matcher of rules, sinks, silences and remedies. Costs the length of the label times that of the glob at worst. */
export function compileMatch(match: Match): Matches {
	const wanted: Matches[] = [];
	const want = (glob: string | undefined, textsOf: (labels: RunLabels) => readonly (string | null)[]): void => {
		if (glob === undefined) return;
		wanted.push((labels) => textsOf(labels).some((text) => text !== null && globMatches(glob, text)));
	};
	want(match.deployment, ({ flowName, deploymentName }) => [
		flowName === null || deploymentName === null ? null : `${flowName}/${deploymentName}`,
	]);
	want(match.workPool, ({ workPool }) => [workPool]);
	want(match.flow, ({ flowName }) => [flowName]);
	want(match.tag, ({ tags }) => tags);
	return (labels) => wanted.every((matches) => matches(labels));
}

/**
 * By hand, since a regular expression with several stars takes time with a power of the text's length. Only the last
 * star ever has to take more: what an earlier one could take, the last one can too.
 */
function globMatches(glob: string, text: string): boolean {
	let at = 0;
	let position = 0;
	let star = -1;
	let starTakesUntil = 0;
	while (position < text.length) {
		if (glob[at] === "*") {
			star = at;
			starTakesUntil = position;
			at += 1;
		} else if (glob[at] === "?") {
			at += 1;
			position += characterLength(text, position);
		} else if (glob[at] === text[position]) {
			at += 1;
			position += 1;
		} else if (star === -1) {
			return false;
		} else {
			starTakesUntil += characterLength(text, starTakesUntil);
			position = starTakesUntil;
			at = star + 1;
		}
	}
	while (glob[at] === "*") at += 1;
	return at === glob.length;
}

/** In UTF-16 units: 2 of an emoji, so that `?` takes it whole. */
function characterLength(text: string, position: number): number {
	const point = text.codePointAt(position);
	return point !== undefined && point > 0xffff ? 2 : 1;
}
