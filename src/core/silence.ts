import { cadenceOf } from "./cadence.ts";
import { type Deadline, deadlineOf } from "./deadline.ts";
import type { Observation } from "./observation.ts";
import { isArmed, type Run } from "./run.ts";
import type { RunTable } from "./run-table.ts";
import type { DetectorSettings } from "./settings.ts";

/** A run's silence at one moment, on our monotonic clock. */
export interface Silence {
	/** Since the proof of life, blind time included. */
	readonly totalMs: number;
	readonly blindMs: number;
	/** What counts: the total less the blind part. */
	readonly countedMs: number;
}

/** When this run's silence becomes suspect and due, as things stand now. */
export function runDeadline(run: Run, observation: Observation, settings: DetectorSettings): Deadline {
	const { clock, healthScore } = observation;
	return deadlineOf(cadenceOf(run.occurredMs), settings, { lagP999Ms: clock.lagP999Ms, healthScore });
}

export function runSilence(run: Run, observation: Observation, settings: DetectorSettings, nowMonoMs: number): Silence {
	const fromMonoMs = run.aliveAtMonoMs ?? nowMonoMs;
	const cadenceMs = cadenceOf(run.occurredMs).tauMs ?? settings.slowestCadenceMs;
	const totalMs = Math.max(0, nowMonoMs - fromMonoMs);
	const blindMs = observation.blindMs(fromMonoMs, nowMonoMs, cadenceMs);
	return { totalMs, blindMs, countedMs: totalMs - blindMs };
}

/**
 * The rate at which beats should arrive: one each cadence from every armed run that is not overdue itself. Silence is
 * taken whole here, since blindness for a silent stream must not feed on itself.
 */
export function expectedEventsPerMs(
	table: RunTable,
	observation: Observation,
	settings: DetectorSettings,
	nowMonoMs: number,
): number {
	let perMs = 0;
	for (const { run } of table.values()) {
		const { tauMs } = cadenceOf(run.occurredMs);
		if (tauMs === null || !isArmed(run) || run.aliveAtMonoMs === null) continue;
		if (nowMonoMs - run.aliveAtMonoMs <= runDeadline(run, observation, settings).suspectAfterMs) perMs += 1 / tauMs;
	}
	return perMs;
}
