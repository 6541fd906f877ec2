import { describe, expect, it } from "vitest";
import { RecentMap } from "../../../src/core/recent-map.ts";

describe("a map of what is recent", () => {
	it("names each key that was set once, and then no more", () => {
		const map = new RecentMap<number>(3);
		map.set("a", 1);
		map.set("b", 2);
		map.set("a", 3);
		expect(map.takeChanged()).toEqual(["a", "b"]);
		expect(map.takeChanged()).toEqual([]);
		expect([map.get("a"), map.get("b"), map.get("c")]).toEqual([3, 2, undefined]);
	});

	it("when full loses the key that was not set for longest, and names it", () => {
		const map = new RecentMap<number>(2);
		map.set("a", 1);
		map.set("b", 2);
		map.set("a", 3);
		map.takeChanged();
		map.set("c", 4);
		expect(map.takeChanged().toSorted()).toEqual(["b", "c"]);
		expect([map.get("a"), map.get("b"), map.get("c")]).toEqual([3, undefined, 4]);
	});

	it("does not name what was restored, except what no longer fits", () => {
		const map = new RecentMap<number>(2);
		map.restore([
			["a", 1],
			["b", 2],
		]);
		expect(map.takeChanged()).toEqual([]);
		const small = new RecentMap<number>(1);
		small.restore([
			["a", 1],
			["b", 2],
		]);
		expect(small.takeChanged()).toEqual(["a"]);
		expect([small.get("a"), small.get("b")]).toEqual([undefined, 2]);
	});
});
