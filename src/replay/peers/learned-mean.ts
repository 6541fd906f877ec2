import { isIdleState, type PeerRule } from "./peer.ts";

const meansMax = 3;

/** Three times the mean of the run's own intervals, and then REST has to say that it runs. */
export const learnedMean3: PeerRule = {
	patienceMs: ({ count, meanMs }) => (count === 0 ? null : meansMax * meanMs),
	asksRest: true,
	isEndedBy: isIdleState,
};
