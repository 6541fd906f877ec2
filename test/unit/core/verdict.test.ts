import { describe, expect, it } from "vitest";
import { type Condition, conditions, severityOf, transitionOf } from "../../../src/core/episode.ts";
import { inquiryOf, restsOn } from "../../../src/core/inquiry.ts";
import { noLabels, type Run } from "../../../src/core/run.ts";
import { openEpisode, type Verdict } from "../../../src/core/verdict.ts";
import { uuid } from "../../_util/core-server.ts";
import { accused, claim, episode, found, run, state } from "../../_util/core-verdict.ts";

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
			likelyCause: null,
			impact: null,
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
