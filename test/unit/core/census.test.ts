import { describe, expect, it } from "vitest";
import type { ScopedRule } from "../../../src/core/rules.ts";
import { started } from "../../_util/core-scenario.ts";
import { epochMs } from "../../_util/core-server.ts";
import { defaultSettings, minute, second, World } from "../../_util/core-world.ts";

/** Of the simulated runs, as they are unless told otherwise. */
const cadenceMs = 30_015;
const [twoCadences, threeCadences] = [2 * cadenceMs, 3 * cadenceMs];

function ruleOf(thresholdMs: number | null, match: ScopedRule["match"] = {}): ScopedRule {
	return { match, k: null, thresholdMs, overrunMs: null, off: [] };
}

function worldWith(...rules: readonly ScopedRule[]): World {
	return new World({ settings: { rules } });
}

/** What was told of thresholds: `fixed` and the rule. */
function toldBy(world: World): readonly string[] {
	return world.shortThresholds.map(({ rule, fixed }) => `${rule} ${fixed}`);
}

describe("a threshold beside the cadence", () => {
	it.each([
		{ rule: "is fine at 3 cadences", thresholdMs: threeCadences, told: [], counts: { tight: 0, too_short: 0 } },
		{ rule: "is tight below", thresholdMs: threeCadences - 1, told: ["1 tight"], counts: { tight: 2, too_short: 0 } },
		{ rule: "is tight at 2 cadences", thresholdMs: twoCadences, told: ["1 tight"], counts: { tight: 2, too_short: 0 } },
		{
			rule: "is too short below",
			thresholdMs: twoCadences - 1,
			told: ["1 too_short"],
			counts: { tight: 0, too_short: 2 },
		},
	])("$rule: told once for all runs of a deployment, and counted for each", ({ thresholdMs, told, counts }) => {
		const world = worldWith(ruleOf(thresholdMs));
		started(world, "a", { deploymentId: "etl" });
		started(world, "b", { deploymentId: "etl" });
		world.run(10 * minute);
		expect(toldBy(world)).toEqual(told);
		expect(world.tracker.census.shortThresholds).toEqual(counts);
	});

	it("is not judged while the cadence is unknown, nor where no rule gives one", () => {
		const world = worldWith(
			ruleOf(twoCadences, { workPool: "other" }),
			ruleOf(twoCadences, { workPool: "pool" }),
			ruleOf(null),
		);
		started(world, "young", { workPool: "pool", cadenceMs: 20 * minute });
		started(world, "without", { workPool: "none" });
		world.run(10 * minute);
		expect(toldBy(world)).toEqual([]);
		expect(world.tracker.census.shortThresholds).toEqual({ tight: 0, too_short: 0 });
	});

	it("is told of each deployment and each rule, with what the operator needs to find it", () => {
		const world = worldWith(ruleOf(twoCadences, { workPool: "pool" }), ruleOf(70 * second));
		started(world, "a", { deploymentId: "etl", workPool: "pool" });
		started(world, "b", { deploymentId: "report", workPool: "pool" });
		started(world, "c", { deploymentId: "etl", workPool: "other" });
		world.run(5 * minute);
		expect(toldBy(world).toSorted()).toEqual(["1 tight", "1 tight", "2 tight"]);
		expect(world.shortThresholds.find(({ rule }) => rule === 2)).toMatchObject({
			match: {},
			labels: { deploymentId: "etl", workPool: "other" },
			thresholdMs: 70 * second,
			cadenceMs,
		});
	});

	it("is told once for the runs of a flow that have no deployment", () => {
		const world = worldWith(ruleOf(twoCadences));
		started(world, "a");
		started(world, "b");
		world.run(5 * minute);
		expect(toldBy(world)).toEqual(["1 tight"]);
		expect(world.tracker.census.shortThresholds.tight).toBe(2);
	});

	it("is told again when a reload changes the rules, and not when it changes something else", () => {
		const world = worldWith(ruleOf(twoCadences));
		started(world, "a", { deploymentId: "etl" });
		world.run(5 * minute);
		expect(toldBy(world)).toEqual(["1 tight"]);
		world.live.current = { ...defaultSettings, k: 4, rules: [ruleOf(twoCadences)] };
		world.run(6 * minute);
		expect(toldBy(world)).toEqual(["1 tight"]);
		world.live.current = { ...defaultSettings, rules: [ruleOf(twoCadences - 1)] };
		world.run(7 * minute);
		expect(toldBy(world)).toEqual(["1 tight", "1 too_short"]);
		world.live.current = { ...defaultSettings, rules: [ruleOf(twoCadences)] };
		world.run(8 * minute);
		expect(toldBy(world)).toEqual(["1 tight", "1 too_short", "1 tight"]);
	});

	it("is told of 500 deployments at most; all are counted", () => {
		const world = worldWith(ruleOf(twoCadences));
		for (let n = 0; n <= 500; n++) started(world, `r${n}`, { deploymentId: `deployment-${n}` });
		world.run(3 * minute);
		expect(world.shortThresholds).toHaveLength(500);
		expect(world.tracker.census.shortThresholds.tight).toBe(501);
	});
});

describe("the oldest proof of life", () => {
	it("is that of each pool's armed runs without an alert, by our wall clock", () => {
		const world = new World();
		const dead = started(world, "dead", { workPool: "pool" });
		started(world, "lives", { workPool: "pool" });
		started(world, "never", { workPool: "mute", beats: false });
		started(world, "alone");
		world.at(5 * minute, () => world.server.kill(dead));
		world.run(6 * minute);
		const { oldestBeatsMs } = world.tracker.census;
		expect([...oldestBeatsMs.keys()]).toEqual(["pool", null]);
		const agoMs = (pool: string | null) => epochMs + world.nowMs - world.tracker.census.oldestBeatsMs.get(pool)!;
		expect(agoMs("pool")).toBeGreaterThanOrEqual(minute);
		expect(agoMs("pool")).toBeLessThan(minute + 31 * second);
		expect(agoMs(null)).toBeLessThan(31 * second);
		world.run(8 * minute);
		expect(world.story).toContain("dead raised");
		expect(agoMs("pool")).toBeLessThan(31 * second);
	});
});

describe("runs that are unmonitored", () => {
	it.each([
		{ rule: "have no beat yet while one may still come", untilMs: 22 * minute, withoutHeartbeats: 0 },
		// Twice the slowest cadence and a minute, of a run that started after one.
		{ rule: "send none when it should have come by now", untilMs: 22 * minute + second, withoutHeartbeats: 1 },
	])("$rule", ({ untilMs, withoutHeartbeats }) => {
		const world = new World();
		started(world, "old client", { beats: false });
		started(world, "beating");
		world.run(untilMs);
		expect(world.tracker.census).toMatchObject({ unmonitored: 1, withoutHeartbeats, beating: 1 });
	});
});
