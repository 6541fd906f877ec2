import { describe, expect, it } from "vitest";
import type { Claim } from "../../../src/core/claims.ts";
import { type Condition, conditions, severityOf, transitionOf } from "../../../src/core/episode.ts";
import { inquiryOf, restsOn } from "../../../src/core/inquiry.ts";
import { newRun, noLabels, type Run, type StateType, type StateView } from "../../../src/core/run.ts";
import { openEpisode, outcomeOf, type Verdict } from "../../../src/core/verdict.ts";
import { uuid } from "../../_util/core-server.ts";

function state(number: number, type: StateType, timestampMs = 10_000): StateView {
	return { id: uuid(2, number), type, name: type, timestampMs, scheduledTimeMs: null, fromRest: true };
}

const run: Run = {
	...newRun(uuid(1, 1)),
	attempt: 2,
	state: state(1, "RUNNING"),
	aliveAtMonoMs: 5_000,
	lastBeat: { eventId: uuid(3, 1), occurredMs: 40_000, receivedMs: 40_020 },
	occurredMs: [10_000, 40_000],
};

const claim: Claim = {
	condition: "zombie",
	elapsedMs: 106_000.4,
	blindMs: 20_000,
	suspectAfterMs: 75_000,
	dueAfterMs: 105_000,
	cadence: { tauMs: 30_000, source: "learned" },
};

const found: Verdict = {
	namespace: "n",
	workspace: "w",
	run,
	state: run.state!,
	claim,
	newestStoredBeatMs: 40_020,
	otherSignAtMs: 44_000,
	relatedRuns: [uuid(1, 7)],
	groupId: "g",
	at: { monoMs: 131_000, wallMs: 1_800_000_000_000 },
};
const episode = openEpisode(found);

function accused(condition: Condition, other: Partial<Verdict> = {}) {
	return openEpisode({ ...found, ...other, claim: { ...claim, condition } });
}

describe("a zombie's episode", () => {
	it("tells the facts it rests on", () => {
		expect(episode).toMatchObject({
			workspace: "w",
			runId: run.runId,
			attempt: 2,
			condition: "zombie",
			severity: "critical",
			stateType: "RUNNING",
			raisedAtMs: 1_800_000_000_000,
			closed: null,
			reason: "no heartbeat for 106 s (limit 105 s, beats every 30 s), and the server still says RUNNING",
		});
		expect(episode.evidence).toEqual({
			lastBeatOccurredMs: 40_000,
			lastBeatReceivedMs: 40_020,
			cadenceSeconds: 30,
			cadenceSource: "learned",
			thresholdSeconds: 105,
			silenceSeconds: 126,
			blindSeconds: 20,
			apiStateType: "RUNNING",
			apiStateId: run.state!.id,
			newestStoredBeatMs: 40_020,
			otherSignAtMs: 44_000,
		});
		expect(episode).toMatchObject({ relatedRuns: [uuid(1, 7)], groupId: "g" });
	});

	it("says so where the cadence is unknown", () => {
		const unknown = openEpisode({ ...found, claim: { ...claim, cadence: { tauMs: null, source: "unknown" } } });
		expect(unknown.evidence.cadenceSeconds).toBeNull();
		expect(unknown.reason).toContain("cadence unknown");
	});

	it("has the same id for the same silence, whenever and with whatever numbers it is found", () => {
		const later = openEpisode({
			...found,
			at: { monoMs: 9, wallMs: 9 },
			claim: { ...claim, suspectAfterMs: 1, dueAfterMs: 1 },
		});
		expect(later.alertId).toBe(episode.alertId);
		expect(episode.alertId).toMatch(/^[0-9a-f]{32}$/u);
	});

	it.each<{ what: string; other: Partial<Verdict> }>([
		{ what: "namespace", other: { namespace: "m" } },
		{ what: "workspace", other: { workspace: "v" } },
		{ what: "run", other: { run: { ...run, runId: uuid(1, 2) } } },
		{ what: "attempt", other: { run: { ...run, attempt: 3 } } },
		{ what: "last beat", other: { run: { ...run, lastBeat: { ...run.lastBeat!, eventId: uuid(3, 2) } } } },
	])("has another id for another $what", ({ other }) => {
		expect(openEpisode({ ...found, ...other }).alertId).not.toBe(episode.alertId);
	});

	it("is told of under one key when it opens, and another when it closes", () => {
		const closed = { ...episode, closed: { outcome: "ended", atMs: 1 } } as const;
		expect(transitionOf(episode)).toEqual({ key: `${episode.alertId}:raised`, kind: "raised", episode });
		expect(transitionOf(closed)).toEqual({ key: `${episode.alertId}:resolved`, kind: "resolved", episode: closed });
	});
});

