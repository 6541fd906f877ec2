import { expect, test } from "vitest";
import { isLabelled, noLabels, type RunView } from "../../../src/core/run.ts";
import { Tracker } from "../../../src/core/tracker.ts";
import { beat, merged, runId, running, state, view } from "../../_util/core-views.ts";
import { defaultSettings } from "../../_util/core-world.ts";

const labels = { ...noLabels, clientVersion: "3.8.8" };

test.each<[string, boolean, readonly Partial<RunView>[]]>([
	["no beat", false, [{ state: running, labels }]],
	["a beat that brought no version", false, [{ state: running, beat: beat(1, 10) }]],
	["a beat that brought its version", true, [{ state: running, beat: beat(1, 10), labels }]],
	[
		"a beat of an earlier attempt",
		false,
		[{ state: running, beat: beat(1, 10), labels }, { state: state(3, "RUNNING", 90) }],
	],
])("of a run with %s the next beat need not bring labels: %s", (_what, known, views) => {
	expect(isLabelled(merged(...views))).toBe(known);
});

test("a run that has not been heard of needs its labels, and no more once they have come", () => {
	const at = { monoMs: 0, wallMs: 0 };
	const live = { current: defaultSettings };
	const tracker = new Tracker({ namespace: "n", workspace: "w", live, holdsMassLapses: true, startedAt: at });
	expect(tracker.knowsLabels(runId)).toBe(false);
	tracker.apply({ kind: "event", at, view: view({ beat: beat(1, 10), labels }), receivedMs: null });
	expect(tracker.knowsLabels(runId)).toBe(true);
});
