import { describe, expect, it } from "vitest";
import { countArmed } from "../../../src/core/armed-runs.ts";
import { Disruption } from "../../../src/core/disruption.ts";
import type { ArmedRun } from "../../../src/core/disruption-count.ts";
import { GroupWatch } from "../../../src/core/group-watch.ts";
import { Learning } from "../../../src/core/learning.ts";
import { Observation } from "../../../src/core/observation.ts";
import { newRun, type Run } from "../../../src/core/run.ts";
import { RunTable } from "../../../src/core/run-table.ts";
import { Yardstick } from "../../../src/core/yardstick.ts";
import { started } from "../../_util/core-scenario.ts";
import { uuid } from "../../_util/core-server.ts";
import { defaultSettings, hour, minute, second, World } from "../../_util/core-world.ts";
import { groupOf, trippedGroup } from "../../_util/store-samples.ts";

const beating: Run = {
	...newRun(uuid(1, 1)),
	state: { id: uuid(2, 1), type: "RUNNING", name: "Running", timestampMs: 0, scheduledTimeMs: null, fromRest: true },
	aliveAtMonoMs: 1_000,
	lastBeat: { eventId: uuid(3, 1), occurredMs: 30_000, receivedMs: 30_000 },
	occurredMs: [0, 30_000],
};

function parts() {
	const observation = new Observation({ monoMs: 0, wallMs: 0 });
	const yardstick = new Yardstick({ live: { current: defaultSettings }, observation, learning: new Learning() });
	return { observation, yardstick, table: new RunTable() };
}

const plain = ({ runId, anchorMs, lapsed, hasOpenEpisode }: ArmedRun) => ({ runId, anchorMs, lapsed, hasOpenEpisode });

describe("the runs that may lapse together", () => {
	it("are the armed ones, their silence dated by the server's clock", () => {
		const { observation, yardstick, table } = parts();
		table.add(beating, 0);
		table.add({ ...newRun(uuid(1, 2)), state: beating.state }, 0);
		observation.restAnswered({ monoMs: 2_000, wallMs: 0 }, 31_500);
		const runs = Array.from(countArmed(table, yardstick, 100_000).fleet.others(), plain);
		expect(runs).toMatchObject([{ runId: uuid(1, 1), anchorMs: 30_000, lapsed: true, hasOpenEpisode: false }]);
	});

	it("are dated by their last beat while that clock is unknown, and by nothing without either", () => {
		const { yardstick, table } = parts();
		table.add(beating, 0);
		table.add({ ...beating, runId: uuid(1, 2), lastBeat: { ...beating.lastBeat!, receivedMs: null } }, 0);
		const { fleet } = countArmed(table, yardstick, 2_000);
		expect(Array.from(fleet.all(), ({ anchorMs }) => anchorMs)).toEqual([30_000, 0]);
	});
});

describe("a run never heard", () => {
	it("is held by no group, and belongs to none", () => {
		const { table } = parts();
		const groups = new GroupWatch({ namespace: "n", workspace: "w", table, holds: true });
		expect(groups.heldUntil(newRun(uuid(1, 1)))).toBeNull();
		expect(groups.groupIdOf(newRun(uuid(1, 1)))).toBeNull();
	});
});

describe("a fleet that dies at once", () => {
	/** When the verdicts come, after the death; each of them is part of the incident. */
	function heldMs(befall: (world: World) => void): number {
		const world = new World();
		const runs = Array.from({ length: 4 }, (_, index) => started(world, `r${index}`, { workPool: "pool" }));
		world.at(10 * minute, () => {
			for (const run of runs) world.server.kill(run);
		});
		world.at(12 * minute, () => befall(world));
		world.run(hour);
		expect(world.story.toSorted()).toEqual(runs.map((run) => `${run.labels.name} raised`));
		const [group] = world.groups;
		expect(group!.group).toMatchObject({ extent: "full", runsTotal: 4 });
		const episodes = world.told.map(({ transition }) => transition.episode);
		expect(new Set(episodes.map(({ groupId }) => groupId))).toEqual(new Set([group!.group.groupId]));
		return world.told[0]!.atMs - group!.atMs;
	}

	it("is held for 15 minutes, for want of a proof that events still come through", () => {
		expect(heldMs(() => {})).toBeGreaterThanOrEqual(15 * minute);
		expect(heldMs((world) => world.offline.set("pool", false))).toBeGreaterThanOrEqual(15 * minute);
		const backOnline = heldMs((world) => {
			world.offline.set("pool", true);
			world.at(14 * minute, () => world.offline.set("pool", false));
		});
		expect(backOnline).toBeGreaterThanOrEqual(15 * minute);
	});

	it("is held for 345 s when REST says that its workers are offline", () => {
		const ms = heldMs((world) => world.offline.set("pool", true));
		expect(ms).toBeGreaterThanOrEqual(345 * second);
		expect(ms).toBeLessThanOrEqual(375 * second);
	});
});

