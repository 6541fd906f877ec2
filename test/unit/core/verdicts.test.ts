import { describe, expect, it } from "vitest";
import { dies, played, type Scenario, started } from "../../_util/core-scenario.ts";
import { hour, minute, second } from "../../_util/core-world.ts";

const firing: readonly Scenario[] = [
	{
		rule: "a killed run is a zombie, once",
		untilMs: 2 * hour,
		play: (world) => {
			const run = started(world, "r");
			started(world, "other");
			dies(world, run, 10 * minute);
		},
		story: ["r raised"],
	},
	{
		rule: "a killed run at 180 s is a zombie, once",
		untilMs: 2 * hour,
		play: (world) => dies(world, started(world, "r", { cadenceMs: 180 * second }), 20 * minute),
		story: ["r raised"],
	},
	{
		rule: "a run killed after its first beat is a zombie at the deadline for an unknown cadence",
		untilMs: 2 * hour,
		play: (world) => dies(world, started(world, "r"), 61 * second),
		story: ["r raised"],
	},
	{
		rule: "a run killed while it is being cancelled is a zombie, and ends when the server cancels it",
		untilMs: hour,
		play: (world) => {
			const run = started(world, "r");
			world.at(10 * minute, () => world.server.setState(run, world.nowMs, "CANCELLING"));
			dies(world, run, 10 * minute);
			world.at(15 * minute, () => world.server.end(run, world.nowMs, "CANCELLED"));
		},
		story: ["r raised", "r ended"],
	},
	{
		rule: "a frozen run recovers when it thaws",
		untilMs: hour,
		play: (world) => {
			const run = started(world, "r");
			world.at(10 * minute, () => world.server.freeze(run));
			world.at(20 * minute, () => world.server.thaw(run, world.nowMs));
		},
		story: ["r raised", "r recovered"],
	},
	{
		rule: "a zombie marked Crashed by hand has ended",
		untilMs: hour,
		play: (world) => {
			const run = started(world, "r");
			dies(world, run, 10 * minute);
			world.at(20 * minute, () => world.server.end(run, world.nowMs, "CRASHED"));
		},
		story: ["r raised", "r ended"],
	},
	{
		rule: "a zombie whose end is lost on the stream has ended all the same",
		untilMs: hour,
		play: (world) => {
			const run = started(world, "r");
			dies(world, run, 10 * minute);
			world.transit = (event) => (event.view.state?.type === "CRASHED" ? [] : [20]);
			world.at(20 * minute, () => world.server.end(run, world.nowMs, "CRASHED"));
		},
		story: ["r raised", "r ended"],
	},
	{
		rule: "a zombie that is deleted is deleted",
		untilMs: hour,
		play: (world) => {
			const run = started(world, "r");
			dies(world, run, 10 * minute);
			world.at(20 * minute, () => {
				run.deleted = true;
			});
		},
		story: ["r raised", "r deleted"],
	},
	{
		rule: "RUNNING to CANCELLING keeps the episode open",
		untilMs: hour,
		play: (world) => {
			const run = started(world, "r");
			dies(world, run, 10 * minute);
			world.at(20 * minute, () => world.server.setState(run, world.nowMs, "CANCELLING"));
		},
		story: ["r raised"],
	},
	{
		rule: "a zombie whose next attempt begins has moved, and that attempt can die too",
		untilMs: 2 * hour,
		play: (world) => {
			const run = started(world, "r");
			dies(world, run, 10 * minute);
			world.at(20 * minute, () => world.server.run(run, world.nowMs));
			dies(world, run, 30 * minute);
		},
		story: ["r raised", "r moved", "r raised"],
	},
	{
		rule: "a zombie that waits for its retry has moved",
		untilMs: hour,
		play: (world) => {
			const run = started(world, "r");
			dies(world, run, 10 * minute);
			world.at(20 * minute, () => world.server.awaitRetry(run, world.nowMs));
		},
		story: ["r raised", "r moved"],
	},
	{
		rule: "a run that never came back from its retry's first moment is a zombie",
		untilMs: 2 * hour,
		play: (world) => {
			const run = started(world, "r");
			world.at(10 * minute, () => world.server.awaitRetry(run, world.nowMs));
			world.at(20 * minute, () => {
				world.server.run(run, world.nowMs);
				world.server.kill(run);
			});
		},
		story: ["r raised"],
	},
	{
		rule: "a run resumed after a pause and then killed is a zombie",
		untilMs: 2 * hour,
		play: (world) => {
			const run = started(world, "r");
			world.at(10 * minute, () => world.server.pause(run, world.nowMs));
			world.at(20 * minute, () => world.server.resume(run, world.nowMs));
			dies(world, run, 30 * minute);
		},
		story: ["r raised"],
	},
	{
		rule: "a run reopened by hand and then killed is a zombie",
		untilMs: 2 * hour,
		play: (world) => {
			const run = started(world, "r");
			world.at(10 * minute, () => world.server.end(run, world.nowMs, "FAILED"));
			world.at(20 * minute, () => world.server.run(run, world.nowMs));
			dies(world, run, 40 * minute);
		},
		story: ["r raised"],
	},
	{
		rule: "a run killed during an outage of the server is a zombie after it",
		untilMs: 2 * hour,
		play: (world) => {
			const run = started(world, "r");
			dies(world, run, 10 * minute + 30 * second);
			world.at(10 * minute, () => {
				world.server.up = false;
			});
			world.at(12 * minute, () => {
				world.server.up = true;
			});
		},
		story: ["r raised"],
	},
	{
		rule: "a run killed while our socket was down is a zombie after catch-up",
		untilMs: hour,
		play: (world) => {
			const run = started(world, "r");
			dies(world, run, 11 * minute);
			world.at(10 * minute, () => {
				world.socketUp = false;
			});
			world.at(20 * minute, () => {
				world.socketUp = true;
			});
		},
		story: ["r raised"],
	},
	{
		rule: "a run that died an hour before the first start of the daemon is a zombie at once",
		untilMs: 65 * minute,
		play: (world) => {
			world.stopDaemon();
			dies(world, world.server.start(world.nowMs, { name: "r" }), 5 * minute);
			world.at(hour, () => world.startDaemon());
		},
		story: ["r raised"],
	},
	{
		rule: "a killed run whose beats carried no time that makes sense is a zombie (T9)",
		untilMs: 2 * hour,
		play: (world) => {
			world.server.occurredOf = () => null;
			dies(world, started(world, "r"), 10 * minute);
		},
		story: ["r raised"],
	},
];

describe("a zombie is told of", () => {
	it.each(firing)("$rule", (scenario) => {
		const world = played(scenario);
		expect(world.story).toEqual(scenario.story);
		expect(world.count("run_set_aside")).toBe(0);
		expect(world.tracker.census.openEpisodes).toEqual(world.story.at(-1) === "r raised" ? { zombie: 1 } : {});
		for (const { what, transition } of world.told) {
			if (what !== "raised") continue;
			const { silenceSeconds, blindSeconds, thresholdSeconds } = transition.episode.evidence;
			expect(silenceSeconds - blindSeconds).toBeGreaterThanOrEqual(thresholdSeconds);
		}
	});
});
