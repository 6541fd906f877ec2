import { expect, test } from "vitest";
import { DeadMan } from "../../../src/core/dead-man.ts";

const minute = 60_000;
const well = { notReady: null, mayJudge: true };
const unable = { notReady: null, mayJudge: false };

test("a switch is left alone for our own affairs at once, and for Prefect's after a quarter of an hour", () => {
	const deadMan = new DeadMan(0);
	expect(deadMan.hesitation({ notReady: "the database fails", mayJudge: true }, minute)).toBe("the database fails");
	expect(deadMan.hesitation(unable, 16 * minute)).toBeNull();
	expect(deadMan.hesitation(unable, 16 * minute + 1)).toContain("no verdict could be made");
	expect(deadMan.hesitation(well, 20 * minute)).toBeNull();
	expect(deadMan.hesitation(unable, 35 * minute)).toBeNull();
	expect(deadMan.hesitation(unable, 35 * minute + 1)).not.toBeNull();
});

test("a daemon that never could make a verdict has a quarter of an hour from its start", () => {
	const deadMan = new DeadMan(5 * minute);
	expect(deadMan.hesitation(unable, 20 * minute)).toBeNull();
	expect(deadMan.hesitation(unable, 20 * minute + 1)).not.toBeNull();
});
