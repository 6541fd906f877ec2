import { describe, expect, it } from "vitest";
import type { Condition } from "../../../src/core/episode.ts";
import type { Run } from "../../../src/core/run.ts";
import { openEpisode, outcomeOf } from "../../../src/core/verdict.ts";
import { uuid } from "../../_util/core-server.ts";
import { accused, episode, found, run, state } from "../../_util/core-verdict.ts";

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
		{
			rule: "is recovered by a later beat that seems earlier, since the server's clock was set back",
			now: { lastBeat: { ...laterBeat, receivedMs: 20_000 } },
			expected: "recovered",
		},
		{
			rule: "is open for a beat that seems earlier, and does not say when it occurred",
			now: { lastBeat: { ...laterBeat, occurredMs: null, receivedMs: 20_000 } },
			expected: null,
		},
		{
			rule: "is open for an earlier beat: what was stored lacks the last one",
			now: { lastBeat: { ...laterBeat, occurredMs: 10_000, receivedMs: 20_000 } },
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

	it("is open for a beat that seems earlier, where the episode does not know when its own occurred", () => {
		const timeless = { ...episode, evidence: { ...episode.evidence, lastBeatOccurredMs: null } };
		expect(outcomeOf(timeless, { ...run, lastBeat: { ...laterBeat, receivedMs: 20_000 } })).toBeNull();
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
