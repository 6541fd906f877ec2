import { type Intervals, isIdleState, type PeerRule } from "./peer.ts";

/** Akka's `failure-detector.threshold`: one mistake in 10^8, were intervals normally distributed. */
const phiMax = 8;
/**
 * Akka's least deviation is 100 ms for a heartbeat of a second and a pause of 3 s that it accepts: with these numbers a
 * cadence of minutes is a false verdict each time anything is late. Half a cadence tolerates two lost beats, and no third.
 */
const deviationMinCadences = 0.5;
/** Enough bits for a millisecond in an hour. */
const halvings = 40;

/**
 * Phi-accrual (Hayashibara 2004, in Akka's logistic approximation of the normal distribution) with its standard deviation
 * rescaled to the cadence, and then REST has to say that the run goes on.
 */
export const phiRescaled: PeerRule = {
	patienceMs: (intervals) => (intervals.count === 0 ? null : silenceAtPhi(intervals)),
	asksRest: true,
	isEndedBy: isIdleState,
};

/** The silence at which phi reaches the threshold: phi only grows with silence. */
function silenceAtPhi({ meanMs, deviationMs }: Intervals): number {
	const spreadMs = Math.max(deviationMs, deviationMinCadences * meanMs);
	return meanMs + deviationsAtPhiMax * spreadMs;
}

/** Of a silence that is so many deviations longer than the mean. */
function phiOf(deviations: number): number {
	const odds = Math.exp(-deviations * (1.5976 + 0.070566 * deviations * deviations));
	return -Math.log10(odds / (1 + odds));
}

const deviationsAtPhiMax = inverseOf(phiOf, phiMax);

function inverseOf(rising: (x: number) => number, y: number): number {
	let low = 0;
	let high = 10;
	for (let halved = 0; halved < halvings; halved++) {
		const middle = (low + high) / 2;
		if (rising(middle) < y) low = middle;
		else high = middle;
	}
	return high;
}
