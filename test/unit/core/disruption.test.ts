import { describe, expect, it } from "vitest";
import type { ArmedRun } from "../../../src/core/disruption-count.ts";
import { armedFleet, at, Fleet, quietPipe, second } from "../../_util/disruption-fleet.ts";

describe("a group trips", () => {
	it.each([
		{ rule: "with 3 of 15, which is 20 %", lapsed: 3, armed: 15, trips: true },
		{ rule: "not with 3 of 16", lapsed: 3, armed: 16, trips: false },
		{ rule: "with 4 of 20", lapsed: 4, armed: 20, trips: true },
		{ rule: "not with 2 of 3, which are too few", lapsed: 2, armed: 3, trips: false },
		{ rule: "not with 2 of 2", lapsed: 2, armed: 2, trips: false },
		{ rule: "with 3 of 3", lapsed: 3, armed: 3, trips: true },
		{ rule: "not without runs", lapsed: 0, armed: 0, trips: false },
	])("$rule", ({ lapsed, armed, trips }) => {
		const fleet = new Fleet();
		const ids = fleet.add("run", armed, { workPool: "k8s" });
		fleet.add("elsewhere", 100);
		fleet.lapse(ids.slice(0, lapsed));

		const { opened, closed, resetRuns } = fleet.sweep(75 * second);

		expect(opened.map(({ groupKind, group }) => `${groupKind} ${group}`)).toEqual(trips ? ["work_pool k8s"] : []);
		expect([closed, resetRuns]).toEqual([[], []]);
	});

	it("counting neither the armed nor the lapsed among runs with an open episode", () => {
		const fleet = new Fleet();
		const ids = fleet.add("run", 20);
		const old = fleet.add("old", 20);
		fleet.lapse([...ids.slice(0, 3), ...old]);
		fleet.judge(old);
		expect(fleet.sweep(75 * second).opened).toEqual([]);

		fleet.lapse(ids.slice(0, 4));
		expect(fleet.sweep(76 * second).opened).toMatchObject([{ runsTotal: 4, runIds: ids.slice(0, 4) }]);
	});

	it("once, while it lasts", () => {
		const fleet = new Fleet();
		const ids = fleet.add("run", 10);
		fleet.lapse(ids.slice(0, 3));
		expect(fleet.sweep(75 * second).opened).toHaveLength(1);
		fleet.lapse(ids);
		expect(fleet.sweep(76 * second).opened).toEqual([]);
		expect(fleet.disruption.open).toMatchObject([{ extent: "full", runsTotal: 10, runIds: ids }]);
	});

	it.each([
		{ lapsed: 3, armed: 6, extent: "some" },
		{ lapsed: 11, armed: 20, extent: "partial" },
		{ lapsed: 10, armed: 20, extent: "some" },
		{ lapsed: 19, armed: 20, extent: "partial" },
		{ lapsed: 20, armed: 20, extent: "full" },
		{ lapsed: 3, armed: 3, extent: "full" },
	])("and $lapsed of $armed are called $extent", ({ lapsed, armed, extent }) => {
		const fleet = new Fleet();
		fleet.lapse(fleet.add("run", armed).slice(0, lapsed));
		expect(fleet.sweep(75 * second).opened).toMatchObject([
			{ extent, runsTotal: lapsed, openedAtMs: at(75_000).wallMs },
		]);
	});

	it("and the widest extent is kept", () => {
		const fleet = new Fleet();
		const ids = fleet.add("run", 20);
		fleet.lapse(ids.slice(0, 11));
		fleet.sweep(75 * second);
		fleet.beat(ids.slice(0, 5), 80 * second);
		fleet.sweep(80 * second);
		expect(fleet.disruption.open).toMatchObject([{ extent: "partial", runsTotal: 11 }]);
	});

	it("though the caller reuses one object for all runs", () => {
		const ids = ["a", "b", "c", "d"];
		function* facts(): Generator<ArmedRun> {
			const one = { aliveAtMonoMs: 0, anchorMs: 0, cadenceMs: 30_000, workPool: null, clientVersion: null };
			const reused = { ...one, runId: "", lapsed: true, hasOpenEpisode: false };
			for (const runId of ids) yield Object.assign(reused, { runId });
		}
		const { disruption } = new Fleet();
		const { opened } = disruption.sweep(at(75_000), armedFleet(facts), quietPipe);
		expect(opened).toMatchObject([{ runIds: ids }]);
	});
});

describe("the runs that an incident names", () => {
	it("are at most 200, the first in order, with their number beside", () => {
		const fleet = new Fleet();
		const ids = Array.from({ length: 1_000 }, (_, index) => fleet.add(String(index).padStart(4, "0"), 1)[0]!);
		fleet.lapse(ids);
		const reversed = () => [...fleet.runs.values()].toReversed();
		const { opened } = fleet.disruption.sweep(at(75_000), armedFleet(reversed), quietPipe);
		expect(opened).toMatchObject([{ runsTotal: 1_000, runIds: ids.slice(0, 200) }]);
	});

	it.each([
		{ late: 2, named: 200 },
		{ late: 1, named: 199 },
	])("are joined by $late that lapse later, as far as there is room", ({ late, named }) => {
		const fleet = new Fleet();
		const early = fleet.add("m", 99).concat(fleet.add("n", 99));
		const others = fleet.add("a", late).concat(fleet.add("z", 3));
		fleet.lapse(early);
		fleet.sweep(75 * second);
		fleet.lapse(others.slice(0, late));
		fleet.sweep(76 * second);
		expect(fleet.disruption.open[0]?.runIds).toHaveLength(named);
		fleet.lapse(others);
		fleet.sweep(77 * second);
		expect(fleet.disruption.open[0]?.runIds).toEqual([...early, ...others].toSorted().slice(0, late + 200 - late));
		expect(fleet.disruption.open[0]?.runsTotal).toBe(201 + late);
	});
});

describe("a group's id", () => {
	function idOf(setUp: (fleet: Fleet, ids: readonly string[]) => void, sweepMs = 75 * second): string {
		const fleet = new Fleet();
		const ids = fleet.add("run", 5, { anchorMs: 2_000, workPool: "k8s" });
		fleet.add("elsewhere", 5);
		fleet.lapse(ids);
		setUp(fleet, ids);
		return fleet.sweep(sweepMs).opened[0]!.groupId;
	}
	const plain = idOf(() => {});

	it("is the same in another daemon, with other clocks and at another moment", () => {
		expect(idOf((fleet, ids) => fleet.set(ids, { aliveAtMonoMs: -500_000 }), 91_234)).toBe(plain);
	});

	it("is that of the earliest silence, whichever runs lapsed with it", () => {
		const first = { anchorMs: 1_000 };
		const withAll = idOf((fleet, ids) => fleet.set(ids.slice(1, 2), first));
		expect(withAll).not.toBe(plain);
		expect(idOf((fleet, ids) => [fleet.set(ids.slice(1, 2), first), fleet.end(ids.slice(4))])).toBe(withAll);
		expect(idOf((fleet, ids) => fleet.set(ids.slice(2, 3), first))).not.toBe(withAll);
	});

	it("differs from pool to pool", () => {
		expect(idOf((fleet, ids) => fleet.set(ids, { workPool: "ecs" }))).not.toBe(plain);
	});
});
