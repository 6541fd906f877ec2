import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { mergeView } from "../../../src/core/liveness.ts";
import { type RunRow, runRowOf, viewOfRow } from "../../../src/core/record.ts";
import { newRun, type Run, type RunView, stateTypes } from "../../../src/core/run.ts";
import { ServerClock } from "../../../src/core/server-clock.ts";
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

/** The mapping that `arrival` has. */
const clock = new ServerClock();
clock.observeDate(0, server);

function rowOf(run: Run): RunRow {
	return runRowOf(run, "w", clock, 0);
}

function reloaded(known: Run, row: RunRow): Run {
	return mergeView(known, viewOfRow(row), arrival).run;
}

/** All that is stored of a run's liveness. */
function essence({ state: newest, attempt, endedAtMs, aliveAtMonoMs, lastBeat, occurredMs }: Run) {
	return { id: newest?.id, attempt, endedAtMs, aliveAtMonoMs, lastBeatId: lastBeat?.eventId, occurredMs };
}

const anyView: fc.Arbitrary<RunView> = fc
	.record({
		state: fc.option(
			fc.nat(11).map((number) => state(number, stateTypes[number % stateTypes.length]!, 30 * Math.floor(number / 3))),
		),
		beat: fc.option(fc.nat(30).map((number) => beat(number, 10 * number + (number % 4), 10 * number))),
		attempt: fc.option(fc.nat(3)),
	})
	.map((told) => view(told));
const anyRun = fc.array(anyView, { maxLength: 25 }).map((views) => merged(...views));
/** Two that have seen other beats of one attempt. */
const anyTwoOfOneAttempt = fc
	.tuple(fc.array(fc.nat(30), { maxLength: 25 }), fc.array(fc.nat(30), { maxLength: 25 }))
	.map((twice) =>
		twice.map((numbers) =>
			merged(
				{ state: running, attempt: 1 },
				...numbers.map((number) => ({ beat: beat(number, 10 * number, 10 * number) })),
			),
		),
	);

describe("a stored run that is merged into what is known", () => {
	it("is itself again, where nothing was known", () => {
		fc.assert(
			fc.property(anyRun, (run) => {
				expect(essence(reloaded(newRun(runId), rowOf(run)))).toEqual(essence(run));
			}),
		);
	});

	it("changes nothing in the run that was stored, however often", () => {
		fc.assert(
			fc.property(anyRun, (run) => {
				expect(reloaded(run, rowOf(run))).toEqual(run);
			}),
		);
	});

	it("ends in the same run as the other way about", () => {
		fc.assert(
			fc.property(anyRun, anyRun, (one, other) => {
				const { occurredMs: _ring, ...first } = essence(reloaded(one, rowOf(other)));
				const { occurredMs: _other, ...second_ } = essence(reloaded(other, rowOf(one)));
				expect(second_).toEqual(first);
			}),
		);
		fc.assert(
			fc.property(anyTwoOfOneAttempt, ([one, other]) => {
				expect(essence(reloaded(other!, rowOf(one!)))).toEqual(essence(reloaded(one!, rowOf(other!))));
			}),
		);
	});

	it("never moves proof of life, attempt or end back, on either side", () => {
		fc.assert(
			fc.property(anyRun, anyRun, (known, stored) => {
				const run = reloaded(known, rowOf(stored));
				const lowest = Number.NEGATIVE_INFINITY;
				for (const before of [known, stored]) {
					expect(run.aliveAtMonoMs ?? lowest).toBeGreaterThanOrEqual(before.aliveAtMonoMs ?? lowest);
					expect(run.lastBeat?.receivedMs ?? lowest).toBeGreaterThanOrEqual(before.lastBeat?.receivedMs ?? lowest);
					expect(run.endedAtMs ?? lowest).toBeGreaterThanOrEqual(before.endedAtMs ?? lowest);
					expect(run.attempt).toBeGreaterThanOrEqual(before.attempt);
				}
			}),
		);
	});

	it("brings its proof of life, though no beat or state tells of it", () => {
		const run = merged({ state: running, attempt: 1 }, { beat: beat(1, 30) });
		// Its group was left.
		const row = { ...rowOf(run), aliveAtServerMs: server + 300 * second };
		expect(reloaded(newRun(runId), row).aliveAtMonoMs).toBe(300 * second);
		expect(reloaded(newRun(runId), { ...row, aliveAtServerMs: null }).aliveAtMonoMs).toBe(30 * second);
		// Never later than now.
		expect(reloaded(newRun(runId), { ...row, aliveAtServerMs: server + 5_000 * second }).aliveAtMonoMs).toBe(
			arrival.monoMs,
		);
	});

	it("brings the end of a run that the server does not know any more", () => {
		const gone = { ...merged({ state: running, attempt: 1 }), state: null, endedAtMs: server + 500 * second };
		const known = merged({ beat: beat(1, 510) });
		expect(reloaded(known, rowOf(gone))).toMatchObject({ attempt: 1, state: null, endedAtMs: server + 500 * second });
	});
});

describe("the ring of a stored run", () => {
	const beaten = [0, 30, 60].map((seconds, index) => ({ beat: beat(index, seconds) }));
	const stored = rowOf(merged({ state: running, attempt: 1 }, ...beaten));

	it("goes beside the beats heard since", () => {
		const known = merged({ state: running, attempt: 1 }, { beat: beat(9, 90) });
		expect(reloaded(known, stored).occurredMs).toEqual([0, 30, 60, 90].map((seconds) => server + seconds * second));
	});

	it("goes beside them too when the run has ended since", () => {
		const known = merged({ state: completed, attempt: 1 });
		expect(reloaded(known, stored).occurredMs).toHaveLength(3);
	});

	it("is left out when a later attempt has begun, or the run was resumed", () => {
		const retried = merged({ state: state(9, "RUNNING", 200), attempt: 2 }, { beat: beat(9, 200) });
		expect(reloaded(retried, stored).occurredMs).toEqual([server + 200 * second]);
		const resumed = merged({ state: state(9, "RUNNING", 200), attempt: 1 }, { beat: beat(9, 200) });
		expect(reloaded(resumed, stored).occurredMs).toEqual([server + 200 * second]);
	});

	it("takes the place of an earlier attempt's", () => {
		const known = merged({ state: state(9, "RUNNING", -200), attempt: 0 }, { beat: beat(9, -200) });
		expect(reloaded(known, stored).occurredMs).toHaveLength(3);
	});
});
