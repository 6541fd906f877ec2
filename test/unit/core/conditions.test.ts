import { describe, expect, it } from "vitest";
import type { Condition } from "../../../src/core/episode.ts";
import type { ScopedRule } from "../../../src/core/rules.ts";
import { raisedOf, started } from "../../_util/core-scenario.ts";
import { hour, minute, second, World } from "../../_util/core-world.ts";

function rule(tag: string, told: Partial<ScopedRule>): ScopedRule {
	return { match: { tag }, k: null, thresholdMs: null, overrunMs: null, off: [], ...told };
}

function off(...conditions: Condition[]): readonly ScopedRule[] {
	return [rule("x", { off: conditions })];
}

describe("a run that lasts", () => {
	function lasting(): World {
		const world = new World({ settings: { rules: [rule("short", { overrunMs: hour })] } });
		started(world, "r", { tags: ["short"] });
		started(world, "other");
		return world;
	}

	it("has overrun after the time that its rule gives it, and no other run has", () => {
		const world = lasting();
		const [run] = world.server.runs.values();
		world.run(3 * hour);
		expect(world.story).toEqual(["r overrun raised"]);
		const sinceMs = minute + 10;
		expect(world.told[0]!.atMs).toBeGreaterThanOrEqual(sinceMs + hour);
		expect(world.told[0]!.atMs).toBeLessThanOrEqual(sinceMs + hour + 15 * second);
		world.server.end(run!, world.nowMs, "COMPLETED");
		world.run(4 * hour);
		expect(world.story).toEqual(["r overrun raised", "r overrun ended"]);
	});

	it("has not when it ends in time", () => {
		const world = lasting();
		const [run] = world.server.runs.values();
		world.at(hour + minute - second, () => world.server.end(run!, world.nowMs, "COMPLETED"));
		world.run(3 * hour);
		expect(world.story).toEqual([]);
	});

	it("and has overrun becomes a zombie when it dies", () => {
		const world = lasting();
		const [run] = world.server.runs.values();
		world.at(2 * hour, () => world.server.kill(run!));
		world.run(3 * hour);
		expect(world.story).toEqual(["r overrun raised", "r overrun superseded", "r raised"]);
	});

	it("and has overrun is told again, under an id of its own, when it only seemed dead", () => {
		const world = lasting();
		const [run] = world.server.runs.values();
		world.at(2 * hour, () => world.server.freeze(run!));
		world.at(2 * hour + 10 * minute, () => world.server.thaw(run!, world.nowMs));
		world.run(3 * hour);
		expect(world.story).toEqual([
			"r overrun raised",
			"r overrun superseded",
			"r raised",
			"r recovered",
			"r overrun raised",
		]);
		const [first, , , , again] = world.told.map(({ transition }) => transition.episode);
		expect(again!.alertId).not.toBe(first!.alertId);
	});

	it("and is dead is a zombie, which does not overrun", () => {
		const world = lasting();
		const [run] = world.server.runs.values();
		world.at(30 * minute, () => world.server.kill(run!));
		world.run(3 * hour);
		expect(world.story).toEqual(["r raised"]);
	});
});

