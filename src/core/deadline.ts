import type { Cadence } from "./cadence.ts";
import type { DetectorSettings } from "./settings.ts";

/** What lengthens everybody's deadline at the moment. */
export interface Grace {
	/** The lag of events, 99.9th percentile of the last ten minutes. */
	readonly lagP999Ms: number;
	/** Own-health score, 0 (well) to 7: our own trouble makes us patient with others (Lifeguard, Hashicorp 2017). */
	readonly healthScore: number;
}

/** Silences, blind time excluded, after which a run is suspected and due for a verdict. */
export interface Deadline {
	readonly suspectAfterMs: number;
	readonly dueAfterMs: number;
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

/** `T = K*tau + m + h*max(5 s, 0.05*tau)`; with the cadence unknown `2*slowest + 60 s`. */
export function deadlineOf(cadence: Cadence, settings: DetectorSettings, grace: Grace): Deadline {
	const tauMs = cadence.tauMs ?? settings.slowestCadenceMs;
	const marginMs = Math.max(
		marginMinMs,
		marginShareOfCadence * tauMs,
		Math.min(lagAllowanceMs + grace.lagP999Ms, lagMarginMaxMs),
	);
	if (cadence.tauMs === null) {
		const dueAfterMs = unknownCadences * settings.slowestCadenceMs + unknownMarginMs;
		return {
			suspectAfterMs: Math.min(suspectCadences * tauMs + marginMs, dueAfterMs),
			dueAfterMs,
		};
	}
	const ownTroubleMs = grace.healthScore * Math.max(healthStepMinMs, healthStepShareOfCadence * tauMs);
	return {
		suspectAfterMs: suspectCadences * tauMs + marginMs,
		dueAfterMs: settings.k * tauMs + marginMs + ownTroubleMs,
	};
}
