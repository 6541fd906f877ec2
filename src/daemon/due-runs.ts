/** Runs of one batch that are written whole: some ten milliseconds of the thread, then the socket has its turn. */
export const batchRunsMax = 1_000;
/** Runs of one batch of which the last beat is written: about as long. */
export const batchBeatsMax = 2_000;

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
