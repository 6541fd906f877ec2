import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { mergeView } from "../../../src/core/liveness.ts";
import { type BeatView, isArmed, isReopenedUnchecked, newRun, type Run, stateTypes } from "../../../src/core/run.ts";
import { uuid } from "../../_util/core-server.ts";
import {
	arrival,
	beat,
	completed,
	merged,
	runId,
	running,
	second,
	server,
	state,
	view,
} from "../../_util/core-views.ts";

/** What the laws are about. */
function essence({ state: newest, attempt, endedAtMs, aliveAtMonoMs, lastBeat, beatAtMonoMs, transitMsMin }: Run) {
	const beats = { lastBeatId: lastBeat?.eventId, beatAtMonoMs, transitMsMin };
	return { id: newest?.id, fromRest: newest?.fromRest, attempt, endedAtMs, aliveAtMonoMs, ...beats };
}

const anyState = fc
	.record({ number: fc.nat(11), fromRest: fc.boolean() })
	// A state's id settles its type and time, as on the server; several share an instant.
	.map(({ number, fromRest }) =>
		state(number, stateTypes[number % stateTypes.length]!, 30 * Math.floor(number / 3), fromRest),
	);
// So does a beat's id settle what it says: some have no sound `occurred`, some no sound `received`.
const anyBeat = fc.nat(30).map((number): BeatView => {
	const told = beat(number, 10 * number + (number % 4), number % 7 === 0 ? null : 10 * number);
	return number % 11 === 0 ? { ...told, receivedMs: null } : told;
});
const anyView = fc
	.record({
		state: fc.option(anyState),
		beat: fc.option(anyBeat),
		attempt: fc.option(fc.nat(3)),
	})
	.map((told) => view(told));
const anyViews = fc.array(anyView, { maxLength: 25 });

describe("merging views", () => {
	it("ends in the same state, attempt, end and proof of life, whatever the order", () => {
		const shuffled = anyViews.chain((views) =>
			fc.tuple(fc.constant(views), fc.shuffledSubarray(views, { minLength: views.length })),
		);
		fc.assert(
			fc.property(shuffled, ([views, others]) => {
				expect(essence(merged(...others))).toEqual(essence(merged(...views)));
			}),
			{ numRuns: 1_000 },
		);
	});

	it("is idempotent: a view told again changes nothing", () => {
		fc.assert(
			fc.property(anyViews, (views) => {
				expect(essence(merged(...views, ...views))).toEqual(essence(merged(...views)));
			}),
		);
		fc.assert(
			fc.property(anyViews, anyView, (views, last) => {
				const once = mergeView(merged(...views), last, arrival).run;
				const again = mergeView(once, last, arrival);
				expect(again).toMatchObject({ newState: false, newBeat: false, changed: false, lateBeat: false });
				expect(again.run).toEqual(once);
			}),
		);
	});

	it("never moves the proof of life, the attempt or the end back", () => {
		fc.assert(
			fc.property(anyViews, anyView, (views, last) => {
				const before = merged(...views);
				const after = mergeView(before, last, arrival).run;
				const lowest = Number.NEGATIVE_INFINITY;
				expect(after.aliveAtMonoMs ?? lowest).toBeGreaterThanOrEqual(before.aliveAtMonoMs ?? lowest);
				expect(after.endedAtMs ?? lowest).toBeGreaterThanOrEqual(before.endedAtMs ?? lowest);
				expect(after.attempt).toBeGreaterThanOrEqual(before.attempt);
			}),
		);
	});

	it("leaves an ended run ended for good, unless REST shows a later state", () => {
		fc.assert(
			fc.property(anyViews, (views) => {
				const run = merged(...views);
				if (run.endedAtMs === null || run.state === null || run.state.timestampMs <= run.endedAtMs) return;
				expect(isReopenedUnchecked(run)).toBe(!run.state.fromRest);
				if (!run.state.fromRest) expect(isArmed(run)).toBe(false);
			}),
		);
	});
});

