/** Bound on one batch, so that a burst neither blocks the event loop for long nor grows one transaction without end. */
export const batchRunsMax = 5_000;

/** Of what waits since then or longer, as many as a batch holds. */
export function takeDue(waiting: Map<string, number>, sinceMonoMs: number): readonly string[] {
	const due: string[] = [];
	for (const [runId, changedMonoMs] of waiting) {
		// Insertion order is order of time: the first that is not due ends the search.
		if (due.length >= batchRunsMax || changedMonoMs > sinceMonoMs) break;
		due.push(runId);
	}
	for (const runId of due) waiting.delete(runId);
	return due;
}
