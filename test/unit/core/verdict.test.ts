import { describe, expect, it } from "vitest";
import { transitionOf } from "../../../src/core/episode.ts";
import { inquiryOf, restsOn } from "../../../src/core/inquiry.ts";
import { newRun, type Run, type StateType, type StateView } from "../../../src/core/run.ts";
import { openZombie, outcomeOf, type ZombieCase } from "../../../src/core/verdict.ts";
import { uuid } from "../../_util/core-server.ts";

function state(number: number, type: StateType, timestampMs = 10_000): StateView {
	return { id: uuid(2, number), type, name: type, timestampMs, fromRest: true };
}

const run: Run = {
	...newRun(uuid(1, 1)),
	attempt: 2,
	state: state(1, "RUNNING"),
	aliveAtMonoMs: 5_000,
	lastBeat: { eventId: uuid(3, 1), occurredMs: 40_000, receivedMs: 40_020 },
	occurredMs: [10_000, 40_000],
};

const found: ZombieCase = {
	namespace: "n",
	workspace: "w",
	run,
	state: run.state!,
	cadence: { tauMs: 30_000, source: "learned" },
	deadline: { suspectAfterMs: 75_000, dueAfterMs: 105_000 },
	silence: { totalMs: 126_000.4, blindMs: 20_000, countedMs: 106_000.4 },
	newestStoredBeatMs: 40_020,
	at: { monoMs: 131_000, wallMs: 1_800_000_000_000 },
};
const episode = openZombie(found);

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
		});
	});

	it("says so where the cadence is unknown", () => {
		const unknown = openZombie({ ...found, cadence: { tauMs: null, source: "unknown" } });
		expect(unknown.evidence.cadenceSeconds).toBeNull();
		expect(unknown.reason).toContain("cadence unknown");
	});

	it("has the same id for the same silence, whenever and with whatever numbers it is found", () => {
		const later = openZombie({
			...found,
			at: { monoMs: 9, wallMs: 9 },
			deadline: { suspectAfterMs: 1, dueAfterMs: 1 },
		});
		expect(later.alertId).toBe(episode.alertId);
		expect(episode.alertId).toMatch(/^[0-9a-f]{32}$/u);
	});

	it.each<{ what: string; other: Partial<ZombieCase> }>([
		{ what: "namespace", other: { namespace: "m" } },
		{ what: "workspace", other: { workspace: "v" } },
		{ what: "run", other: { run: { ...run, runId: uuid(1, 2) } } },
		{ what: "attempt", other: { run: { ...run, attempt: 3 } } },
		{ what: "last beat", other: { run: { ...run, lastBeat: { ...run.lastBeat!, eventId: uuid(3, 2) } } } },
	])("has another id for another $what", ({ other }) => {
		expect(openZombie({ ...found, ...other }).alertId).not.toBe(episode.alertId);
	});

	it("is told of under one key when it opens, and another when it closes", () => {
		const closed = { ...episode, closed: { outcome: "ended", atMs: 1 } } as const;
		expect(transitionOf(episode)).toEqual({ key: `${episode.alertId}:raised`, kind: "raised", episode });
		expect(transitionOf(closed)).toEqual({ key: `${episode.alertId}:resolved`, kind: "resolved", episode: closed });
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
		const beatless = openZombie({ ...found, run: { ...run, lastBeat: null } });
		expect(beatless.evidence.lastBeatReceivedMs).toBeNull();
		expect(outcomeOf(beatless, { ...run, lastBeat: null })).toBeNull();
		expect(outcomeOf(beatless, run)).toBe("recovered");
	});
});

describe("a question to REST", () => {
	it("names what it rests on, and looks for beats from the last known on", () => {
		expect(inquiryOf(run, "due")).toEqual({
			runId: run.runId,
			stage: "due",
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
		expect(inquiryOf({ ...run, ...known }, "identify").beatsSinceMs).toBe(expected);
	});

	it("counts for nothing once anything that it rested on has changed", () => {
		const { basis } = inquiryOf(run, "due");
		expect(restsOn({ ...run, lastBeat: null }, basis)).toBe(true);
		expect(restsOn({ ...run, attempt: 3 }, basis)).toBe(false);
		expect(restsOn({ ...run, state: state(2, "CANCELLING") }, basis)).toBe(false);
		expect(restsOn({ ...run, aliveAtMonoMs: 5_001 }, basis)).toBe(false);
		expect(restsOn({ ...run, state: null }, inquiryOf({ ...run, state: null }, "due").basis)).toBe(false);
	});
});
