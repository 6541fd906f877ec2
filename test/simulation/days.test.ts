import { afterAll, describe, expect, test } from "vitest";
import { PlayPool } from "./play-pool.ts";
import { day, daySeeds } from "./seeds.ts";

/** A seed takes 20 s of one core; all of them wait for the cores together, which others may be using. */
const timeoutMs = 40 * 60_000;

describe("R1: in 24 hours of 200 runs no rule is broken", () => {
	const pool = new PlayPool(day);
	afterAll(() => pool[Symbol.asyncDispose]());

	test.concurrent.each(daySeeds)("by seed %i", { timeout: timeoutMs }, async (seed) => {
		// What is printed of a failure ends with the command that replays the seed alone.
		const played = await pool.play(seed);
		expect(played.report).toEqual([]);
		expect(played.debtsPaid).toBeGreaterThan(20);
	});
});