describe("the state", () => {
	it("is the newest by its timestamp, whatever came last", () => {
		expect(merged({ state: running }, { state: completed }).state).toBe(completed);
		expect(merged({ state: completed }, { state: running }).state).toBe(completed);
	});

	it("of two of one instant is REST's", () => {
		for (const number of [0, 3]) {
			const rest = state(number, "FAILED", 100, true);
			expect(merged({ state: completed }, { state: rest }).state).toBe(rest);
			expect(merged({ state: rest }, { state: completed }).state).toBe(rest);
		}
	});

	it("of two of one instant, both from REST or neither, is the one with the greater id", () => {
		const other = state(3, "FAILED", 100);
		expect(merged({ state: completed }, { state: other }).state).toBe(other);
		expect(merged({ state: other }, { state: completed }).state).toBe(other);
	});

	it("that REST confirms is known to be confirmed, and stays so", () => {
		const confirmed = { ...completed, fromRest: true };
		expect(merged({ state: completed }, { state: confirmed }).state).toEqual(confirmed);
		expect(merged({ state: confirmed }, { state: completed }).state).toBe(confirmed);
		const merge = mergeView(merged({ state: completed }), view({ state: confirmed }), arrival);
		expect(merge).toMatchObject({ newState: false, changed: true });
	});

	it("that replaces a terminal one is noted when it is terminal too", () => {
		const crashed = state(4, "CRASHED", 200);
		expect(mergeView(merged({ state: completed }), view({ state: crashed }), arrival).terminalOverwritten).toBe(true);
		expect(mergeView(merged({ state: crashed }), view({ state: completed }), arrival).terminalOverwritten).toBe(false);
		expect(mergeView(merged({ state: running }), view({ state: crashed }), arrival).terminalOverwritten).toBe(false);
		const reopened = state(5, "RUNNING", 300);
		expect(mergeView(merged({ state: completed }), view({ state: reopened }), arrival).terminalOverwritten).toBe(false);
	});

	it("is worth storing when it, the attempt or the end has changed", () => {
		const run = merged({ state: running, attempt: 1, beat: beat(1, 0) });
		expect(mergeView(run, view({ beat: beat(2, 30) }), arrival)).toMatchObject({ changed: false, newBeat: true });
		expect(mergeView(run, view({ attempt: 2 }), arrival).changed).toBe(true);
		expect(mergeView(run, view({ state: state(6, "FAILED", -10) }), arrival).changed).toBe(true);
		expect(mergeView(run, view({ state: completed }), arrival).changed).toBe(true);
	});
});

describe("the proof of life", () => {
	it("is the server's instant on our clock, never later than its arrival", () => {
		expect(merged({ beat: beat(1, 30) }).aliveAtMonoMs).toBe(30 * second);
		expect(merged({ beat: beat(1, 5_000) }).aliveAtMonoMs).toBe(1_000_000);
	});

	it("is the arrival while the server's clock is unknown", () => {
		const unmapped = { monoMs: 77, toMonoMs: () => null };
		expect(mergeView(newRun(runId), view({ beat: beat(1, 30) }), unmapped).run.aliveAtMonoMs).toBe(77);
	});

	it("is entering RUNNING as well, and no other state", () => {
		for (const type of stateTypes) {
			expect(merged({ state: state(1, type, 50) }).aliveAtMonoMs).toBe(type === "RUNNING" ? 50 * second : null);
		}
	});

	it("is a beat whose `occurred` makes no sense, which never enters the cadence (T9)", () => {
		const run = merged({ state: running }, { beat: beat(1, 30, null) });
		expect(run.aliveAtMonoMs).toBe(30 * second);
		expect(run.occurredMs).toEqual([]);
		expect(isArmed(run)).toBe(true);
	});

	it("is not a beat without a sound `received`", () => {
		const run = merged({ beat: { ...beat(1, 30), receivedMs: null } });
		expect(run).toMatchObject({ aliveAtMonoMs: null, lastBeat: null, occurredMs: [] });
	});

	it("of a beat is computed once, though the mapping of clocks wavers", () => {
		const run = merged({ beat: beat(1, 30) });
		const later = { monoMs: 1_000_000, toMonoMs: (serverMs: number) => serverMs };
		expect(mergeView(run, view({ beat: beat(1, 30) }), later).run.aliveAtMonoMs).toBe(30 * second);
	});
});

