import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { noBeats } from "../../src/core/beat-rows.ts";
import type { RunSilenceRow, TrippedGroupRow } from "../../src/core/disruption-row.ts";
import { type Episode, type Evidence, groupTransitionOf, type Outcome, transitionOf } from "../../src/core/episode.ts";
import type { GroupIncident } from "../../src/core/group-incident.ts";
import { noLabels, type RunLabels, type StateType, type StateView } from "../../src/core/run.ts";
import type { Clock, Instant } from "../../src/lib/clock.ts";
import type { CommitBatch, OutboxRow, RunRow, StoredLearned, StoredWorld } from "../../src/store/store.ts";

/** A wall clock that stands still until it is set. */
export class StandingClock implements Clock {
	wallMs = 1_790_000_000_000;

	now(): Instant {
		return { monoMs: 0, wallMs: this.wallMs };
	}

	async sleep(): Promise<never> {
		throw new Error("a store never sleeps");
	}
}

export const workspace = "prod";

/** The n-th of the run ids used in tests; they sort by n. */
export function runIdOf(n: number): string {
	return `0198c0de-0000-7000-8000-${n.toString(16).padStart(12, "0")}`;
}

export function stateOf(type: StateType): StateView {
	return {
		id: "5f0c8a3e-state",
		type,
		name: type.toLowerCase(),
		timestampMs: 1_789_999_000_123.456,
		scheduledTimeMs: 1_789_999_100_000.125,
		fromRest: false,
	};
}

export const fullLabels: RunLabels = {
	name: "wise-otter 🦦",
	flowId: "flow-1",
	flowName: "etl",
	deploymentId: "deployment-1",
	deploymentName: "nightly",
	workPool: "k8s",
	clientVersion: "3.8.8",
	parentTaskRunId: "task-1",
	parentRunId: "run-0",
	tags: ["a", "", 'quote " and \u2028'],
};

/** A run with nothing left out. */
export function rowOf(n: number, changes: Partial<RunRow> = {}): RunRow {
	return {
		workspace,
		runId: runIdOf(n),
		attempt: 2,
		state: stateOf("RUNNING"),
		endedAtMs: 1_789_000_000_000.001,
		aliveAtServerMs: 1_789_999_999_999.875,
		lastBeat: { eventId: "beat-1", occurredMs: 1_789_999_999_000.25, receivedMs: 1_789_999_999_999.875 },
		occurredMs: [1_789_999_939_000.1, 1_789_999_969_000.2, 1_789_999_999_000.25],
		labels: fullLabels,
		updatedAtMs: 1_790_000_000_000,
		...changes,
	};
}

/** A run of which nothing is known but that it exists. */
export function bareRowOf(n: number): RunRow {
	return {
		workspace,
		runId: runIdOf(n),
		attempt: 0,
		state: null,
		endedAtMs: null,
		aliveAtServerMs: null,
		lastBeat: null,
		occurredMs: [],
		labels: noLabels,
		updatedAtMs: 0,
	};
}

const evidence: Evidence = {
	lastBeatOccurredMs: 1_789_999_999_000.25,
	lastBeatReceivedMs: null,
	cadenceSeconds: 30.015,
	cadenceSource: "learned",
	thresholdSeconds: 90.045,
	silenceSeconds: 91.5,
	blindSeconds: 0,
	apiStateType: "RUNNING",
	apiStateId: "5f0c8a3e-state",
	newestStoredBeatMs: null,
	otherSignAtMs: 1_789_999_990_000.5,
	likelyCause: "pod evicted",
	impact: {
		slots: [{ kind: "tag", name: "db", limit: 2, taken: null }],
		waiting: { deployment: null, workPool: 3 },
	},
};

/** An open episode of run n. */
export function episodeOf(n: number, alertId: string, changes: Partial<Episode> = {}): Episode {
	return {
		alertId,
		workspace,
		runId: runIdOf(n),
		attempt: 2,
		condition: "zombie",
		severity: "critical",
		reason: "no heartbeat for 92 s",
		evidence,
		stateType: "RUNNING",
		stateName: "Running",
		labels: fullLabels,
		relatedRuns: [runIdOf(8), runIdOf(9)],
		groupId: "group-1",
		raisedAtMs: 1_790_000_000_000,
		closed: null,
		...changes,
	};
}

