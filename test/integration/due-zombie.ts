import { expect } from "vitest";
import type { PrefectServer } from "../_util/prefect-server.ts";
import { type AlertLine, heardSilenceSeconds } from "../_util/real-alert-line.ts";
import { cadenceSeconds } from "../_util/real-flows.ts";

/** The verdict's own evidence has to bear it out, and agree with what the server has stored. */
export async function expectDueZombie(
	alert: AlertLine | undefined,
	server: PrefectServer,
	since = { hasRecovered: false },
): Promise<void> {
	if (alert === undefined) {
		throw new Error("no alert");
	}
	expect(alert).toMatchObject({ condition: "zombie", severity: "critical" });
	const { evidence } = alert;
	expect(evidence.api_state_type).toBe("RUNNING");
	expect(evidence.cadence_seconds).toBeGreaterThanOrEqual(cadenceSeconds - 0.1);
	expect(evidence.cadence_seconds).toBeLessThan(cadenceSeconds + 2);
	expect(evidence.threshold_seconds).toBeGreaterThanOrEqual(3 * cadenceSeconds + 14.5);
	const heard = heardSilenceSeconds(alert);
	expect(heard).toBeGreaterThanOrEqual(evidence.threshold_seconds);
	expect(heard).toBeLessThanOrEqual(evidence.threshold_seconds + 15);
	const lastBeatMs = Date.parse(evidence.last_beat_received ?? "");
	const sinceBeatSeconds = (Date.parse(alert.time) - lastBeatMs) / 1000;
	// One clock for all on this machine; a second for rounding and for the way the beat took.
	expect(sinceBeatSeconds).toBeGreaterThanOrEqual(evidence.threshold_seconds - 1);
	const stored = await server.rest.heartbeats(alert.flow_run.id);
	const receivedMs = stored.map((beat) => Date.parse(beat.received));
	if (since.hasRecovered) {
		expect(receivedMs).toContain(lastBeatMs);
	} else {
		expect(lastBeatMs).toBe(receivedMs[0]);
	}
}