describe("an episode of another condition", () => {
	const evidence = { silenceSeconds: 126, blindSeconds: 20, thresholdSeconds: 105 };

	it.each<[Condition, string]>([
		["deaf", "no heartbeat for 106 s (limit 105 s, beats every 30 s), yet its logs or task runs show it alive"],
		["undead", "the server says RUNNING, yet the process goes on beating 106 s after the end"],
		["stuck_pending", "RUNNING for 106 s (limit 105 s)"],
		["stuck_cancelling", "RUNNING for 106 s (limit 105 s)"],
		["stuck_scheduled", "RUNNING for 106 s (limit 105 s)"],
		["stuck_retry", "the retry was due 106 s ago (limit 105 s), and no attempt has begun"],
		[
			"never_beat",
			"RUNNING for 106 s without a heartbeat, although earlier runs of its deployment beat from the start",
		],
		["stale", "RUNNING without a heartbeat or any other sign of life for 106 s (limit 105 s)"],
		["overrun", "running for 106 s (limit 105 s)"],
	])("%s says why", (condition, reason) => {
		expect(accused(condition)).toMatchObject({ condition, reason, evidence, severity: severityOf[condition] });
	});

	it.each(conditions)("%s rests on the last beat, or on the state, and has an id of its own", (condition) => {
		const otherBeat = { run: { ...run, lastBeat: { ...run.lastBeat!, eventId: uuid(3, 2) } } };
		const otherState = { state: state(2, "RUNNING") };
		const { alertId } = accused(condition);
		const restsOnBeat = condition === "zombie" || condition === "deaf" || condition === "undead";
		expect(accused(condition, otherBeat).alertId === alertId).toBe(!restsOnBeat);
		expect(accused(condition, otherState).alertId === alertId).toBe(restsOnBeat);
		const ids = new Set(conditions.map((other) => accused(other).alertId));
		expect(ids.size).toBe(conditions.length);
	});

	it("rests on the state where there never was a beat", () => {
		const beatless = { run: { ...run, lastBeat: null } };
		expect(accused("deaf", beatless).alertId).not.toBe(accused("deaf").alertId);
		expect(accused("deaf", { ...beatless, state: state(2, "RUNNING") }).alertId).not.toBe(
			accused("deaf", beatless).alertId,
		);
	});
});

