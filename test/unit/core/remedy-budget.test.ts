import { expect, test } from "vitest";
import { RemedyBudget } from "../../../src/core/remedy-budget.ts";

const limits = { perMinute: 3, perPoolPerMinute: 2 };
const minute = 60_000;

test("a pool has a minute's worth, and one more whenever its share of a minute has passed", () => {
	const budget = new RemedyBudget();
	expect(budget.obstacle("k8s", limits, 0)).toBeNull();
	budget.spend("k8s", limits, 0);
	expect(budget.obstacle("k8s", limits, 0)).toBeNull();
	budget.spend("k8s", limits, 0);
	expect(budget.obstacle("k8s", limits, 0)).toBe("pool_budget");
	expect(budget.obstacle("k8s", limits, minute / 2 - 1)).toBe("pool_budget");
	expect(budget.obstacle("k8s", limits, minute / 2)).toBeNull();
});

test("another pool has its own, and all together are bounded", () => {
	const budget = new RemedyBudget();
	for (const pool of ["a", "a", null]) budget.spend(pool, limits, 0);
	expect(budget.obstacle("b", limits, 0)).toBe("budget");
	expect(budget.obstacle("b", limits, minute / 3)).toBeNull();
	expect(budget.obstacle(null, limits, minute / 3)).toBeNull();
});

test("it never holds more than a minute's worth, however long nothing was done", () => {
	const budget = new RemedyBudget();
	for (const atMs of [0, 60 * minute, 60 * minute]) budget.spend("k8s", limits, atMs);
	expect(budget.obstacle("k8s", limits, 60 * minute)).toBe("pool_budget");
});

test("a pool among more than a thousand is forgotten when it is full again at the latest", () => {
	const budget = new RemedyBudget();
	const plenty = { perMinute: 60, perPoolPerMinute: 1 };
	budget.spend("first", plenty, 0);
	for (let pool = 0; pool < 1_000; pool += 1) budget.spend(`pool-${pool}`, plenty, minute + pool);
	expect(budget.obstacle("first", plenty, 3 * minute)).toBeNull();
	expect(budget.obstacle("pool-999", plenty, minute + 999)).not.toBeNull();
});
