import { describe, expect, it } from "vitest";
import { expectOnTime, raisedOf, started } from "../../_util/core-scenario.ts";
import { hour, minute, second, World } from "../../_util/core-world.ts";

/** Runs of one deployment that each last two minutes. */
function taught(world: World, runs: number, beats = true): void {
	for (let index = 0; index < runs; index += 1) {
		const run = started(world, `before${index}`, { deploymentId: "d", beats });
		world.run(world.nowMs + 2 * minute);
		world.server.end(run, world.nowMs, "COMPLETED");
		world.run(world.nowMs + 10 * second);
	}
}

function startsMute(world: World, deploymentId = "d"): number {
	started(world, "r", { deploymentId, beats: false });
	return world.nowMs;
}

describe("a run that never beat", () => {
	it("is told of at the deadline of a deployment whose five earlier runs beat from the start, until it beats", () => {
		const world = new World();
		taught(world, 5);
		const sinceMs = startsMute(world);
		world.run(sinceMs + 30 * minute);
		expect(world.story).toEqual(["r never_beat raised"]);
		const { atMs, episode } = raisedOf(world, "r")[0]!;
		// Their cadence is firm, and so is its deadline.
		expect(atMs).toBeGreaterThanOrEqual(sinceMs + 105 * second);
		expect(atMs).toBeLessThanOrEqual(sinceMs + 120 * second);
		expect(episode).toMatchObject({ severity: "warning", evidence: { lastBeatReceivedMs: null } });
		const run = [...world.server.runs.values()].at(-1)!;
		run.nextBeatAtMs = world.nowMs;
		run.beats = true;
		world.run(world.nowMs + hour);
		expect(world.story).toEqual(["r never_beat raised", "r never_beat recovered"]);
	});

	it.each([
		{ rule: "is not, where only four have", teach: (world: World) => taught(world, 4), deploymentId: "d" },
		{ rule: "is not, where another deployment's have", teach: (world: World) => taught(world, 5), deploymentId: "e" },
		{
			rule: "is not, where they never beat either",
			teach: (world: World) => taught(world, 6, false),
			deploymentId: "d",
		},
		{
			rule: "is not, where a third of them did not",
			teach: (world: World) => {
				taught(world, 3, false);
				taught(world, 6);
			},
			deploymentId: "d",
		},
	])("$rule", ({ teach, deploymentId }) => {
		const world = new World();
		teach(world);
		startsMute(world, deploymentId);
		world.run(world.nowMs + 2 * hour);
		expect(world.story).toEqual([]);
	});

	it("is not, when its first beat came late and in time, or only REST has it", () => {
		for (const transit of [[20], []]) {
			const world = new World();
			taught(world, 5);
			const sinceMs = startsMute(world);
			world.transit = () => transit;
			world.at(sinceMs + 100 * second, () => {
				const run = [...world.server.runs.values()].at(-1)!;
				run.beats = true;
				run.nextBeatAtMs = world.nowMs;
			});
			world.run(world.nowMs + 20 * minute);
			expect(world.story).toEqual([]);
		}
	});

	it("is told of after restarts as well, which teach nothing about the runs that they interrupt", () => {
		const world = new World();
		taught(world, 5);
		started(world, "long", { deploymentId: "d" });
		for (let times = 0; times < 3; times += 1) {
			world.run(world.nowMs + 50 * second);
			world.stopDaemon();
			world.startDaemon();
		}
		world.run(world.nowMs + 5 * minute);
		const sinceMs = startsMute(world);
		world.run(sinceMs + 30 * minute);
		expect(world.story).toEqual(["r never_beat raised"]);
	});

	it("is told of where the daemon was started amid a run of the deployment, and has heard of five since", () => {
		const world = new World({ daemon: false });
		world.server.start(0, { name: "long", deploymentId: "d" });
		world.run(40 * minute);
		world.startDaemon();
		world.run(45 * minute);
		taught(world, 5);
		const sinceMs = startsMute(world);
		world.run(sinceMs + 30 * minute);
		expect(world.story).toEqual(["r never_beat raised"]);
	});

	it("stays that, and does not become stale", () => {
		const world = new World({ tickMs: 5 * second });
		taught(world, 5);
		startsMute(world);
		world.run(30 * hour);
		expect(world.story).toEqual(["r never_beat raised"]);
	});
});

