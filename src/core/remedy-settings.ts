import type { RemedyMode } from "./remedy.ts";
import { compileMatch, type Match } from "./rules.ts";
import type { RunLabels } from "./run.ts";

/** What the operator allows, as the settings say it. */
export interface RemedySettings {
	/** Of runs that no scope matches. */
	readonly mode: RemedyMode;
	/** The first that matches a run counts. */
	readonly scopes: readonly { readonly match: Match; readonly mode: RemedyMode; readonly reschedule: number | null }[];
	/** Runs that are never touched, whatever a scope says. */
	readonly deny: readonly Match[];
	/** After the alert. */
	readonly graceMs: number;
	readonly perMinute: number;
	readonly perPoolPerMinute: number;
	/** New runs for one run within a day at most; 0: none. */
	readonly reschedule: number;
}

/** What is allowed for one run. */
export interface Licence {
	/** See `scopeKeyOf`. */
	readonly scope: string;
	readonly mode: RemedyMode;
	readonly reschedule: number;
	readonly isDenied: boolean;
}

/** Of the runs that no scope matches. */
const restScope = "all";

/** A scope's name, the same wherever it stands in the list: `deployment=etl/*,tag=safe`; `all` for the rest. */
export function scopeKeyOf(match: Match): string {
	const parts = Object.entries(match).filter(([, glob]) => glob !== undefined);
	return parts.length === 0 ? restScope : parts.map(([what, glob]) => `${what}=${glob}`).join(",");
}

/** False: no run can ever be touched, not even in thought. */
export function isAnythingAllowed({ mode, scopes }: Pick<RemedySettings, "mode" | "scopes">): boolean {
	return mode !== "off" || scopes.some((scope) => scope.mode !== "off");
}

/**
 * @param heldScopes keys of scopes that a mistake has switched back to dry-run
 * @returns what holds for a run. A label not told yet matches no glob, so that an unknown run is of no scope
 */
export function compileLicences(
	settings: RemedySettings,
	heldScopes: ReadonlySet<string>,
): (labels: RunLabels) => Licence {
	const denied = settings.deny.map(compileMatch);
	const scopes = settings.scopes.map(({ match, mode, reschedule }) => ({
		matches: compileMatch(match),
		...licenceOf(scopeKeyOf(match), mode),
		reschedule: reschedule ?? settings.reschedule,
	}));
	const rest = { matches: () => true, ...licenceOf(restScope, settings.mode), reschedule: settings.reschedule };
	function licenceOf(scope: string, mode: RemedyMode) {
		return { scope, mode: mode === "on" && heldScopes.has(scope) ? ("dry-run" as const) : mode };
	}
	return (labels) => {
		const { matches: _, ...licence } = scopes.find(({ matches }) => matches(labels)) ?? rest;
		return { ...licence, isDenied: denied.some((matches) => matches(labels)) };
	};
}
