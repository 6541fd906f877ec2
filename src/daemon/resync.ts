import type { Input } from "../core/input.ts";
import type { RunView } from "../core/run.ts";
import type { Clock } from "../lib/clock.ts";
import type { Reporter } from "../observe/reporter.ts";

/** REST's listing of live runs; `ApiClient` is one. */
export interface LiveRuns {
	listLiveRuns(signal: AbortSignal): AsyncIterable<readonly RunView[]>;
}

/**
 * Compares what we know with what REST lists as live: brings in runs that no event told of, and marks those that are no
 * longer listed for a question.
 *
 * @throws OutsideError when the server does not answer; what was listed until then has been fed in
 */
export async function listLive(
	{
		api,
		clock,
		reporter,
		onResult,
	}: { api: LiveRuns; clock: Clock; reporter: Reporter; onResult: (input: Input) => void },
	signal: AbortSignal,
): Promise<void> {
	const startedMonoMs = clock.now().monoMs;
	let listed = 0;
	for await (const views of api.listLiveRuns(signal)) {
		listed += views.length;
		onResult({ kind: "listed", at: clock.now(), views });
	}
	onResult({ kind: "reconciled", at: clock.now(), startedMonoMs });
	reporter.reconciled({ listed, durationMs: clock.now().monoMs - startedMonoMs });
}
