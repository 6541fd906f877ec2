import { describe, expect, it } from "vitest";
import { dies, played, type Scenario, started } from "../../_util/core-scenario.ts";
import { hour, minute, second, type World } from "../../_util/core-world.ts";

const silent: readonly Scenario[] = [
	{
		rule: "a healthy run",
		untilMs: 2 * hour,
		play: (world) => void started(world, "r"),
		story: [],
	},
	{
		rule: "a healthy run at the default cadence of 180 s",
		untilMs: 3 * hour,
		play: (world) => void started(world, "r", { cadenceMs: 180 * second }),
		story: [],
	},
	...(["COMPLETED", "FAILED", "CRASHED", "CANCELLED"] as const).map((type) => ({
		rule: `a run that ended as ${type}`,
		untilMs: hour,
		play: (world: World) => {
			const run = started(world, "r");
			world.at(10 * minute, () => world.server.end(run, world.nowMs, type));
		},
		story: [],
	})),
	{
		rule: "a run that completed under a name of its own, Running: the type decides (T1)",
		untilMs: hour,
		play: (world) => {
			const run = started(world, "r");
			world.at(10 * minute, () => world.server.end(run, world.nowMs, "COMPLETED", "Running"));
		},
		story: [],
	},
	{
		rule: "a run that waits an hour for its retry, and goes on",
		untilMs: 3 * hour,
		play: (world) => {
			const run = started(world, "r");
			world.at(10 * minute, () => world.server.awaitRetry(run, world.nowMs, 70 * minute));
			world.at(70 * minute, () => world.server.run(run, world.nowMs));
		},
		story: [],
	},
	{
		rule: "a run that is paused for an hour, and resumed",
		untilMs: 3 * hour,
		play: (world) => {
			const run = started(world, "r");
			world.at(10 * minute, () => world.server.pause(run, world.nowMs));
			world.at(70 * minute, () => world.server.resume(run, world.nowMs));
		},
		story: [],
	},
	{
		rule: "a run that is cancelled, beating to its end",
		untilMs: hour,
		play: (world) => {
			const run = started(world, "r");
			world.at(10 * minute, () => world.server.setState(run, world.nowMs, "CANCELLING"));
			world.at(12 * minute, () => world.server.end(run, world.nowMs, "CANCELLED"));
		},
		story: [],
	},
	{
		rule: "a run that is pending for not too long",
		untilMs: 31 * minute,
		play: (world) => {
			const run = started(world, "r", { beats: false });
			world.server.setState(run, world.nowMs + 20, "PENDING");
		},
		story: [],
	},
	{
		rule: "a run that is scheduled for ever",
		untilMs: 3 * hour,
		play: (world) => {
			const run = started(world, "r", { beats: false });
			world.server.setState(run, world.nowMs + 20, "SCHEDULED", "Scheduled");
		},
		story: [],
	},
	{
		rule: "a run whose client sends no heartbeats (T2)",
		untilMs: 6 * hour,
		play: (world) => void started(world, "r", { beats: false }),
		story: [],
	},
	{
		rule: "a run whose end was lost on the stream: REST knows it",
		untilMs: hour,
		play: (world) => {
			const run = started(world, "r");
			world.transit = (event) => (event.view.state?.type === "COMPLETED" ? [] : [20]);
			world.at(10 * minute, () => world.server.end(run, world.nowMs, "COMPLETED"));
		},
		story: [],
	},
	{
		rule: "a run that beat once more after its end (T3)",
		untilMs: hour,
		play: (world) => {
			const run = started(world, "r");
			world.at(10 * minute, () => {
				world.server.end(run, world.nowMs, "COMPLETED");
				world.server.thaw(run, world.nowMs + 100);
			});
			dies(world, run, 10 * minute + second);
		},
		story: [],
	},
	{
		rule: "a run reopened by hand that ends again",
		untilMs: 2 * hour,
		play: (world) => {
			const run = started(world, "r");
			world.at(10 * minute, () => world.server.end(run, world.nowMs, "FAILED"));
			world.at(20 * minute, () => world.server.setState(run, world.nowMs, "SCHEDULED", "AwaitingRetry"));
			world.at(21 * minute, () => world.server.run(run, world.nowMs));
			world.at(40 * minute, () => world.server.end(run, world.nowMs, "COMPLETED"));
		},
		story: [],
	},
	{
		rule: "a healthy run beside which the server was away for 100 s (T4)",
		untilMs: hour,
		play: (world) => {
			started(world, "r");
			world.at(10 * minute, () => {
				world.server.up = false;
			});
			world.at(10 * minute + 100 * second, () => {
				world.server.up = true;
			});
		},
		story: [],
	},
	{
		rule: "a healthy run at 180 s beside which the server was away for an hour",
		untilMs: 3 * hour,
		play: (world) => {
			started(world, "r", { cadenceMs: 180 * second });
			world.at(20 * minute, () => {
				world.server.up = false;
			});
			world.at(80 * minute, () => {
				world.server.up = true;
			});
		},
		story: [],
	},
	{
		rule: "a healthy run while our own socket is down for 10 minutes",
		untilMs: hour,
		play: (world) => {
			started(world, "r");
			world.at(10 * minute, () => {
				world.socketUp = false;
			});
			world.at(20 * minute, () => {
				world.socketUp = true;
			});
		},
		story: [],
	},
	{
		rule: "a healthy run while we are frozen for 10 minutes",
		untilMs: hour,
		play: (world) => {
			started(world, "r");
			world.at(10 * minute, () => {
				world.daemonFrozen = true;
			});
			world.at(20 * minute, () => {
				world.daemonFrozen = false;
			});
		},
		story: [],
	},
	{
		rule: "a healthy run while the stream brings nothing for 10 minutes, though REST stores it",
		untilMs: hour,
		play: (world) => {
			started(world, "r");
			world.transit = () => (world.nowMs > 10 * minute && world.nowMs < 20 * minute ? [] : [20]);
		},
		story: [],
	},
	...[-hour, hour].flatMap((stepMs) => [
		{
			rule: `a healthy run while the server's clock is set by ${stepMs / hour} h (T10)`,
			untilMs: 2 * hour,
			play: (world: World) => {
				started(world, "r");
				started(world, "slow", { cadenceMs: 180 * second });
				world.at(10 * minute + 40 * second, () => {
					world.server.clockStepMs = stepMs;
				});
			},
			story: [],
		},
		{
			rule: `a healthy run while our wall clock is set by ${stepMs / hour} h (T10)`,
			untilMs: hour,
			play: (world: World) => {
				started(world, "r");
				world.at(10 * minute, () => {
					world.wallStepMs = stepMs;
				});
			},
			story: [],
		},
		{
			rule: `a healthy run on a worker whose clock is off by ${(24 * stepMs) / hour} h (T10)`,
			untilMs: hour,
			play: (world: World) => void started(world, "r", { skewMs: 24 * stepMs }),
			story: [],
		},
	]),
	{
		rule: "a healthy run whose beats carry no time that makes sense (T9)",
		untilMs: 2 * hour,
		play: (world) => {
			world.server.occurredOf = () => null;
			started(world, "r");
		},
		story: [],
	},
];

describe("nobody is called a zombie", () => {
	it.each(silent)("$rule", (scenario) => {
		const world = played(scenario);
		expect(world.story).toEqual([]);
		expect(world.count("run_set_aside")).toBe(0);
	});
});
