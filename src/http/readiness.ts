/** What readiness is judged by: our own affairs alone. Prefect being away makes zombied wait, not unready (O1). */
export interface ReadinessFacts {
	/** The tracker has been loaded from the store. */
	readonly loaded: boolean;
	readonly storeFailing: boolean;
	/** Our monotonic clock; null before the first tick. */
	readonly lastTickMonoMs: number | null;
}

export type Readiness = { readonly ready: true } | { readonly ready: false; readonly reason: string };

/** The tick comes once a second; beyond this the process does not get to its work. */
const tickLateMs = 5000;
/**
 * A core that has had no tick for so long is dead. The daemon's own watchdog ends the process after half of it: this is
 * for one that cannot end either, and needs somebody else to.
 */
const tickGoneMs = 120_000;

export function readinessOf(facts: ReadinessFacts, nowMonoMs: number): Readiness {
	if (!facts.loaded || facts.lastTickMonoMs === null) return { ready: false, reason: "starting" };
	if (facts.storeFailing) return { ready: false, reason: "the database fails" };
	const ageMs = nowMonoMs - facts.lastTickMonoMs;
	if (ageMs > tickLateMs) return { ready: false, reason: `the last tick was ${Math.round(ageMs / 1000)} s ago` };
	return { ready: true };
}

/**
 * Why the core counts as dead; null: it lives, or has not had the time to begin. A database that fails, or a late tick, is
 * no such reason: a restart would mend neither.
 *
 * @param startedMonoMs since when there has been somebody to ask
 */
export function deathOf({ lastTickMonoMs }: ReadinessFacts, startedMonoMs: number, nowMonoMs: number): string | null {
	const ageMs = nowMonoMs - Math.max(startedMonoMs, lastTickMonoMs ?? startedMonoMs);
	return ageMs > tickGoneMs ? `no tick for ${Math.round(ageMs / 1000)} s` : null;
}
