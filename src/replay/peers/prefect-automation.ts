import type { PeerRule } from "./peer.ts";

/** What Prefect's documentation gives for a cadence: 90 s at 30 s, 540 s at 180 s. */
const cadences = 3;

/**
 * Prefect's documented automation: "after a heartbeat, expect `prefect.flow-run.*` within 90 s". It goes by events alone:
 * any state ends the wait, any heartbeat begins one, REST is never asked.
 *
 * @param cadenceMs the one that the operator wrote the automation for
 */
export function prefectAutomation(cadenceMs: number): PeerRule {
	return { patienceMs: () => cadences * cadenceMs, asksRest: false, isEndedBy: () => true };
}
