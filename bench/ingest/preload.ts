import { noBeats } from "../../src/core/beat-rows.ts";
import { systemClock } from "../../src/lib/clock.ts";
import { openStore } from "../../src/store/open-store.ts";
import type { CommitBatch, RunChange } from "../../src/store/store.ts";
import { cadenceMs, labelsOf, lastStoredBeatMs, runIdOf, runningStateOf } from "./fleet.ts";

const runsAtOnce = 5_000;

/** Makes a database that knows the fleet: every run RUNNING, beating for long, heard a moment ago. */
export async function preload(path: string, liveRuns: number): Promise<void> {
	await using store = await openStore(`sqlite:${path}`, {
		clock: systemClock,
		appVersion: "bench",
		onMalformedRow: (sample) => {
			throw new Error(sample);
		},
		onDamaged: null,
		knownDamage: null,
	});
	for (let from = 0; from < liveRuns; from += runsAtOnce) {
		const length = Math.min(runsAtOnce, liveRuns - from);
		const runs = Array.from({ length }, (_, row) => storedRun(from + row));
		const { lost } = await store.commit({ ...nothing, runs });
		if (lost.length > 0) throw new Error("the database was not empty");
	}
}

const nothing: CommitBatch = {
	forgottenRuns: [],
	runs: [],
	beats: noBeats,
	episodes: [],
	outbox: [],
	held: [],
	settled: [],
	workspaces: [],
	groups: [],
	heldRuns: [],
	learned: [],
	durable: false,
};

function storedRun(index: number): RunChange {
	const nowMs = Date.now();
	const { id, atMs } = runningStateOf(index);
	return {
		version: 0,
		row: {
			workspace: "default",
			runId: runIdOf(index),
			attempt: 1,
			state: { id, type: "RUNNING", name: "Running", timestampMs: atMs, scheduledTimeMs: null, fromRest: true },
			endedAtMs: null,
			aliveAtServerMs: nowMs,
			lastBeat: { eventId: id, occurredMs: lastStoredBeatMs, receivedMs: nowMs },
			occurredMs: Array.from({ length: 9 }, (_, beat) => lastStoredBeatMs - (8 - beat) * cadenceMs),
			labels: labelsOf(index),
			updatedAtMs: nowMs,
		},
	};
}
