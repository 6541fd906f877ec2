import { describe, expect, it } from "vitest";
import { Patience } from "../../../src/core/patience.ts";

const weekMs = 7 * 24 * 60 * 60_000;
const nowMs = Date.UTC(2026, 4, 13);

/** After so many verdicts that recovered, all at `nowMs`. */
function raised(times: number, baseK = 3): Patience {
	const patience = new Patience();
	for (let time = 0; time < times; time += 1) patience.raise("etl", baseK, nowMs);
	return patience;
}

describe("K that learns", () => {
	it.each([
		[0, 3, 3],
		[1, 3, 4],
		[2, 3, 5],
		[3, 3, 6],
		[4, 3, 6],
		[1, 2, 3],
		[4, 2, 6],
		[1, 6, 6],
		[1, 5.5, 6],
	])("after %i recovered verdicts K of %d is %d", (times, baseK, expected) => {
		expect(raised(times, baseK).kOf("etl", baseK, nowMs)).toBe(expected);
	});

	it("falls by one a week, down to K itself", () => {
		const patience = raised(2);
		const at = (elapsedMs: number) => patience.kOf("etl", 3, nowMs + elapsedMs);
		expect([at(weekMs - 1), at(weekMs), at(2 * weekMs - 1), at(2 * weekMs), at(9 * weekMs)]).toEqual([5, 4, 4, 3, 3]);
	});

	it("has nothing beyond 6 to fall from", () => {
		expect(raised(20).kOf("etl", 3, nowMs + weekMs)).toBe(5);
	});

	it("rises from where it has fallen to, and its week begins again", () => {
		const patience = raised(2);
		patience.raise("etl", 3, nowMs + weekMs);
		expect(patience.kOf("etl", 3, nowMs + 2 * weekMs - 1)).toBe(5);
		expect(patience.kOf("etl", 3, nowMs + 2 * weekMs)).toBe(4);
	});

	it("stays 6 at most for a run of the deployment with a greater K of its own", () => {
		expect(raised(2, 3).kOf("etl", 5, nowMs)).toBe(6);
	});

	it("is of one deployment, and of none without one", () => {
		const patience = raised(1);
		patience.raise(null, 3, nowMs);
		expect([patience.kOf("etl", 3, nowMs), patience.kOf("other", 3, nowMs), patience.kOf(null, 3, nowMs)]).toEqual([
			4, 3, 3,
		]);
		expect(patience.takeChanged()).toEqual(["etl"]);
	});

	it("does not move when the wall clock is set back", () => {
		expect(raised(1).kOf("etl", 3, nowMs - weekMs)).toBe(4);
	});
});

describe("the rows of patience", () => {
	it("bring K back after a restart, less what has fallen meanwhile", () => {
		const row = raised(2).rowOf("etl")!;
		expect(row).toEqual({ key: "etl", extraK: 2, raisedAtMs: nowMs });
		const after = new Patience();
		after.restore([row], nowMs + weekMs);
		expect(after.kOf("etl", 3, nowMs + weekMs)).toBe(4);
		expect(after.kOf("etl", 3, nowMs + 2 * weekMs)).toBe(3);
		expect(after.takeChanged()).toEqual([]);
	});

	it("count their weeks from the restart when they were written by a clock that was ahead", () => {
		const after = new Patience();
		after.restore([{ key: "etl", extraK: 1, raisedAtMs: nowMs + 500 * weekMs }], nowMs);
		expect([after.kOf("etl", 3, nowMs + weekMs - 1), after.kOf("etl", 3, nowMs + weekMs)]).toEqual([4, 3]);
	});

	it("are none where K is 6 as set", () => {
		const patience = raised(1, 6);
		expect([patience.rowOf("etl"), patience.takeChanged()]).toEqual([null, []]);
	});

	it("are at most 5,000: the one longest unchanged goes, and says so", () => {
		const patience = new Patience();
		for (let index = 0; index < 5_000; index += 1) patience.raise(`d${index}`, 3, nowMs);
		patience.takeChanged();
		expect(patience.kOf("d0", 3, nowMs)).toBe(4);
		patience.raise("d5000", 3, nowMs);
		expect([patience.kOf("d0", 3, nowMs), patience.kOf("d1", 3, nowMs)]).toEqual([3, 4]);
		expect(patience.takeChanged()).toContain("d0");
	});
});
