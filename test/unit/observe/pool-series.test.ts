import { beforeEach, describe, expect, test } from "vitest";
import { Metrics } from "../../../src/observe/metrics.ts";
import { noPool, PoolSeries, poolSeriesMax } from "../../../src/observe/pool-series.ts";

let pools: PoolSeries;

beforeEach(() => {
	pools = new PoolSeries();
});

function poolsOf(count: number, firstMs = 0): Map<string | null, number> {
	return new Map(Array.from({ length: count }, (_, n) => [`pool-${n}`, firstMs + n]));
}

describe("the series of work pools", () => {
	test("are all of them up to the cap, and none is dropped", () => {
		const { series, newlyDropped } = pools.of(poolsOf(poolSeriesMax));
		expect([...series]).toEqual([...poolsOf(poolSeriesMax)]);
		expect(newlyDropped).toBe(0);
	});

	test("beyond it are those of the oldest; the others are counted when they are dropped, and not at each sweep", () => {
		const many = poolsOf(poolSeriesMax + 2);
		const first = pools.of(many);
		expect(first.series.has("pool-0")).toBe(true);
		expect(first.series.has(`pool-${poolSeriesMax}`)).toBe(false);
		expect(first.newlyDropped).toBe(2);
		expect(pools.of(many).newlyDropped).toBe(0);
		many.set(`pool-${poolSeriesMax}`, -1);
		const moved = pools.of(many);
		expect([...moved.series][0]).toEqual([`pool-${poolSeriesMax}`, -1]);
		expect(moved.newlyDropped).toBe(1);
	});

	test("no pool is a label that no pool's name can be taken for", () => {
		const { series } = pools.of(
			new Map([
				[null, 1],
				["<none>", 2],
				["none", 3],
			]),
		);
		expect([...series]).toEqual([
			[noPool, 1],
			["?none?", 2],
			["none", 3],
		]);
	});

	test("names that look the same once cut and cleaned share one, of the older", () => {
		const long = "p".repeat(150);
		const { series } = pools.of(
			new Map([
				[`${long}a`, 7],
				[`${long}b`, 5],
				["x\u0007", 2],
			]),
		);
		expect([...series]).toEqual([
			["x\\u{7}", 2],
			[`${"p".repeat(99)}…`, 5],
		]);
	});
});

describe("a gauge whose series are replaced", () => {
	test("holds those of the last time alone, of this workspace alone", async () => {
		const metrics = new Metrics({ version: "1", revision: "r", nodeVersion: "v" });
		const [one, other] = [metrics.workspace("one"), metrics.workspace("other")];
		const name = "oldest_beat_timestamp_seconds";
		other.replace(name, [{ labels: { work_pool: "a" }, value: 9 }]);
		one.replace(name, [
			{ labels: { work_pool: "a" }, value: 1 },
			{ labels: { work_pool: "b" }, value: 2 },
		]);
		one.replace(name, [{ labels: { work_pool: "b" }, value: 3 }]);
		const lines = (await metrics.text()).split("\n").filter((line) => line.startsWith(`zombied_${name}{`));
		expect(lines.toSorted()).toEqual([
			`zombied_${name}{work_pool="a",workspace="other"} 9`,
			`zombied_${name}{work_pool="b",workspace="one"} 3`,
		]);
	});
});
