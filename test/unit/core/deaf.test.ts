import { describe, expect, it } from "vitest";
import { expectOnTime, raisedOf, started } from "../../_util/core-scenario.ts";
import type { SimRun } from "../../_util/core-server.ts";
import { hour, minute, second, World } from "../../_util/core-world.ts";

function stopsBeating(world: World, run: SimRun, atMs: number): void {
	world.at(atMs, () => {
		run.beats = false;
	});
}

function beatsAgain(world: World, run: SimRun, atMs: number): void {
	world.at(atMs, () => {
		run.beats = true;
		run.nextBeatAtMs = world.nowMs;
	});
}

/** A run at 30 s that logs, and one that keeps the stream alive. */
function logging(options: { logsEveryMs?: number; skewMs?: number } = {}): { world: World; run: SimRun } {
	const world = new World();
	const run = started(world, "r", { logsEveryMs: second, ...options });
	started(world, "other");
	return { world, run };
}

describe("a run whose heartbeats stop and whose logs go on", () => {
	it.each([0, -24 * hour, 24 * hour])("is deaf at its deadline, until it ends, on a worker off by %i ms", (skewMs) => {
		const { world, run } = logging({ skewMs });
		stopsBeating(world, run, 10 * minute);
		world.at(hour, () => world.server.end(run, world.nowMs, "COMPLETED"));
		world.run(90 * minute);
		expect(world.story).toEqual(["r deaf raised", "r deaf ended"]);
		const { episode } = raisedOf(world, "r")[0]!;
		expectOnTime(episode);
		expect(episode.severity).toBe("warning");
		expect(episode.evidence.otherSignAtMs).not.toBeNull();
	});

	it("is deaf as well when its task runs show it alive", () => {
		const { world, run } = logging();
		run.logsEveryMs = null;
		stopsBeating(world, run, 10 * minute);
		for (let atMs = 10 * minute; atMs < hour; atMs += 10 * second) {
			world.at(atMs, () => void world.server.taskRun(run, world.nowMs));
		}
		world.run(50 * minute);
		expect(world.story).toEqual(["r deaf raised"]);
	});

	it("is not deaf while it beats", () => {
		const { world } = logging();
		world.run(2 * hour);
		expect(world.story).toEqual([]);
	});

	it("recovers when it beats again", () => {
		const { world, run } = logging();
		stopsBeating(world, run, 10 * minute);
		beatsAgain(world, run, 20 * minute);
		world.run(hour);
		expect(world.story).toEqual(["r deaf raised", "r deaf recovered"]);
	});

	it("is a zombie once its logs stop too, as late as they put it off", () => {
		const { world, run } = logging();
		stopsBeating(world, run, 10 * minute);
		world.at(30 * minute, () => world.server.kill(run));
		world.run(hour);
		expect(world.story).toEqual(["r deaf raised", "r deaf superseded", "r raised"]);
		const atMs = raisedOf(world, "r")[1]!.atMs;
		expect(atMs).toBeGreaterThanOrEqual(30 * minute + 75 * second);
		expect(atMs).toBeLessThanOrEqual(30 * minute + 90 * second);
		// One silence, two conditions: told apart by their ids.
		const ids = raisedOf(world, "r").map(({ episode }) => episode.alertId);
		expect(new Set(ids).size).toBe(2);
	});

	it("is never a zombie while it logs once a minute", () => {
		const { world, run } = logging({ logsEveryMs: minute });
		stopsBeating(world, run, 10 * minute);
		world.run(3 * hour);
		expect(world.story).toEqual(["r deaf raised"]);
	});

	it("is told once, over a restart", () => {
		const { world, run } = logging();
		stopsBeating(world, run, 10 * minute);
		world.at(20 * minute, () => world.stopDaemon());
		world.at(21 * minute, () => world.startDaemon());
		world.run(hour);
		expect(world.story).toEqual(["r deaf raised"]);
	});

	it("in a new attempt that has not beaten yet is not shown alive for longer by what it logged", () => {
		const { world, run } = logging();
		world.at(10 * minute, () => world.server.awaitRetry(run, world.nowMs, 70 * minute));
		world.at(70 * minute, () => {
			world.server.run(run, world.nowMs);
			run.beats = false;
		});
		world.at(71 * minute, () => world.server.kill(run));
		world.run(100 * minute);
		expect(world.story).toEqual(["r raised"]);
		expectOnTime(raisedOf(world, "r")[0]?.episode);
	});
});

describe("a run that logs until it is killed", () => {
	it.each([3, 15, 29])("is a zombie at the same time as a silent one, %i s after a beat", (seconds) => {
		const { world, run } = logging();
		const silent = world.server.start(world.nowMs, { name: "silent" });
		silent.nextBeatAtMs = run.nextBeatAtMs;
		world.run(10 * minute);
		const killedAtMs = run.nextBeatAtMs + seconds * second;
		world.at(killedAtMs, () => {
			world.server.kill(run);
			world.server.kill(silent);
		});
		world.run(hour);
		expect(world.story.toSorted()).toEqual(["r raised", "silent raised"]);
		const [one, two] = world.told.map(({ atMs }) => atMs);
		expect(Math.abs(one! - two!)).toBeLessThanOrEqual(3 * second);
		for (const name of ["r", "silent"]) expectOnTime(raisedOf(world, name)[0]?.episode);
	});

	it("is a zombie later when its last beats were lost, as late as its log shows it alive", () => {
		const { world, run } = logging();
		stopsBeating(world, run, 10 * minute);
		world.at(10 * minute + 40 * second, () => world.server.kill(run));
		world.run(hour);
		expect(world.story).toEqual(["r raised"]);
		expect(raisedOf(world, "r")[0]!.atMs).toBeGreaterThanOrEqual(11 * minute + 55 * second);
		expect(raisedOf(world, "r")[0]!.atMs).toBeLessThanOrEqual(12 * minute + 10 * second);
	});

	it("in a mass lapse is a zombie without having been called deaf", () => {
		const world = new World();
		const run = started(world, "r", { logsEveryMs: second });
		const others = Array.from({ length: 5 }, (_, index) => started(world, `other${index}`));
		// A broker that loses everything for five minutes: only the log comes through.
		for (const one of [run, ...others]) {
			stopsBeating(world, one, 10 * minute);
			if (one !== run) beatsAgain(world, one, 15 * minute);
		}
		world.at(14 * minute + 30 * second, () => world.server.kill(run));
		world.run(hour);
		expect(world.groups.length).toBeGreaterThan(0);
		expect(world.story).toEqual(["r raised"]);
	});
});