describe("a run without a beat or any other sign of life", () => {
	function mute(options: { logsEveryMs?: number } = {}): { world: World; run: ReturnType<typeof started> } {
		const world = new World({ tickMs: 5 * second });
		return { world, run: started(world, "r", { beats: false, ...options }) };
	}

	it("is stale after a day", () => {
		const { world } = mute();
		world.run(24 * hour + minute);
		expect(world.story).toEqual([]);
		world.run(30 * hour);
		expect(world.story).toEqual(["r stale raised"]);
		expect(world.told[0]!.atMs).toBeLessThanOrEqual(24 * hour + minute + 20 * second);
		expect(raisedOf(world, "r")[0]!.episode).toMatchObject({
			severity: "info",
			evidence: { thresholdSeconds: 86_400 },
		});
	});

	it("is stale a day after its last log line", () => {
		const { world, run } = mute();
		world.at(20 * hour, () => world.server.log(run, world.nowMs));
		world.run(44 * hour);
		expect(world.story).toEqual([]);
		world.run(45 * hour);
		expect(world.story).toEqual(["r stale raised"]);
		expect(world.told[0]!.atMs).toBeLessThanOrEqual(44 * hour + 20 * second);
	});

	it("is not stale a day after its last task-run change, nor while it logs", () => {
		const { world, run } = mute({ logsEveryMs: hour });
		world.at(22 * hour, () => world.server.kill(run));
		world.at(23 * hour, () => void world.server.taskRun(run, world.nowMs));
		world.run(47 * hour);
		expect(world.story).toEqual([]);
		world.run(48 * hour);
		expect(world.story).toEqual(["r stale raised"]);
	});

	it("is stale a day after the last beat of its subflow", () => {
		const { world, run } = mute();
		const child = world.server.start(world.nowMs, { name: "child", parent: run });
		world.at(10 * hour, () => world.server.end(child, world.nowMs, "COMPLETED"));
		// Held in memory for an hour after its end; what it vouched for until then counts no longer.
		world.run(30 * hour);
		expect(world.story).toEqual(["r stale raised"]);
		const still = mute();
		still.world.server.start(still.world.nowMs, { name: "child", parent: still.run });
		still.world.run(50 * hour);
		expect(still.world.story).toEqual([]);
	});

	it("has ended, where the stream has lost its end, though its log has put the question off", () => {
		const { world, run } = mute({ logsEveryMs: hour });
		world.at(25 * hour, () => {
			world.transit = () => [];
			world.server.end(run, world.nowMs, "COMPLETED");
		});
		world.run(25 * hour + 5 * minute);
		expect(world.tracker.census.unmonitored).toBe(0);
	});
});

describe("at the first start", () => {
	function afterAnHour(): World {
		const world = new World({ daemon: false });
		const dead = world.server.start(0, { name: "dead" });
		world.server.start(0, { name: "alive" });
		world.server.start(0, { name: "mute", beats: false });
		world.at(40 * minute, () => world.server.kill(dead));
		world.run(hour);
		world.startDaemon();
		return world;
	}

	it("a run that died before is found by its stored beats, with the cadence that they tell", () => {
		const world = afterAnHour();
		world.run(62 * minute);
		expect(world.story).toEqual(["dead raised"]);
		const { evidence } = raisedOf(world, "dead")[0]!.episode;
		expect(evidence).toMatchObject({ cadenceSource: "learned", blindSeconds: 0 });
		expect(evidence.thresholdSeconds).toBeCloseTo(105, 0);
		expect(evidence.silenceSeconds).toBeGreaterThan(20 * 60);
		expect(evidence.silenceSeconds).toBeLessThan(22 * 60);
		world.run(3 * hour);
		expect(world.story).toEqual(["dead raised"]);
	});

	it("a run that died before, and of which the catch-up brings a state alone, is found too", () => {
		const world = new World({ daemon: false });
		const dead = world.server.start(0, { name: "dead" });
		world.at(30 * minute, () => world.server.kill(dead));
		world.at(55 * minute, () => world.server.setState(dead, world.nowMs, "CANCELLING"));
		world.run(hour);
		world.startDaemon();
		world.run(62 * minute);
		expect(world.story).toEqual(["dead raised"]);
	});

	it("a run that is killed right after is judged by what its stored beats have taught", () => {
		const world = afterAnHour();
		world.at(61 * minute, () => {
			for (const run of world.server.runs.values()) if (run.labels.name === "alive") world.server.kill(run);
		});
		world.run(70 * minute);
		expect(world.story).toEqual(["dead raised", "alive raised"]);
		expectOnTime(raisedOf(world, "alive")[0]?.episode);
	});
});
