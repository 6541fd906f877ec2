import type { Family } from "./family.ts";
import { hasEnded, isArmed, type Run } from "./run.ts";
import type { RunTable } from "./run-table.ts";

/**
 * Signs of life other than a run's own beats. Log lines and task-run states bear the worker's clock: they are placed on
 * ours by their distance from the run's own last beat.
 *
 * @param signMs the newest log line or task-run change, by the worker's clock
 * @returns its instant on our monotonic clock, never in the future; null when there is nothing to compare it with
 */
export function signInstant(run: Run, signMs: number | null, nowMonoMs: number): number | null {
	const lastOccurredMs = run.lastBeat?.occurredMs ?? run.occurredMs.at(-1) ?? null;
	// Not the proof of life, which a new attempt or a group that comes back moves on without a beat.
	const beatAtMonoMs = run.beatAtMonoMs ?? run.aliveAtMonoMs;
	if (signMs === null || lastOccurredMs === null || beatAtMonoMs === null) return null;
	return Math.min(nowMonoMs, beatAtMonoMs + (signMs - lastOccurredMs));
}

/** The latest proof of life among the run's live descendants: a beating subflow vouches for who called it. */
export function vouchedAt(run: Run, family: Family, table: RunTable): number | null {
	let latestMs: number | null = null;
	for (const id of family.descendantsOf(run.runId)) {
		const relative = table.get(id)?.run;
		if (relative === undefined || relative.lastBeat === null || relative.aliveAtMonoMs === null) continue;
		latestMs = Math.max(latestMs ?? relative.aliveAtMonoMs, relative.aliveAtMonoMs);
	}
	return latestMs;
}

/** Of a dead branch the deepest dead run is alarmed: a run with a live, armed descendant waits until that one has ended. */
export function waitsForDescendant(run: Run, family: Family, table: RunTable): boolean {
	if (!family.hasChildren(run.runId)) return false;
	return family.descendantsOf(run.runId).some((id) => {
		const relative = table.get(id)?.run;
		return relative !== undefined && !hasEnded(relative) && isArmed(relative);
	});
}