describe("incidents that an earlier process opened", () => {
	const at = { monoMs: 100_000, wallMs: 1_790_000_100_000 };

	it("are counted by kind until they are taken up, and after", () => {
		const { yardstick, table } = parts();
		const groups = new GroupWatch({ namespace: "n", workspace: "w", table, holds: true });
		const open = [groupOf("one", { group: "a" }), groupOf("two", { group: "b" })];
		groups.begin({ tripped: [], silences: [], open });
		expect(groups.openByKind).toEqual({ work_pool: 2 });
		expect(groups.restore(0, at)).toEqual([]);
		expect(groups.openByKind).toEqual({ work_pool: 2 });
		expect(
			groups
				.sweep(at, countArmed(table, yardstick, at.monoMs).fleet)
				.transitions.map(({ incident: { groupId, closed } }) => [groupId, closed?.outcome]),
		).toEqual([
			["one", "ended"],
			["two", "ended"],
		]);
		expect(groups.openByKind).toEqual({});
	});

	it("are closed when the group has another one by now", () => {
		const disruption = new Disruption({ namespace: "n", workspace: "w" });
		const known = { tripped: [trippedGroup], silences: [], open: [groupOf("older"), groupOf("group-1")] };
		const over = disruption.restore(known, (serverMs) => serverMs - 1_790_000_000_000, at);
		expect(over).toEqual([groupOf("older", { closed: { outcome: "ended", atMs: at.wallMs } })]);
		expect(disruption.open.map(({ groupId }) => groupId)).toEqual(["group-1"]);
	});
});

describe("work pools", () => {
	/** Runs in these pools, of which some die at 10 minutes. */
	function deaths(pools: readonly (string | null)[], dies: (n: number) => boolean = () => true): World {
		const world = new World();
		const runs = pools.map((workPool, n) => started(world, `r${n}`, workPool === null ? {} : { workPool }));
		world.at(10 * minute, () => {
			for (const [n, run] of runs.entries()) if (dies(n)) world.server.kill(run);
		});
		return world;
	}

	it("are asked about every 30 s while everything is silent and held for want of a proof, and not after", () => {
		const world = deaths(["p", "p", "p", "q"]);
		world.run(hour);
		const trippedMs = world.groups[0]!.atMs;
		const times = world.askedPools.filter(({ workPool }) => workPool === "p").map(({ atMs }) => atMs - trippedMs);
		expect(times).toEqual(Array.from({ length: 30 }, (_, n) => n * 30 * second));
		expect(world.askedPools).toHaveLength(60);
		expect(new Set(world.askedPools.map(({ workPool }) => workPool))).toEqual(new Set(["p", "q"]));
	});

	it("are asked about ten at a time, each in its turn", () => {
		const world = deaths(Array.from({ length: 25 }, (_, n) => `pool ${n}`));
		world.run(15 * minute);
		const rounds = Map.groupBy(world.askedPools, ({ atMs }) => atMs);
		const [first, second_, third] = [...rounds.values()].map((round) => round.map(({ workPool }) => workPool));
		expect([...rounds.values()].every((round) => round.length === 10)).toBe(true);
		expect(new Set([...first!, ...second_!, ...third!]).size).toBe(25);
	});

	it.each([
		{
			when: "one of them is silent and others beat",
			pools: ["p", "p", "p", "q", "q", "q"],
			dies: (n: number) => n < 3,
		},
		{ when: "runs belong to none", pools: [null, null, null, null], dies: () => true },
		{ when: "a run dies alone", pools: ["p", "p", "p", "p", "p", "p"], dies: (n: number) => n === 0 },
		{ when: "nobody dies", pools: ["p", "p", "p"], dies: () => false },
	])("are asked about by nobody when $when", ({ pools, dies }) => {
		const world = deaths(pools, dies);
		world.run(30 * minute);
		expect(world.askedPools).toEqual([]);
	});

	it("are asked about no more once an event has proven that the pipe works", () => {
		const world = deaths(["p", "p", "p"]);
		world.at(13 * minute, () => world.server.submit(world.nowMs, { name: "new" }));
		world.run(30 * minute);
		expect(world.askedPools.length).toBeGreaterThan(0);
		expect(Math.max(...world.askedPools.map(({ atMs }) => atMs))).toBeLessThanOrEqual(13 * minute);
	});

	it("that were offline are not so for the next time", () => {
		const world = new World();
		const runs = ["a", "b", "c"].map((name) => started(world, name, { workPool: "p" }));
		const all = (act: (run: (typeof runs)[number]) => void) => () => {
			for (const run of runs) act(run);
		};
		world.offline.set("p", true);
		world.at(
			10 * minute,
			all((run) => world.server.freeze(run)),
		);
		world.at(
			14 * minute,
			all((run) => world.server.thaw(run, world.nowMs)),
		);
		world.at(16 * minute, () => world.apply({ kind: "workers", at: world.now, workPool: "p", offline: true }));
		world.at(20 * minute, () => {
			world.offline.clear();
			all((run) => world.server.kill(run))();
		});
		world.run(35 * minute);
		expect(world.story).toEqual([]);
		world.run(38 * minute);
		expect(world.story).toHaveLength(3);
	});
});

describe("a single look", () => {
	it("holds nothing, since it cannot wait", () => {
		const { yardstick, table } = parts();
		for (let number = 1; number <= 5; number += 1) table.add({ ...beating, runId: uuid(1, number) }, 0);
		const at = { monoMs: 100_000, wallMs: 0 };
		const sweepOf = (holds: boolean) =>
			new GroupWatch({ namespace: "n", workspace: "w", table, holds }).sweep(
				at,
				countArmed(table, yardstick, 100_000).fleet,
			);
		expect(sweepOf(true).transitions).toHaveLength(1);
		expect(sweepOf(false)).toEqual({ transitions: [], resetRuns: [] });
	});
});