export function closedOf(episode: Episode, atMs: number, outcome: Outcome = "recovered"): Episode {
	return { ...episode, closed: { outcome, atMs } };
}

export function deliveryOf(episode: Episode, changes: Partial<OutboxRow> = {}): OutboxRow {
	return { sink: "log", transition: transitionOf(episode), createdAtMs: 1_790_000_000_000, ...changes };
}

/** An open group incident of the pool k8s. */
export function groupOf(groupId: string, changes: Partial<GroupIncident> = {}): GroupIncident {
	return {
		groupId,
		groupKind: "work_pool",
		group: "k8s",
		extent: "partial",
		runIds: [runIdOf(1), runIdOf(2)],
		runsTotal: 3,
		armedTotal: 5,
		silentSinceMs: 1_789_999_900_000.25,
		openedAtMs: 1_790_000_000_000.5,
		closed: null,
		...changes,
	};
}

/** The delivery of a group incident's opening or closing. */
export function groupDeliveryOf(
	incident: GroupIncident,
	changes: { workspace?: string; sink?: string } = {},
): OutboxRow {
	const transition = groupTransitionOf(incident, changes.workspace ?? workspace);
	return { sink: changes.sink ?? "log", transition, createdAtMs: 1_790_000_000_000 };
}

/** A group that has tripped, with nothing left out. */
export const trippedGroup: TrippedGroupRow = {
	kind: "work_pool",
	name: "k8s",
	groupId: "group-1",
	openedServerMs: 1_790_000_000_000.25,
	openedAtMs: 1_790_000_000_000.5,
	silentSinceMs: 1_789_999_900_000.25,
	reported: true,
	recovered: false,
	extent: "partial",
	lapsedMost: 3,
	armedThen: 5,
	runIds: [runIdOf(1), runIdOf(2)],
	unheard: { fromServerMs: 1_789_999_950_000.5, provenServerMs: null },
};

/** The part of run n in a mass lapse. */
export function heldRunOf(n: number, changes: Partial<RunSilenceRow> = {}): RunSilenceRow {
	return {
		runId: runIdOf(n),
		aliveAtServerMs: 1_789_999_900_000.25,
		lapsedServerMs: 1_790_000_000_000.25,
		held: { sinceServerMs: 1_790_000_000_000.25, untilServerMs: 1_790_000_345_000.25 },
		groupId: "group-1",
		...changes,
	};
}

/** A row of each kind, as the core has them. */
export const learnedSamples = [
	{
		kind: "prior",
		key: "deployment-1 3.8.8",
		row: { key: "deployment-1 3.8.8", runs: [{ runId: runIdOf(1), tauMs: 30_015.25, intervals: 7 }] },
	},
	{ kind: "habit", key: "deployment-1", row: { key: "deployment-1", runs: [{ runId: runIdOf(1), isPrompt: true }] } },
	{
		kind: "patience",
		key: "deployment-1",
		row: { key: "deployment-1", extraK: 1, raisedAtMs: 1_790_000_000_000 },
	},
	{ kind: "lesson", key: "stored_beats", row: { key: "stored_beats" } },
] as const satisfies readonly StoredLearned[];

/** What is in a world of which nothing is stored. */
export const emptyWorld: StoredWorld = {
	runsTotal: 0,
	openEpisodes: [],
	spentAlerts: [],
	workspaces: [],
	outbox: [],
	openGroups: [],
	heldRuns: [],
	learned: [],
};

export function batchOf(changes: Partial<CommitBatch>): CommitBatch {
	return {
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
		durable: true,
		...changes,
	};
}

/** Every file in a folder with the hash of its bytes. Not while a store is open there: reading would drop its locks. */
export function fingerprintOf(folder: string): Record<string, string> {
	const names = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
	return Object.fromEntries(
		names
			.map(({ parentPath, name }) => join(parentPath, name))
			.map((path) => [path, createHash("sha256").update(readFileSync(path)).digest("hex")]),
	);
}

/** Rows of a batch of test/conformance/children/commit-loop.ts: enough that a kill falls into the midst of one. */
export const runsPerNumberedBatch = 50;
