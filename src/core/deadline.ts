/** What lengthens everybody's deadline at the moment. */
export interface Grace {
	/** The lag of events, 99.9th percentile of the last ten minutes. */
	readonly lagP999Ms: number;
	/** Own-health score, 0 (well) to 7: our own trouble makes us patient with others (Lifeguard, Hashicorp 2017). */
	readonly healthScore: number;
}

/** What a run's deadline is made of besides its cadence. */
export interface DeadlineTerms {
	/** Cadences to wait for: 2 to 6. */
	readonly k: number;
	/** The operator's own deadline; null: none. */
	readonly thresholdMs: number | null;
	/** Stands for the cadence while it is unknown. */
	readonly slowestCadenceMs: number;
}

/** Silences, blind time excluded, after which a run is suspected and due for a verdict. */
export interface Deadline {
	readonly suspectAfterMs: number;
	readonly dueAfterMs: number;
	/**
	 * What became of the operator's own deadline; null: there is none. `tight` is used, although one stall makes such a
	 * verdict a coin toss; `too_short` is not used, since one lost beat would be a verdict. Both are to be reported.
	 */
	readonly fixed: "used" | "tight" | "too_short" | null;
}

const marginMinMs = 15_000;
const marginShareOfCadence = 0.1;
const lagAllowanceMs = 5_000;
const lagMarginMaxMs = 60_000;
const healthStepMinMs = 5_000;
const healthStepShareOfCadence = 0.05;
/** One missed beat more than this is what makes a run suspect. */
const suspectCadences = 2;
/** With the cadence unknown there is one interval to wait for, and one to lose. */
const unknownCadences = 2;
const unknownMarginMs = 60_000;
/** Bounds of an operator's own deadline, in known cadences. */
const fixedCadencesMin = 2;
const tightCadences = 3;

/**
 * `T = K*tau + m + h*max(5 s, 0.05*tau)`; with the cadence unknown `2*slowest + 60 s`; an operator's own deadline is
 * taken as it stands, unless it is shorter than two known cadences.
 */
export function deadlineOf({ tauMs }: { readonly tauMs: number | null }, terms: DeadlineTerms, grace: Grace): Deadline {
	const suspectAfterMs = suspectAfter(tauMs, terms, grace);
	const fixed = useOf(terms.thresholdMs, tauMs);
	if (terms.thresholdMs !== null && fixed !== "too_short") {
		return { suspectAfterMs, dueAfterMs: terms.thresholdMs, fixed };
	}
	if (tauMs === null) return { suspectAfterMs, dueAfterMs: dueAfterUnknown(terms.slowestCadenceMs), fixed };
	const ownTroubleMs = grace.healthScore * Math.max(healthStepMinMs, healthStepShareOfCadence * tauMs);
	return { suspectAfterMs, dueAfterMs: terms.k * tauMs + marginOf(tauMs, grace) + ownTroubleMs, fixed };
}

/** The line of suspicion alone: each sweep asks it of every run, so that nothing is made for it. */
export function suspectAfter(
	tauMs: number | null,
	{ thresholdMs, slowestCadenceMs }: Omit<DeadlineTerms, "k">,
	grace: Grace,
): number {
	const cadenceMs = tauMs ?? slowestCadenceMs;
	const suspectAfterMs = suspectCadences * cadenceMs + marginOf(cadenceMs, grace);
	if (thresholdMs !== null && useOf(thresholdMs, tauMs) !== "too_short") return Math.min(suspectAfterMs, thresholdMs);
	return tauMs === null ? Math.min(suspectAfterMs, dueAfterUnknown(slowestCadenceMs)) : suspectAfterMs;
}

function marginOf(tauMs: number, grace: Grace): number {
	const lagMarginMs = Math.min(lagAllowanceMs + grace.lagP999Ms, lagMarginMaxMs);
	return Math.max(marginMinMs, marginShareOfCadence * tauMs, lagMarginMs);
}

function dueAfterUnknown(slowestCadenceMs: number): number {
	return unknownCadences * slowestCadenceMs + unknownMarginMs;
}

/** While the cadence is unknown there is nothing to hold the operator's own deadline against. */
export function useOf(thresholdMs: number | null, tauMs: number | null): Deadline["fixed"] {
	if (thresholdMs === null) return null;
	if (tauMs === null || thresholdMs >= tightCadences * tauMs) return "used";
	return thresholdMs >= fixedCadencesMin * tauMs ? "tight" : "too_short";
}