describe("a condition that a rule switches off", () => {
	it("is not told of the runs that it matches, and of the others it is", () => {
		const world = new World({ settings: { rules: off("zombie") } });
		const runs = [started(world, "r", { tags: ["x"] }), started(world, "other")];
		started(world, "alive");
		world.at(10 * minute, () => {
			for (const run of runs) world.server.kill(run);
		});
		world.run(hour);
		expect(world.story).toEqual(["other raised"]);
	});

	it("while it is open is closed as disabled, and opens again when it is switched on", () => {
		const world = new World();
		const run = started(world, "r", { tags: ["x"] });
		started(world, "alive");
		world.at(10 * minute, () => world.server.kill(run));
		world.run(20 * minute);
		world.live.current = { ...world.live.current, rules: off("deaf", "overrun") };
		world.run(21 * minute);
		expect(world.story).toEqual(["r raised"]);
		world.live.current = { ...world.live.current, rules: off("zombie") };
		world.run(30 * minute);
		expect(world.story).toEqual(["r raised", "r disabled"]);
		world.live.current = { ...world.live.current, rules: [] };
		world.run(40 * minute);
		expect(world.story).toEqual(["r raised", "r disabled", "r raised"]);
	});

	it("and so comes again under an id of its own, the same after a restart, however often", () => {
		const world = new World();
		const run = started(world, "r", { tags: ["x"] });
		started(world, "alive");
		world.at(10 * minute, () => world.server.kill(run));
		world.run(20 * minute);
		for (const restarts of [false, true, false]) {
			world.live.current = { ...world.live.current, rules: off("zombie") };
			world.run(world.nowMs + minute);
			if (restarts) {
				world.stopDaemon();
				world.startDaemon();
			}
			world.live.current = { ...world.live.current, rules: [] };
			world.run(world.nowMs + 5 * minute);
		}
		const keys = world.told.map(({ transition }) => transition.key);
		expect(world.story).toHaveLength(7);
		expect(new Set(keys).size).toBe(7);
		// What is open goes on under the id that it has.
		world.stopDaemon();
		world.startDaemon();
		world.run(world.nowMs + 10 * minute);
		world.server.end(run, world.nowMs, "CRASHED");
		world.run(world.nowMs + minute);
		expect(world.told.slice(7).map(({ transition }) => transition.key)).toEqual([
			keys[6]?.replace("raised", "resolved"),
		]);
	});

	it("as deaf leaves a run that logs on alone, until it is a zombie", () => {
		const world = new World({ settings: { rules: off("deaf") } });
		const run = started(world, "r", { tags: ["x"], logsEveryMs: second });
		started(world, "alive");
		world.at(10 * minute, () => {
			run.beats = false;
		});
		world.run(hour);
		expect(world.story).toEqual([]);
		world.server.kill(run);
		world.run(2 * hour);
		expect(world.story).toEqual(["r raised"]);
	});

	it("as zombie leaves deaf", () => {
		const world = new World({ settings: { rules: off("zombie") } });
		const run = started(world, "r", { tags: ["x"], logsEveryMs: second });
		started(world, "alive");
		world.at(10 * minute, () => {
			run.beats = false;
		});
		world.at(30 * minute, () => world.server.kill(run));
		world.run(2 * hour);
		expect(world.story).toEqual(["r deaf raised"]);
		expect(world.asked.length).toBeLessThan(150);
	});
});

describe("K", () => {
	/** A verdict that recovers, and then a death. */
	function stalled(deploymentId: string | null, restart = false): World {
		const world = new World();
		const options = deploymentId === null ? {} : { deploymentId };
		const run = started(world, "r", options);
		const sibling = started(world, "sibling", options);
		const stranger = started(world, "stranger", { deploymentId: "other" });
		world.at(10 * minute, () => world.server.freeze(run));
		world.at(20 * minute, () => world.server.thaw(run, world.nowMs));
		if (restart) {
			world.at(30 * minute, () => world.stopDaemon());
			world.at(31 * minute, () => world.startDaemon());
		}
		for (const [index, one] of [run, sibling, stranger].entries()) {
			world.at((40 + 20 * index) * minute, () => world.server.kill(one));
			world.at((55 + 20 * index) * minute, () => world.server.end(one, world.nowMs, "CRASHED"));
		}
		started(world, "alive");
		world.run(2 * hour);
		return world;
	}

	function thresholdsOf(world: World): readonly number[] {
		return ["r", "sibling", "stranger"].map((name) => {
			return Math.round(raisedOf(world, name).at(-1)!.episode.evidence.thresholdSeconds);
		});
	}

	it("of its deployment is one more after a verdict that recovers, over a restart too", () => {
		for (const restart of [false, true]) {
			const world = stalled("d", restart);
			expect(world.story.slice(0, 2)).toEqual(["r raised", "r recovered"]);
			expect(thresholdsOf(world)).toEqual([135, 135, 105]);
		}
	});

	it("stays what it is where there is no deployment", () => {
		expect(thresholdsOf(stalled(null))).toEqual([105, 105, 105]);
	});

	it("stays what it is after a verdict that ends", () => {
		const world = new World();
		for (let index = 0; index < 3; index += 1) {
			const run = started(world, `r${index}`, { deploymentId: "d" });
			started(world, `alive${index}`);
			world.run(world.nowMs + 10 * minute);
			world.server.kill(run);
			world.run(world.nowMs + 10 * minute);
			world.server.end(run, world.nowMs, "CRASHED");
		}
		const thresholds = [0, 1, 2].map((index) => raisedOf(world, `r${index}`)[0]!.episode.evidence.thresholdSeconds);
		for (const thresholdSeconds of thresholds) expect(thresholdSeconds).toBeCloseTo(105, 0);
	});
});
