import type { Instant } from "../lib/clock.ts";

/** The tick comes once a second; one that is this late means that we, not the runs, were asleep. */
const tickEveryMs = 1_000;
const tickLateMs = 5_000;
/** Wall and monotonic clock apart by more than this since the last tick: suspended, or the wall clock was set. */
const clocksApartMs = 2_000;

/** How long we slept between two ticks, or by how much the wall clock was set: mostly 0. */
export function sleptMsBetween(last: Instant, at: Instant): number {
	const elapsedMs = at.monoMs - last.monoMs;
	const lateMs = elapsedMs - tickEveryMs;
	const apartMs = Math.abs(at.wallMs - last.wallMs - elapsedMs);
	return lateMs <= tickLateMs && apartMs <= clocksApartMs ? 0 : Math.max(lateMs, apartMs);
}
