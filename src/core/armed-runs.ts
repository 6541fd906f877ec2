import type { ArmedRun } from "./disruption-count.ts";
import { silenceAnchorMs } from "./group-incident.ts";
import { isArmed } from "./run.ts";
import type { RunTable } from "./run-table.ts";
import type { Yardstick } from "./yardstick.ts";

/** The armed runs of one sweep, as mass lapses see them. */
export function* armedRuns(table: RunTable, yardstick: Yardstick, nowMonoMs: number): Generator<ArmedRun> {
	for (const { run, episode } of table.values()) {
		if (!isArmed(run)) continue;
		const aliveAtServerMs = yardstick.toServerMs(run.aliveAtMonoMs) ?? run.lastBeat.receivedMs ?? 0;
		yield {
			runId: run.runId,
			aliveAtMonoMs: run.aliveAtMonoMs,
			anchorMs: silenceAnchorMs(run.lastBeat.receivedMs, aliveAtServerMs),
			cadenceMs: yardstick.cadenceMs(run),
			workPool: run.labels.workPool,
			clientVersion: run.labels.clientVersion,
			lapsed: yardstick.isLapsed(run, nowMonoMs),
			hasOpenEpisode: episode !== null,
		};
	}
}
