import { expect, test } from "vitest";
import { isOfEpisode } from "../../../src/core/episode.ts";
import { noteOf } from "../../../src/core/remedy.ts";
import { dies, started } from "../../_util/core-scenario.ts";
import { minute, World } from "../../_util/core-world.ts";
import { entryOf } from "../../_util/remedy-samples.ts";

/** Nineteen that beat, and one whose silence is its own. */
function withDead(): { readonly world: World; readonly deadId: string; readonly livingId: string } {
	const world = new World();
	const living = Array.from({ length: 19 }, (_, n) => started(world, `fleet-${n}`));
	const dead = started(world, "dead");
	dies(world, dead, 10 * minute);
	world.run(13 * minute);
	return { world, deadId: dead.id, livingId: living[0]?.id ?? "" };
}

test("of all runs the flagged ones are found, as many as are asked for", () => {
	const { world, deadId, livingId } = withDead();
	const { inspection } = world.tracker;
	const [one, ...others] = inspection.remedyCases(10);
	expect(others).toEqual([]);
	expect(one).toMatchObject({ episode: { runId: deadId, condition: "zombie" }, isInGroup: false });
	expect(inspection.remedyCaseOf(deadId)).toEqual(one);
	expect(inspection.remedyCaseOf(livingId)).toBeNull();
	expect(inspection.remedyCaseOf("unknown")).toBeNull();
	expect(inspection.runOf(livingId)?.runId).toBe(livingId);
	expect(inspection.runOf("unknown")).toBeNull();
});

test("what was done is carried by the alert that it is about, and by no other", () => {
	const { world, deadId } = withDead();
	const { tracker } = world;
	const alertId = tracker.inspection.remedyCaseOf(deadId)?.episode.alertId ?? "";
	const note = noteOf(entryOf(1));
	tracker.apply({ kind: "remedied", at: world.now, runId: deadId, alertId: "another", note });
	tracker.apply({ kind: "remedied", at: world.now, runId: "unknown", alertId, note });
	expect(tracker.inspection.remedyCaseOf(deadId)?.episode.remedy).toBeUndefined();
	tracker.apply({ kind: "remedied", at: world.now, runId: deadId, alertId, note });
	expect(tracker.inspection.remedyCaseOf(deadId)?.episode.remedy).toEqual(note);
	expect(tracker.drain().transitions.filter(isOfEpisode)).toEqual([]);
});