describe("the outcome", () => {
	const laterBeat = { eventId: uuid(3, 2), occurredMs: 70_000, receivedMs: 40_021 };

	it.each<{ rule: string; now: Partial<Run>; expected: string | null }>([
		{ rule: "is open while nothing changes", now: {}, expected: null },
		{ rule: "is open while the run is being cancelled", now: { state: state(2, "CANCELLING") }, expected: null },
		{ rule: "is recovered when it beats again", now: { lastBeat: laterBeat }, expected: "recovered" },
		{
			rule: "is recovered when it beats again while being cancelled",
			now: { state: state(2, "CANCELLING"), lastBeat: laterBeat },
			expected: "recovered",
		},
		{
			rule: "is open for a beat received at the same time",
			now: { lastBeat: { ...laterBeat, receivedMs: 40_020 } },
			expected: null,
		},
		...(["COMPLETED", "FAILED", "CRASHED", "CANCELLED"] as const).map((type) => ({
			rule: `is ended by ${type}`,
			now: { state: state(2, type), lastBeat: laterBeat },
			expected: "ended",
		})),
		...(["SCHEDULED", "PENDING", "PAUSED"] as const).map((type) => ({
			rule: `is moved by ${type}`,
			now: { state: state(2, type) },
			expected: "moved",
		})),
		{ rule: "is moved by a new attempt", now: { attempt: 3 }, expected: "moved" },
		{ rule: "is moved by another RUNNING of the same attempt", now: { state: state(2, "RUNNING") }, expected: "moved" },
		{
			rule: "is deleted when the server does not know the run",
			now: { state: null, endedAtMs: 1 },
			expected: "deleted",
		},
		{ rule: "is open while the run's state is not known yet", now: { state: null, endedAtMs: null }, expected: null },
		{ rule: "is open for a run restored without its beats", now: { lastBeat: null }, expected: null },
	])("$rule", ({ now, expected }) => {
		expect(outcomeOf(episode, { ...run, ...now })).toBe(expected);
	});

	it("is recovered by any beat, where the episode knew of none", () => {
		const beatless = openEpisode({ ...found, run: { ...run, lastBeat: null } });
		expect(beatless.evidence.lastBeatReceivedMs).toBeNull();
		expect(outcomeOf(beatless, { ...run, lastBeat: null })).toBeNull();
		expect(outcomeOf(beatless, run)).toBe("recovered");
	});
});

describe("the outcome of another condition", () => {
	const laterBeat = { eventId: uuid(3, 2), occurredMs: 70_000, receivedMs: 40_021 };
	const pending = state(5, "PENDING");
	const slot = { ...state(6, "SCHEDULED"), name: "AwaitingConcurrencySlot" };
	const ended: Run = { ...run, state: state(7, "COMPLETED"), endedAtMs: 10_000 };

	it.each<{ rule: string; condition: Condition; before?: Run; now: Run; expected: string | null }>([
		{
			rule: "deaf is recovered by a beat",
			condition: "deaf",
			now: { ...run, lastBeat: laterBeat },
			expected: "recovered",
		},
		{ rule: "deaf goes on without one", condition: "deaf", now: run, expected: null },
		{ rule: "deaf is ended by the run's end", condition: "deaf", now: ended, expected: "ended" },
		{
			rule: "overrun goes on while it beats",
			condition: "overrun",
			now: { ...run, lastBeat: laterBeat },
			expected: null,
		},
		{ rule: "overrun is ended by the run's end", condition: "overrun", now: ended, expected: "ended" },
		{ rule: "overrun is moved by a wait", condition: "overrun", now: { ...run, state: pending }, expected: "moved" },
		{
			rule: "never_beat is recovered by the first beat",
			condition: "never_beat",
			before: { ...run, lastBeat: null },
			now: run,
			expected: "recovered",
		},
		{
			rule: "stale is recovered by the first beat",
			condition: "stale",
			before: { ...run, lastBeat: null },
			now: run,
			expected: "recovered",
		},
		{
			rule: "stuck_cancelling is no less for a beat",
			condition: "stuck_cancelling",
			before: { ...run, state: state(4, "CANCELLING") },
			now: { ...run, state: state(4, "CANCELLING"), lastBeat: laterBeat },
			expected: null,
		},
		{
			rule: "stuck_pending goes on in a second PENDING",
			condition: "stuck_pending",
			before: { ...run, state: pending },
			now: { ...run, state: { ...pending, id: uuid(2, 8) } },
			expected: null,
		},
		{
			rule: "stuck_pending is moved by PENDING of another name",
			condition: "stuck_pending",
			before: { ...run, state: pending },
			now: { ...run, state: { ...pending, id: uuid(2, 8), name: "Submitting" } },
			expected: "moved",
		},
		{
			rule: "stuck_pending is moved by RUNNING",
			condition: "stuck_pending",
			before: { ...run, state: pending },
			now: run,
			expected: "moved",
		},
		{
			rule: "stuck_pending is ended by the run's end",
			condition: "stuck_pending",
			before: { ...run, state: pending },
			now: ended,
			expected: "ended",
		},
		{
			rule: "stuck_scheduled goes on when AwaitingConcurrencySlot is renewed",
			condition: "stuck_scheduled",
			before: { ...run, state: slot },
			now: { ...run, state: { ...slot, id: uuid(2, 9) } },
			expected: null,
		},
		{ rule: "undead goes on while the run has ended", condition: "undead", before: ended, now: ended, expected: null },
		{
			rule: "undead goes on when another end replaces the first",
			condition: "undead",
			before: ended,
			now: { ...ended, state: state(9, "CRASHED") },
			expected: null,
		},
		{
			rule: "undead is moved when REST says that the run goes on",
			condition: "undead",
			before: ended,
			now: { ...ended, state: state(8, "RUNNING", 20_000) },
			expected: "moved",
		},
		{
			rule: "undead waits for REST when an event alone says so",
			condition: "undead",
			before: ended,
			now: { ...ended, state: { ...state(8, "RUNNING", 20_000), fromRest: false } },
			expected: null,
		},
		{
			rule: "undead is deleted with the run",
			condition: "undead",
			before: ended,
			now: { ...ended, state: null },
			expected: "deleted",
		},
	])("$rule", ({ condition, before = run, now, expected }) => {
		const open = accused(condition, { run: before, state: before.state! });
		expect(outcomeOf(open, now)).toBe(expected);
	});
});

