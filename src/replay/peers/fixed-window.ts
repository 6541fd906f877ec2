import { isIdleState, type PeerRule } from "./peer.ts";

/** The same silence for every run, and then REST has to say that it runs. */
export function fixedWindow(windowMs: number): PeerRule {
	return { patienceMs: () => windowMs, asksRest: true, isEndedBy: isIdleState };
}
