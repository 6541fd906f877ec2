import { describe, expect, it } from "vitest";
import type { GroupIncident } from "../../../src/core/group-incident.ts";
import { Fleet, second } from "../../_util/disruption-fleet.ts";

function told(incidents: readonly GroupIncident[]): readonly string[] {
	return incidents.map(({ groupKind, group, extent }) => `${groupKind} ${group} ${extent}`);
}

/** `lapsed` of `armed` runs of a pool and a version. */
interface Part {
	readonly pool: string | null;
	readonly version: string | null;
	readonly armed: number;
	readonly lapsed: number;
}

function fleetOf(parts: readonly Part[]): Fleet {
	const fleet = new Fleet();
	for (const [index, { pool, version, armed, lapsed }] of parts.entries()) {
		const ids = fleet.add(`part${index}`, armed, { workPool: pool, clientVersion: version });
		fleet.lapse(ids.slice(0, lapsed));
	}
	return fleet;
}

describe("of the groups that trip at once", () => {
	it.each([
		{
			rule: "a pool is told, not the version and the fleet that trip through it",
			parts: [
				{ pool: "a", version: "1", armed: 20, lapsed: 20 },
				{ pool: "b", version: "1", armed: 30, lapsed: 0 },
				{ pool: "c", version: "2", armed: 30, lapsed: 0 },
			],
			expected: ["work_pool a full"],
		},
		{
			rule: "two pools, each for itself",
			parts: [
				{ pool: "a", version: "1", armed: 20, lapsed: 20 },
				{ pool: "b", version: "1", armed: 20, lapsed: 20 },
				{ pool: "c", version: "1", armed: 60, lapsed: 0 },
			],
			expected: ["work_pool a full", "work_pool b full"],
		},
		{
			rule: "a version that is silent in all pools, not the pools that trip through it",
			parts: [
				{ pool: "a", version: "1", armed: 7, lapsed: 0 },
				{ pool: "a", version: "2", armed: 4, lapsed: 4 },
				{ pool: "b", version: "1", armed: 7, lapsed: 0 },
				{ pool: "b", version: "2", armed: 4, lapsed: 4 },
				{ pool: "c", version: "1", armed: 7, lapsed: 0 },
				{ pool: "c", version: "2", armed: 4, lapsed: 4 },
			],
			expected: ["client_version 2 full"],
		},
		{
			rule: "of a pool and a version of the same runs the pool",
			parts: [
				{ pool: "a", version: "2", armed: 10, lapsed: 10 },
				{ pool: "b", version: "1", armed: 90, lapsed: 0 },
			],
			expected: ["work_pool a full"],
		},
		{
			rule: "everything, alone, when all is silent",
			parts: [
				{ pool: "a", version: "1", armed: 10, lapsed: 10 },
				{ pool: "b", version: "2", armed: 10, lapsed: 10 },
			],
			expected: ["everything everything full"],
		},
		{
			rule: "everything, when a part of each pool is silent",
			parts: [
				{ pool: "a", version: "1", armed: 10, lapsed: 6 },
				{ pool: "b", version: "2", armed: 10, lapsed: 5 },
			],
			expected: ["everything everything partial"],
		},
		{
			rule: "everything, when the only pool is as much as everything",
			parts: [{ pool: "a", version: "1", armed: 10, lapsed: 4 }],
			expected: ["everything everything some"],
		},
		{
			rule: "everything, for runs without pool and version",
			parts: [{ pool: null, version: null, armed: 10, lapsed: 4 }],
			expected: ["everything everything some"],
		},
		{
			rule: "a pool that is tripped by its own lapses, beside a version that is silent elsewhere",
			parts: [
				{ pool: "a", version: "1", armed: 10, lapsed: 10 },
				{ pool: "b", version: "2", armed: 10, lapsed: 10 },
				{ pool: "c", version: "2", armed: 10, lapsed: 10 },
				{ pool: "b", version: "1", armed: 40, lapsed: 0 },
				{ pool: "c", version: "1", armed: 40, lapsed: 0 },
			],
			expected: ["client_version 2 full", "work_pool a full"],
		},
	])("$rule", ({ parts, expected }) => {
		expect(told(fleetOf(parts).sweep(100 * second).opened)).toEqual(expected);
		expect(told(fleetOf(parts.toReversed()).sweep(100 * second).opened)).toEqual(expected);
	});

	it("what is told stays told, and everything is told besides when all falls silent", () => {
		const fleet = new Fleet();
		const a = fleet.add("a", 10, { workPool: "a" });
		const b = fleet.add("b", 90, { workPool: "b" });
		fleet.lapse(a);
		expect(told(fleet.sweep(100 * second).opened)).toEqual(["work_pool a full"]);
		fleet.lapse(b.slice(0, 15));
		// Everything trips, and neither the pool that is told nor the rest, 15 of 90, make it worth telling.
		expect(told(fleet.sweep(101 * second).opened)).toEqual([]);
		fleet.lapse(b);
		expect(told(fleet.sweep(102 * second).opened)).toEqual(["everything everything full"]);
		expect(told(fleet.disruption.open)).toEqual(["everything everything full", "work_pool a full"]);
	});

	it("one that another explains at first is told when it no longer does", () => {
		const fleet = new Fleet();
		const a = fleet.add("a", 30, { workPool: "a" });
		for (const pool of ["b", "c", "d", "e"]) fleet.add(pool, 10, { workPool: pool });
		fleet.lapse(a);
		expect(told(fleet.sweep(100 * second).opened)).toEqual(["work_pool a full"]);
		fleet.lapse(["b-00", "b-01", "c-00", "c-01", "d-00", "d-01", "e-00"]);
		expect(told(fleet.sweep(101 * second).opened)).toEqual([]);
		fleet.lapse(["e-01"]);
		expect(told(fleet.sweep(102 * second).opened)).toEqual(["everything everything some"]);
	});

	it("a group that is over the line only in what is left over is not told", () => {
		const fleet = new Fleet();
		const a = fleet.add("a", 60, { workPool: "a" });
		fleet.add("b", 4, { workPool: "b" });
		fleet.add("c", 4, { workPool: "c" });
		fleet.lapse(a.slice(0, 30));
		expect(told(fleet.sweep(100 * second).opened)).toEqual(["work_pool a some"]);
		fleet.judge(a.slice(0, 29));
		fleet.lapse(["b-00", "b-01", "c-00"]);
		// Everything has tripped, untold. 3 of the 8 runs outside of the pool are silent, but 4 of all 39.
		expect(told(fleet.sweep(101 * second).opened)).toEqual([]);
	});

	it("a group that is not told comes and goes without a word", () => {
		const fleet = new Fleet();
		const a = fleet.add("a", 20, { workPool: "a" });
		fleet.add("b", 80, { workPool: "b" });
		fleet.lapse(a);
		fleet.sweep(100 * second);
		fleet.judge(a);
		expect(told(fleet.sweep(500 * second).closed)).toEqual(["work_pool a full"]);
		expect(fleet.disruption.groupRows((ms) => ms)).toEqual([]);
	});
});