describe("the last beat", () => {
	it("is the one received last; of two received at once, either order names the same", () => {
		expect(merged({ beat: beat(1, 60) }, { beat: beat(2, 30) }).lastBeat?.eventId).toBe(uuid(3, 1));
		expect(merged({ beat: beat(1, 60) }, { beat: beat(2, 60) }).lastBeat?.eventId).toBe(uuid(3, 2));
		expect(merged({ beat: beat(2, 60) }, { beat: beat(1, 60) }).lastBeat?.eventId).toBe(uuid(3, 2));
	});

	it("is late when the server received it after the run's end, and is news", () => {
		const ended = merged({ state: running }, { beat: beat(1, 30) }, { state: completed });
		expect(mergeView(ended, view({ beat: beat(2, 100) }), arrival).lateBeat).toBe(false);
		expect(mergeView(ended, view({ beat: beat(2, 101) }), arrival).lateBeat).toBe(true);
		expect(mergeView(ended, view({ beat: beat(1, 30) }), arrival).lateBeat).toBe(false);
		const late = mergeView(ended, view({ beat: beat(2, 101) }), arrival).run;
		expect(late.state).toBe(completed);
		expect(mergeView(late, view({ beat: beat(2, 101) }), arrival).lateBeat).toBe(false);
		expect(mergeView(merged({ state: running }), view({ beat: beat(2, 101) }), arrival).lateBeat).toBe(false);
		expect(mergeView(merged({}), view({ beat: beat(2, 101) }), arrival).lateBeat).toBe(false);
	});
});

describe("a run that beats on after the server's clock was set back", () => {
	const before = { ...newRun(runId), lastBeat: beat(1, 30), beatAtMonoMs: 30_000, aliveAtMonoMs: 30_000 };
	/** By half an hour, which the mapping of the clocks knows of. */
	const setBackMs = 1_800_000;
	function heard(told: BeatView, atMs: number, known: Run = before): Run {
		const since = { monoMs: atMs, toMonoMs: (serverMs: number) => serverMs - server + setBackMs };
		return mergeView(known, view({ beat: told }), since).run;
	}

	it("has a later beat, although it seems to have been received before", () => {
		const after = heard(beat(2, 60 - 1_800, 60), 60_000);
		expect(after.lastBeat?.eventId).toBe(uuid(3, 2));
		expect(after).toMatchObject({ beatAtMonoMs: 60_000, aliveAtMonoMs: 60_000 });
	});

	it("has none when an earlier one is read again, or one that came at the same time", () => {
		expect(heard(beat(2, 10, 10), 60_000).lastBeat?.eventId).toBe(uuid(3, 1));
		expect(heard(beat(2, 35 - 1_800, 60), 35_000).lastBeat?.eventId).toBe(uuid(3, 1));
		expect(heard(beat(2, 36 - 1_800, 60), 36_000).lastBeat?.eventId).toBe(uuid(3, 2));
		expect(heard(beat(2, 60 - 1_800, null), 60_000).lastBeat?.eventId).toBe(uuid(3, 1));
	});

	it("has none while it is not known when the last one occurred, or came", () => {
		const later = beat(2, 60 - 1_800, 60);
		expect(heard(later, 60_000, { ...before, lastBeat: beat(1, 30, null) }).lastBeat?.eventId).toBe(uuid(3, 1));
		expect(heard(later, 60_000, { ...before, beatAtMonoMs: null }).lastBeat?.eventId).toBe(uuid(3, 1));
	});
});

describe("a run that ended after the server's clock was set back", () => {
	// Beats of 110 s and 140 s by the worker; then the clock is set back, so that the end comes at 100 s.
	const ended = [{ state: running }, { beat: beat(1, 110) }, { beat: beat(2, 140) }, { state: completed }] as const;

	it("has no beats after its end, when those of its lifetime are read again", () => {
		expect(merged(...ended, { beat: beat(1, 110) }, { beat: beat(2, 140) }).afterEnd).toBeNull();
	});

	it("has one when it beats on", () => {
		expect(merged(...ended, { beat: beat(3, 170) }).afterEnd?.beats).toBe(1);
	});
});
