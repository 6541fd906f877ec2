import { describe, expect, it } from "vitest";
import { raisedOf, started } from "../../_util/core-scenario.ts";
import { hour, minute, second, World } from "../../_util/core-world.ts";

/** The stream brings nothing that occurred more than 15 minutes before it began. */
function worldWithReach(): World {
	const world = new World();
	world.transit = ({ view: { beat }, receivedMs }) =>
		beat?.occurredMs != null && receivedMs !== null && receivedMs - beat.occurredMs > 15 * minute ? [] : [20];
	return world;
}

describe("a run whose worker's clock is so slow that the stream brings none of its beats", () => {
	// Of a clock that is little slower the first question finds one beat, and the next come when its deadline nears.
	it.each([
		{ skewMs: -16 * minute, withinMs: 25 * minute },
		{ skewMs: -24 * hour, withinMs: 5 * minute },
	])("by $skewMs ms, is found over REST and told when it dies", ({ skewMs, withinMs }) => {
		const world = worldWithReach();
		const run = started(world, "r", { cadenceMs: minute, skewMs });
		started(world, "other");
		const killedMs = 30 * minute;
		world.at(killedMs, () => world.server.kill(run));
		world.run(killedMs - second);
		expect(world.tracker.census.unmonitored).toBe(0);
		expect(world.story).toEqual([]);
		world.run(hour);
		expect(world.story).toEqual(["r raised"]);
		expect(raisedOf(world, "r")[0]!.atMs).toBeLessThan(killedMs + withinMs);
	});

	it("is never told while it lives", () => {
		const world = worldWithReach();
		started(world, "r", { cadenceMs: minute, skewMs: -24 * hour });
		started(world, "other");
		world.run(6 * hour);
		expect(world.story).toEqual([]);
		expect(world.count("stored_beat_not_heard")).toBe(0);
	});
});

describe("a run that has not been heard", () => {
	it("is asked about once, when every cadence is over, and again in its next state", () => {
		const world = new World();
		const run = started(world, "r", { beats: false });
		const sinceMs = world.nowMs;
		world.run(sinceMs + 10 * minute - 5 * second);
		const asked = () => world.asked.filter(({ inquiry }) => inquiry.runId === run.id && inquiry.stage === "missed");
		expect(asked()).toEqual([]);
		world.run(5 * hour);
		expect(asked()).toHaveLength(1);
		world.server.run(run, world.nowMs);
		world.run(6 * hour);
		expect(asked()).toHaveLength(2);
		expect(world.story).toEqual([]);
	});
});
