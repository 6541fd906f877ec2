import { describe, expect, test } from "vitest";
import { noLabels, type RunView, type StateType } from "../../../src/core/run.ts";
import { Outcomes } from "../../../src/replay/outcomes.ts";
import { scoreOf } from "../../../src/replay/score.ts";

const runId = "a0000000-0000-4000-8000-000000000001";
const second = 1_000;

type Step =
	| { readonly at: number; readonly beat: true; readonly runId?: string }
	| { readonly at: number; readonly state: StateType; readonly attempt?: number };

function viewOf(step: Step): RunView {
	const base = { labels: noLabels, runId: "runId" in step ? (step.runId ?? runId) : runId };
	if ("beat" in step) {
		const beat = { eventId: `${step.at}`, occurredMs: step.at * second, receivedMs: step.at * second };
		return { ...base, attempt: null, state: null, beat };
	}
	const timestampMs = step.at * second;
	const state = { id: `s${step.at}`, type: step.state, name: step.state, timestampMs };
	return {
		...base,
		attempt: step.attempt ?? 1,
		state: { ...state, scheduledTimeMs: null, fromRest: false },
		beat: null,
	};
}

/** Seconds. */
function told(steps: readonly Step[], until: number): Outcomes {
	const outcomes = new Outcomes(600 * second);
	for (const step of steps) outcomes.event(step.at * second, viewOf(step));
	outcomes.until(until * second);
	return outcomes;
}

const beats = (from: number, to: number): readonly Step[] =>
	Array.from({ length: (to - from) / 30 + 1 }, (_, n) => ({ at: from + n * 30, beat: true as const }));
const start: Step = { at: 0, state: "RUNNING" };
/** Beats until 120; a cadence of 30 s, so that a death is a silence of 120 s. */
const silentFrom120 = [start, ...beats(0, 120)];

describe("whether it was right to call a run dead at second 225", () => {
	test.each<[string, readonly Step[], number, string]>([
		["wrong: it beats afterwards", [...silentFrom120, { at: 226, beat: true }], 999, "wrong"],
		["wrong: it completes afterwards", [...silentFrom120, { at: 226, state: "COMPLETED" }], 999, "wrong"],
		["wrong: it fails afterwards", [...silentFrom120, { at: 226, state: "FAILED" }], 999, "wrong"],
		["wrong: it had completed before", [...silentFrom120, { at: 130, state: "COMPLETED" }], 999, "wrong"],
		["wrong: the server knew of its crash", [...silentFrom120, { at: 130, state: "CRASHED" }], 999, "wrong"],
		["wrong: it waits for a retry", [...silentFrom120, { at: 130, state: "SCHEDULED" }], 999, "wrong"],
		["right: nothing comes for four cadences", silentFrom120, 240, "right"],
		["unknown: the story ends a second before that", silentFrom120, 239, "unknown"],
		["right: somebody calls it crashed at last", [...silentFrom120, { at: 300, state: "CRASHED" }], 999, "right"],
		[
			"right: beats of its next attempt are no life of this one",
			[...silentFrom120, { at: 400, state: "RUNNING", attempt: 2 }, { at: 400, beat: true }],
			999,
			"right",
		],
		["unknown: a run that nothing was heard of", [], 999, "unknown"],
	])("%s", (_what, steps, until, truth) => {
		expect(told(steps, until).truthAt(runId, 225 * second)).toBe(truth);
	});
});

describe("a death", () => {
	test.each<[string, readonly Step[], number, number]>([
		["is a silence of four cadences until the end", silentFrom120, 240, 1],
		["is none while it is shorter", silentFrom120, 239, 0],
		["is none where the server ended the run sooner", [...silentFrom120, { at: 239, state: "CRASHED" }], 999, 0],
		["is one where the server ended it later", [...silentFrom120, { at: 240, state: "CANCELLED" }], 999, 1],
		["is none of a run that completed after a stall", [...silentFrom120, { at: 900, state: "COMPLETED" }], 999, 0],
		["is none of a run that was paused", [...silentFrom120, { at: 130, state: "PAUSED" }], 999, 0],
		[
			"is none of a run that ended before its last beat",
			[start, ...beats(0, 90), { at: 110, state: "CRASHED" }, { at: 120, beat: true }],
			999,
			0,
		],
		["of a lone beat takes four of the slowest cadences", [start, { at: 0, beat: true }], 2400, 1],
		["of a lone beat is none before", [start, { at: 0, beat: true }], 2399, 0],
		["needs a beat", [start], 9999, 0],
		[
			"is counted in each attempt",
			[...silentFrom120, { at: 400, state: "RUNNING", attempt: 2 }, { at: 400, beat: true }, { at: 430, beat: true }],
			999,
			2,
		],
	])("%s", (_what, steps, until, deaths) => {
		expect(told(steps, until).deaths).toHaveLength(deaths);
	});
});

describe("a score", () => {
	const other = "a0000000-0000-4000-8000-000000000002";
	const outcomes = told(
		[...silentFrom120, { at: 0, beat: true, runId: other }, { at: 960, beat: true, runId: other }],
		999,
	);
	const everybody = () => true;

	test("counts right, wrong and unknown alerts, and the deaths, each found once, by its first alert", () => {
		const alerts = [
			{ runId, atMs: 225 * second },
			{ runId, atMs: 300 * second },
			{ runId: other, atMs: 500 * second },
			{ runId: other, atMs: 990 * second },
		];
		expect(scoreOf(alerts, outcomes, everybody)).toEqual({
			alerts: 4,
			falseAlerts: 1,
			unknown: 1,
			deaths: 1,
			deathsFound: 1,
			medianLatencyMs: 105 * second,
		});
	});

	test("without alerts the death is missed", () => {
		expect(scoreOf([], outcomes, everybody)).toMatchObject({ deaths: 1, deathsFound: 0, medianLatencyMs: null });
	});

	test("counts the runs that belong, and no others", () => {
		const alerts = [{ runId: other, atMs: 500 * second }];
		expect(scoreOf(alerts, outcomes, (id) => id === runId)).toMatchObject({ alerts: 0, falseAlerts: 0, deaths: 1 });
		expect(scoreOf(alerts, outcomes, (id) => id === other)).toMatchObject({ alerts: 1, falseAlerts: 1, deaths: 0 });
	});
});
