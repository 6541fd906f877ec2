import { describe, expect, it } from "vitest";
import { isNews, mergeView } from "../../../src/core/liveness.ts";
import { isListedLive, newRun, noLabels, stateTypes } from "../../../src/core/run.ts";
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

describe("the ring", () => {
	const beaten = merged(
		{ state: running, attempt: 1 },
		...[0, 30, 60, 90].map((seconds, index) => ({ beat: beat(index, seconds) })),
	);

	it("gathers the beats of an attempt", () => {
		expect(beaten.occurredMs).toEqual([0, 30, 60, 90].map((seconds) => server + seconds * second));
	});

	it("is empty at a new attempt", () => {
		expect(merged({ state: state(9, "RUNNING", 200), attempt: 2 }).occurredMs).toEqual([]);
		expect(mergeView(beaten, view({ state: state(9, "RUNNING", 200), attempt: 2 }), arrival).run.occurredMs).toEqual(
			[],
		);
	});

	it("is empty at a newer RUNNING of the same attempt: it was resumed", () => {
		const resumed = mergeView(beaten, view({ state: state(9, "RUNNING", 200), attempt: 1 }), arrival).run;
		expect(resumed).toMatchObject({ attempt: 1, occurredMs: [] });
	});

	it("is kept through other states, and when RUNNING comes after a beat that was heard first", () => {
		const cancelling = mergeView(beaten, view({ state: state(9, "CANCELLING", 200) }), arrival).run;
		expect(cancelling.occurredMs).toBe(beaten.occurredMs);
		const first = merged({ beat: beat(1, 5) }, { beat: beat(2, 35) }, { state: running });
		expect(first.occurredMs).toHaveLength(2);
	});

	it("keeps a first beat that overtook its RUNNING, and no beat of the attempt before", () => {
		const overtaken = merged({ state: running, attempt: 1 }, { beat: beat(7, 200) });
		const again = { state: state(9, "RUNNING", 200), attempt: 2 };
		expect(mergeView(overtaken, view(again), arrival).run.occurredMs).toEqual([server + 200 * second]);
		const earlier = { state: state(9, "RUNNING", 201), attempt: 2 };
		expect(mergeView(overtaken, view(earlier), arrival).run.occurredMs).toEqual([]);
	});

	it("is empty at a new attempt whose state is not known, or after a beat without a time", () => {
		expect(merged({ beat: beat(1, 30) }, { attempt: 2 }).occurredMs).toEqual([]);
		expect(merged({ state: running, attempt: 1 }, { beat: beat(1, 30, null) }, { attempt: 2 }).occurredMs).toEqual([]);
	});

	it("takes no beat that was received before the present RUNNING", () => {
		const again = mergeView(beaten, view({ state: state(9, "RUNNING", 200), attempt: 2 }), arrival).run;
		expect(mergeView(again, view({ beat: beat(8, 199) }), arrival).run.occurredMs).toEqual([]);
		expect(mergeView(again, view({ beat: beat(8, 200) }), arrival).run.occurredMs).toHaveLength(1);
	});
});

describe("labels", () => {
	it("are those of the latest view that has them", () => {
		const labels = {
			name: "n",
			flowId: "f",
			flowName: "fn",
			deploymentId: "d",
			deploymentName: "dn",
			workPool: "p",
			clientVersion: "3",
			parentTaskRunId: "t",
			parentRunId: "r",
			tags: ["a"],
		};
		expect(merged({ labels }, {}).labels).toEqual(labels);
		const renamed = merged({ labels }, { labels: { ...noLabels, name: "m", tags: ["b"] } }).labels;
		expect(renamed).toEqual({ ...labels, name: "m", tags: ["b"] });
	});
});

describe("news", () => {
	const run = merged({ state: running }, { beat: beat(1, 30) });

	it.each([
		{ rule: "is a beat received later", told: { beat: beat(2, 31) }, expected: true },
		{ rule: "is not a beat received at the same time", told: { beat: beat(2, 30) }, expected: false },
		{ rule: "is not the same beat", told: { beat: beat(1, 30) }, expected: false },
		{
			rule: "is a beat that occurred later, though received earlier",
			told: { beat: beat(2, -10, 31) },
			expected: true,
		},
		{ rule: "is not a beat that occurred and was received earlier", told: { beat: beat(2, 29) }, expected: false },
		{ rule: "is not a beat without times", told: { beat: { ...beat(2, 0, null), receivedMs: null } }, expected: false },
		{
			rule: "is not a beat without an `occurred` that was received earlier",
			told: { beat: beat(2, 29, null) },
			expected: false,
		},
		{ rule: "is a later state", told: { state: completed }, expected: true },
		{ rule: "is not the same state", told: { state: running }, expected: false },
		{ rule: "is not a view without either", told: {}, expected: false },
	])("$rule", ({ told, expected }) => {
		expect(isNews(run, view(told))).toBe(expected);
	});

	it("is no earlier beat, where none had an `occurred`", () => {
		const timeless = merged({ state: running }, { beat: beat(1, 30, null) });
		expect(isNews(timeless, view({ beat: beat(2, 29) }))).toBe(false);
		expect(isNews(timeless, view({ beat: beat(2, 31) }))).toBe(true);
	});

	it("is anything, where nothing is known", () => {
		expect(isNews(newRun(runId), view({ beat: beat(1, 0) }))).toBe(true);
		expect(isNews(newRun(runId), view({ state: running }))).toBe(true);
	});
});

describe("what REST lists as live", () => {
	it.each(stateTypes)("as to a run that is %s", (type) => {
		const ended = ["COMPLETED", "FAILED", "CRASHED", "CANCELLED"].includes(type);
		expect(isListedLive(merged({ state: state(1, type, 0) }))).toBe(!ended && type !== "SCHEDULED");
		const waiting = { ...state(1, type, 0), name: "AwaitingRetry" };
		expect(isListedLive(merged({ state: waiting }))).toBe(!ended);
	});

	it("is not a run of which only beats are known", () => {
		expect(isListedLive(merged({ beat: beat(1, 0) }))).toBe(false);
	});
});
