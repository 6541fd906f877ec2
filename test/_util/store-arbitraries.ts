import fc from "fast-check";
import { beatRows, eventIdBytes } from "../../src/core/beat-rows.ts";
import { cadenceBeatsMax } from "../../src/core/cadence.ts";
import { type Impact, slotKinds } from "../../src/core/circumstances.ts";
import { deadFates, holdReasons } from "../../src/core/delivery.ts";
import type { RunSilenceRow, TrippedGroupRow } from "../../src/core/disruption-row.ts";
import { conditions, type Episode, groupTransitionOf, transitionOf } from "../../src/core/episode.ts";
import type { GroupIncident } from "../../src/core/group-incident.ts";
import { type RunLabels, type StateView, stateTypes } from "../../src/core/run.ts";
import type {
	BeatRows,
	CommitBatch,
	GroupRow,
	HeldRunChange,
	LearnedChange,
	OutboxRow,
	RunRow,
	StoredLearned,
	WorkspaceRow,
} from "../../src/store/store.ts";
import { runIdOf } from "./store-samples.ts";

/*
 * Any data that a store must give back as it was. Numbers are finite and -0 is 0, as JSON has it; text is well-formed
 * Unicode with everything in it, NUL and astral characters too.
 */

/** Plain objects, as those of a program are; fast-check also makes ones without a prototype. */
function record<Value>(model: { [Key in keyof Value]: fc.Arbitrary<Value[Key]> }): fc.Arbitrary<Value> {
	return fc.record<Value>(model, { noNullPrototype: true });
}

const anyNumber = fc.double({ noNaN: true, noDefaultInfinity: true }).map((value) => value + 0);
const anyTime = fc.oneof(fc.double({ min: 1.7e12, max: 1.9e12, noNaN: true }), anyNumber);
const anyText = fc.string({ unit: "binary", maxLength: 12 });
const maybe = <Value>(arbitrary: fc.Arbitrary<Value>) => fc.option(arbitrary, { nil: null });

const anyLabels: fc.Arbitrary<RunLabels> = record({
	name: maybe(anyText),
	flowId: maybe(anyText),
	flowName: maybe(anyText),
	deploymentId: maybe(anyText),
	deploymentName: maybe(anyText),
	workPool: maybe(anyText),
	clientVersion: maybe(anyText),
	parentTaskRunId: maybe(anyText),
	parentRunId: maybe(anyText),
	tags: fc.array(anyText, { maxLength: 3 }),
});

const anyState: fc.Arbitrary<StateView> = record({
	id: anyText,
	type: fc.constantFrom(...stateTypes),
	name: anyText,
	timestampMs: anyTime,
	scheduledTimeMs: maybe(anyTime),
	fromRest: fc.boolean(),
});

const anyBeat = record({ eventId: anyText, occurredMs: maybe(anyTime), receivedMs: maybe(anyTime) });

function rowIn(workspaces: fc.Arbitrary<string>, runIds: fc.Arbitrary<string>): fc.Arbitrary<RunRow> {
	return record({
		workspace: workspaces,
		runId: runIds,
		attempt: fc.nat(),
		state: maybe(anyState),
		endedAtMs: maybe(anyTime),
		aliveAtServerMs: maybe(anyTime),
		lastBeat: maybe(anyBeat),
		occurredMs: fc.array(anyTime, { maxLength: 8 }),
		labels: anyLabels,
		updatedAtMs: anyTime,
	});
}

const anyImpact: fc.Arbitrary<Impact> = record({
	slots: fc.array(
		record({ kind: fc.constantFrom(...slotKinds), name: anyText, limit: fc.nat(), taken: maybe(fc.nat()) }),
		{ maxLength: 3 },
	),
	waiting: record({ deployment: maybe(fc.nat()), workPool: maybe(fc.nat()) }),
});

const anyEvidence: fc.Arbitrary<Episode["evidence"]> = record({
	lastBeatOccurredMs: maybe(anyTime),
	lastBeatReceivedMs: maybe(anyTime),
	cadenceSeconds: maybe(anyNumber),
	cadenceSource: fc.constantFrom("learned", "prior", "unknown"),
	thresholdSeconds: anyNumber,
	silenceSeconds: anyNumber,
	blindSeconds: anyNumber,
	apiStateType: fc.constantFrom(...stateTypes),
	apiStateId: anyText,
	newestStoredBeatMs: maybe(anyTime),
	otherSignAtMs: maybe(anyTime),
	likelyCause: maybe(anyText),
	impact: maybe(anyImpact),
});

const outcomes = ["recovered", "ended", "moved", "quiet", "superseded", "deleted", "disabled"] as const;

