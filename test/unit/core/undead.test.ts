import { describe, expect, it } from "vitest";
import { raisedOf, started } from "../../_util/core-scenario.ts";
import type { SimRun } from "../../_util/core-server.ts";
import { hour, minute, second, World } from "../../_util/core-world.ts";

/** The API ends the run; its process does not notice. */
function endedOverTheApi(world: World, run: SimRun, atMs: number): void {
	world.at(atMs, () => {
		const { nextBeatAtMs } = run;
		world.server.end(run, world.nowMs, "CANCELLED");
		run.process = "alive";
		run.nextBeatAtMs = nextBeatAtMs;
	});
}

function ended(): { world: World; run: SimRun } {
	const world = new World();
	const run = started(world, "r");
	started(world, "other");
	endedOverTheApi(world, run, 10 * minute);
	return { world, run };
}

describe("a run that beats on after its end", () => {
	it("is undead a cadence after the end, with the second beat, and quiet when the beats stop", () => {
		const { world, run } = ended();
		world.at(30 * minute, () => world.server.kill(run));
		world.run(hour);
		expect(world.story).toEqual(["r undead raised", "r undead quiet"]);
		const [raised, quiet] = world.told;
		const beatsAfter = run.stored.filter(({ receivedMs }) => receivedMs! > run.state.timestampMs);
		const secondBeatMs = beatsAfter[1]!.receivedMs! - run.state.timestampMs + 10 * minute;
		expect(raised!.atMs).toBeGreaterThanOrEqual(secondBeatMs);
		expect(raised!.atMs).toBeLessThanOrEqual(secondBeatMs + 15 * second);
		expect(raised!.transition.episode).toMatchObject({ severity: "warning", stateType: "CANCELLED" });
		const lastBeatMs = beatsAfter.at(-1)!.receivedMs! - run.state.timestampMs + 10 * minute;
		expect(quiet!.atMs).toBeGreaterThanOrEqual(lastBeatMs + 75 * second);
		expect(quiet!.atMs).toBeLessThanOrEqual(lastBeatMs + 80 * second);
	});

	it.each([
		{ rule: "once is not", untilMs: 10 * minute + 15 * second },
		{ rule: "never is not", untilMs: 10 * minute },
	])("$rule", ({ untilMs }) => {
		const { world, run } = ended();
		world.at(untilMs, () => world.server.kill(run));
		world.run(hour);
		expect(world.story).toEqual([]);
	});

	it("twice within one cadence is not: a second loop of the same process", () => {
		const { world, run } = ended();
		world.at(10 * minute + second, () => {
			run.nextBeatAtMs = world.nowMs;
			run.cadenceMs = 5 * second;
		});
		world.at(10 * minute + 20 * second, () => world.server.kill(run));
		world.run(hour);
		expect(world.story).toEqual([]);
	});

	it("is told once, over a restart, and quiet after it", () => {
		const { world, run } = ended();
		world.at(20 * minute, () => world.stopDaemon());
		world.at(21 * minute, () => world.startDaemon());
		world.at(30 * minute, () => world.server.kill(run));
		world.run(hour);
		expect(world.story).toEqual(["r undead raised", "r undead quiet"]);
	});

	it("has moved when it is set running again, and can die then", () => {
		const { world, run } = ended();
		world.at(20 * minute, () => world.server.run(run, world.nowMs));
		world.at(30 * minute, () => world.server.kill(run));
		world.run(hour);
		expect(world.story).toEqual(["r undead raised", "r undead moved", "r raised"]);
	});

	it("is undead still when the next terminal state replaces the first", () => {
		const { world, run } = ended();
		endedOverTheApi(world, run, 20 * minute);
		world.run(hour);
		expect(world.story).toEqual(["r undead raised"]);
		expect(raisedOf(world, "r")).toHaveLength(1);
	});

	it("is not undead when its rule says so", () => {
		const { world } = ended();
		const rule = { match: { tag: "sim" }, k: null, thresholdMs: null, overrunMs: null };
		world.live.current = { ...world.live.current, rules: [{ ...rule, off: ["undead"] }] };
		world.run(hour);
		expect(world.story).toEqual([]);
	});
});

describe("beats that the client had held", () => {
	function resent(restart: boolean): World {
		const world = new World();
		const run = started(world, "r");
		started(world, "other");
		world.at(10 * minute, () => {
			world.server.up = false;
		});
		world.at(13 * minute, () => {
			world.server.kill(run);
			world.server.up = true;
		});
		world.at(13 * minute + second, () => world.server.end(run, world.nowMs, "COMPLETED"));
		if (restart) {
			world.at(13 * minute + 40 * second, () => world.stopDaemon());
			world.at(13 * minute + 45 * second, () => world.startDaemon());
		}
		// The client sends what it held, and one beat more, before it is gone.
		world.at(14 * minute + 30 * second, () => world.server.thaw(run, world.nowMs));
		world.at(14 * minute + 35 * second, () => world.server.kill(run));
		world.run(hour);
		const end = run.state.timestampMs;
		expect(run.stored.filter(({ receivedMs }) => receivedMs! > end + 30_000).length).toBeGreaterThan(4);
		return world;
	}

	it.each([false, true])("and sends after the end do not make it undead (restarted in between: %s)", (restart) => {
		expect(resent(restart).story).toEqual([]);
	});
});