describe("a question to REST", () => {
	it("names what it rests on, and looks for beats from the last known on", () => {
		expect(inquiryOf(run, "due", "zombie")).toEqual({
			runId: run.runId,
			stage: "due",
			condition: "zombie",
			isUnheard: false,
			parentTaskRunId: null,
			basis: { attempt: 2, stateId: run.state!.id, aliveAtMonoMs: 5_000 },
			beatsSinceMs: 40_000,
		});
	});

	it.each<{ rule: string; known: Partial<Run>; expected: number }>([
		{ rule: "takes the last beat where the ring is empty", known: { occurredMs: [] }, expected: 40_000 },
		{
			rule: "goes an hour before the state of a run never heard",
			known: { occurredMs: [], lastBeat: null, state: state(1, "RUNNING", 4_000_000) },
			expected: 400_000,
		},
		{
			rule: "goes an hour before the state where the last beat had no time",
			known: {
				occurredMs: [],
				lastBeat: { ...run.lastBeat!, occurredMs: null },
				state: state(1, "RUNNING", 3_600_001),
			},
			expected: 1,
		},
		{ rule: "begins with time", known: { occurredMs: [], lastBeat: null, state: null }, expected: 0 },
	])("$rule", ({ known, expected }) => {
		expect(inquiryOf({ ...run, ...known }, "identify", null).beatsSinceMs).toBe(expected);
	});

	it("asks for the earlier beats of a run never heard, and for the parent that is not known yet", () => {
		expect(inquiryOf({ ...run, lastBeat: null }, "identify", null)).toMatchObject({ condition: null, isUnheard: true });
		const subflow = { ...run, labels: { ...noLabels, parentTaskRunId: "t" } };
		expect(inquiryOf(subflow, "identify", null).parentTaskRunId).toBe("t");
		const known = { ...run, labels: { ...noLabels, parentTaskRunId: "t", parentRunId: "p" } };
		expect(inquiryOf(known, "identify", null).parentTaskRunId).toBeNull();
	});

	it("counts for nothing once anything that it rested on has changed", () => {
		const { basis } = inquiryOf(run, "due", "zombie");
		expect(restsOn({ ...run, lastBeat: null }, basis)).toBe(true);
		expect(restsOn({ ...run, attempt: 3 }, basis)).toBe(false);
		expect(restsOn({ ...run, state: state(2, "CANCELLING") }, basis)).toBe(false);
		expect(restsOn({ ...run, aliveAtMonoMs: 5_001 }, basis)).toBe(false);
		expect(restsOn({ ...run, state: null }, inquiryOf({ ...run, state: null }, "due", "zombie").basis)).toBe(false);
	});
});