function episodeIn(keys: {
	readonly alertId: fc.Arbitrary<string>;
	readonly workspace: fc.Arbitrary<string>;
	readonly runId: fc.Arbitrary<string>;
	readonly attempt: fc.Arbitrary<number>;
}): fc.Arbitrary<Episode> {
	return record({
		...keys,
		condition: fc.constantFrom(...conditions),
		severity: fc.constantFrom("critical", "warning", "info"),
		reason: anyText,
		evidence: anyEvidence,
		stateType: fc.constantFrom(...stateTypes),
		stateName: anyText,
		labels: anyLabels,
		relatedRuns: fc.array(anyText, { maxLength: 3 }),
		groupId: maybe(anyText),
		raisedAtMs: anyTime,
		closed: maybe(record({ outcome: fc.constantFrom(...outcomes), atMs: anyTime })),
	});
}

const anyGroupKind = fc.constantFrom("work_pool", "client_version", "everything");
const anyExtent = fc.constantFrom("some", "partial", "full");

const anyTrippedGroup: fc.Arbitrary<TrippedGroupRow> = record({
	kind: anyGroupKind,
	name: anyText,
	groupId: anyText,
	openedServerMs: anyTime,
	openedAtMs: anyTime,
	silentSinceMs: maybe(anyTime),
	reported: fc.boolean(),
	recovered: fc.boolean(),
	extent: anyExtent,
	lapsedMost: fc.nat(),
	armedThen: maybe(fc.nat()),
	runIds: fc.array(anyText, { maxLength: 3 }),
	unheard: maybe(record({ fromServerMs: anyTime, provenServerMs: maybe(anyTime) })),
});

function heldRunIn(runIds: fc.Arbitrary<string>): fc.Arbitrary<RunSilenceRow> {
	return record({
		runId: runIds,
		aliveAtServerMs: anyTime,
		lapsedServerMs: anyTime,
		held: maybe(record({ sinceServerMs: anyTime, untilServerMs: anyTime })),
		groupId: maybe(anyText),
	});
}

function workspaceRowIn(workspaces: fc.Arbitrary<string>): fc.Arbitrary<WorkspaceRow> {
	const span = record({
		fromServerMs: anyTime,
		untilServerMs: anyTime,
		cause: fc.constantFrom("socket", "own_pause", "silent_stream", "lag", "server_outage"),
	});
	return record({
		workspace: workspaces,
		coveredUntilServerMs: maybe(anyTime),
		blindSpans: fc.array(span, { maxLength: 3 }),
		healthScore: fc.nat({ max: 7 }),
		trippedGroups: fc.array(anyTrippedGroup, { maxLength: 2 }),
	});
}

function groupIn(groupIds: fc.Arbitrary<string>): fc.Arbitrary<GroupIncident> {
	return record({
		groupId: groupIds,
		groupKind: anyGroupKind,
		group: anyText,
		extent: anyExtent,
		runIds: fc.array(anyText, { maxLength: 3 }),
		runsTotal: fc.nat(),
		armedTotal: maybe(fc.nat()),
		silentSinceMs: maybe(anyTime),
		openedAtMs: anyTime,
		closed: maybe(record({ outcome: fc.constantFrom("recovered", "ended"), atMs: anyTime })),
	});
}

function learnedIn(keys: fc.Arbitrary<string>): fc.Arbitrary<StoredLearned> {
	const seen = record({ runId: anyText, tauMs: anyNumber, intervals: fc.nat() });
	const first = record({ runId: anyText, isPrompt: fc.boolean() });
	return keys.chain((key) =>
		fc.oneof<fc.Arbitrary<StoredLearned>[]>(
			record({
				kind: fc.constant("prior"),
				key: fc.constant(key),
				row: record({ key: fc.constant(key), runs: fc.array(seen, { maxLength: 3 }) }),
			}),
			record({
				kind: fc.constant("habit"),
				key: fc.constant(key),
				row: record({ key: fc.constant(key), runs: fc.array(first, { maxLength: 3 }) }),
			}),
			record({
				kind: fc.constant("patience"),
				key: fc.constant(key),
				row: record({ key: fc.constant(key), extraK: anyNumber, raisedAtMs: anyTime }),
			}),
		),
	);
}

export const arbitraryHeldRun = heldRunIn(fc.uuid());
export const arbitraryGroup = groupIn(anyText);
export const arbitraryLearned = learnedIn(anyText);
export const arbitraryRow = rowIn(anyText, fc.uuid());
export const arbitraryEpisode = episodeIn({
	alertId: anyText,
	workspace: anyText,
	runId: fc.uuid(),
	attempt: fc.nat(),
});
export const arbitraryWorkspaceRow = workspaceRowIn(anyText);

/** Names so few that random batches meet each other. */
export const fewWorkspaces = ["here", "there"] as const;
const fewWorkspace = fc.constantFrom(...fewWorkspaces);
const fewRunIds = fc.constantFrom(...[1, 2, 3].map(runIdOf));
const fewEpisodes = episodeIn({
	alertId: fc.constantFrom("a", "b", "c", "d", "e"),
	workspace: fewWorkspace,
	runId: fewRunIds,
	attempt: fc.constantFrom(1, 2),
});
const fewSinks = fc.constantFrom("log", "slack");
const fewDeliveries: fc.Arbitrary<OutboxRow> = record({
	sink: fewSinks,
	transition: fc.oneof(
		fewEpisodes.map(transitionOf),
		fc
			.tuple(groupIn(fc.constantFrom("g", "h")), fewWorkspace)
			.map(([incident, place]) => groupTransitionOf(incident, place)),
	),
	createdAtMs: fc.constantFrom(1, 2, 3),
});

const fewGroups: fc.Arbitrary<GroupRow> = record({
	workspace: fewWorkspace,
	incident: groupIn(fc.constantFrom("g", "h")),
});
const fewHeldRuns: fc.Arbitrary<HeldRunChange> = fc
	.tuple(fewWorkspace, heldRunIn(fewRunIds), fc.boolean())
	.map(([workspace, row, isKept]) => ({ workspace, runId: row.runId, row: isKept ? row : null }));
const fewLearned: fc.Arbitrary<LearnedChange> = fc
	.tuple(fewWorkspace, learnedIn(fc.constantFrom("d", "e")), fc.boolean())
	.map(([workspace, learned, isKept]) => ({ ...learned, workspace, row: isKept ? learned.row : null }));

/** Of places that are taken, and ones that are not. */
const fewBeats: fc.Arbitrary<BeatRows> = fc
	.array(
		fc.record({ place: fc.nat({ max: 4 }), version: fc.nat({ max: 3 }), times: fc.array(anyTime, { maxLength: 9 }) }),
		{
			maxLength: 3,
		},
	)
	.map((all) => {
		const rows = beatRows(all.length);
		for (const [index, { place, version, times }] of all.entries()) {
			rows.places[index] = place;
			rows.versions[index] = version;
			rows.aliveAtServerMs[index] = times[0] ?? Number.NaN;
			rows.occurredMs[index] = times[1] ?? Number.NaN;
			rows.receivedMs[index] = times[2] ?? Number.NaN;
			rows.eventIds.fill(17 * (index + 1), index * eventIdBytes, (index + 1) * eventIdBytes);
			rows.rings.set(times, index * cadenceBeatsMax);
			rows.ringLengths[index] = times.length;
		}
		return rows;
	});

function keyOf({ sink, transition }: OutboxRow) {
	return { sink, key: transition.key };
}

/** A batch among few names: some rows hit what is stored, some miss, some batches are refused. */
export const arbitraryBatch: fc.Arbitrary<CommitBatch> = record({
	forgottenRuns: fc.array(record({ workspace: fewWorkspace, runId: fewRunIds }), { maxLength: 2 }),
	runs: fc.array(record({ row: rowIn(fewWorkspace, fewRunIds), version: fc.nat({ max: 3 }) }), { maxLength: 4 }),
	beats: fewBeats,
	episodes: fc.array(fewEpisodes, { maxLength: 3 }),
	outbox: fc.array(fewDeliveries, { maxLength: 3 }),
	held: fc.array(
		fc.tuple(fewDeliveries, fc.constantFrom(...holdReasons), maybe(anyTime)).map(([row, reason, untilMs]) => ({
			...keyOf(row),
			reason,
			detail: "why",
			untilMs,
		})),
		{ maxLength: 2 },
	),
	settled: fc.array(
		fc
			.tuple(fewDeliveries, fc.constantFrom("delivered" as const, ...holdReasons, ...deadFates))
			.map(([row, fate]) => ({ ...keyOf(row), fate, detail: fate === "delivered" ? null : "why" })),
		{ maxLength: 2 },
	),
	workspaces: fc.array(workspaceRowIn(fewWorkspace), { maxLength: 1 }),
	groups: fc.array(fewGroups, { maxLength: 2 }),
	heldRuns: fc.array(fewHeldRuns, { maxLength: 4 }),
	learned: fc.array(fewLearned, { maxLength: 4 }),
	durable: fc.boolean(),
});
