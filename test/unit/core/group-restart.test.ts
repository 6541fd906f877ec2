import { describe, expect, it } from "vitest";
import { started } from "../../_util/core-scenario.ts";
import type { SimRun } from "../../_util/core-server.ts";
import { minute, second, World } from "../../_util/core-world.ts";

const holdMs = 345 * second;
const deathMs = 10 * minute;

/** A pool of 4 dies among 8 others; `befall` gets the world as it is when the incident has just been told. */
function poolDies(befall: (world: World, dead: readonly SimRun[]) => void, untilMs = 40 * minute): World {
	const world = new World();
	const dead = Array.from({ length: 4 }, (_, index) => started(world, `dead${index}`, { workPool: "etl" }));
	for (let index = 0; index < 8; index += 1) started(world, `live${index}`, { workPool: "other" });
	world.at(deathMs, () => {
		for (const run of dead) world.server.freeze(run);
	});
	while (world.groups.length === 0) world.run(world.nowMs + second);
	befall(world, dead);
	world.run(untilMs);
	return world;
}

function restart(world: World, afterMs: number, awayMs: number): void {
	const atMs = world.nowMs + afterMs;
	world.at(atMs, () => world.stopDaemon());
	world.at(atMs + awayMs, () => world.startDaemon());
}

function toldOf(world: World): readonly string[] {
	return world.groups.map(({ group }) => `${group.groupKind} ${group.group} ${group.closed?.outcome ?? "opened"}`);
}

/** From the incident's opening to each verdict. */
function delaysMs(world: World): readonly number[] {
	return world.told.map(({ atMs }) => atMs - world.groups[0]!.atMs);
}

describe("a daemon that restarts while verdicts on a group are held", () => {
	const plain = poolDies(() => {});
	const seconds = [1, 20, 200] as const;

	it.each(seconds)(
		"%i s after the incident was told flags nobody early, and nobody later than the hold says",
		(after) => {
			const world = poolDies((one) => restart(one, after * second, 5 * second));
			expect(world.story.toSorted()).toEqual(plain.story.toSorted());
			expect(world.story).toHaveLength(4);
			for (const delayMs of delaysMs(world)) {
				expect(delayMs).toBeGreaterThanOrEqual(holdMs);
				// REST settles for 45 s after a start, and a verdict takes two looks.
				expect(delayMs).toBeLessThanOrEqual(holdMs + 30 * second);
			}
		},
	);

	it.each(seconds)("%i s after it was told tells it once, and closes it under its id", (after) => {
		const world = poolDies((one) => restart(one, after * second, 5 * second));
		expect(toldOf(world)).toEqual(["work_pool etl opened", "work_pool etl ended"]);
		const [opened, closed] = world.groups;
		expect(closed!.group).toEqual({ ...opened!.group, closed: closed!.group.closed });
		expect(opened!.group.groupId).toBe(plain.groups[0]!.group.groupId);
		const episodes = world.told.map(({ transition }) => transition.episode.groupId);
		expect(new Set(episodes)).toEqual(new Set([opened!.group.groupId]));
	});

	it("again and again holds no longer than once", () => {
		const world = poolDies((one) => {
			for (let time = 0; time < 12; time += 1) restart(one, time * 40 * second, 2 * second);
		});
		expect(toldOf(world)).toEqual(["work_pool etl opened", "work_pool etl ended"]);
		// The last start is at 442 s, and REST settles for 45 s after it.
		for (const delayMs of delaysMs(world)) expect(delayMs).toBeLessThanOrEqual(442 * second + 75 * second);
		expect(world.story).toHaveLength(4);
	});

	it("and stays away beyond its end judges at once what is silent still, held by nobody anew", () => {
		const world = poolDies((one) => restart(one, 20 * second, 20 * minute));
		expect(toldOf(world)).toEqual(["work_pool etl opened", "work_pool etl ended"]);
		expect(world.story.toSorted()).toEqual(plain.story.toSorted());
		for (const delayMs of delaysMs(world)) expect(delayMs).toBeLessThanOrEqual(20 * minute + 2 * minute);
	});

	it("after the hold is over, while REST keeps the verdicts waiting, does not hold the same runs again", () => {
		const world = poolDies((one) => {
			one.at(one.nowMs + minute, () => {
				one.restUp = false;
			});
			one.at(one.nowMs + holdMs + 2 * minute, () => one.stopDaemon());
			one.at(one.nowMs + holdMs + 2 * minute + second, () => {
				one.restUp = true;
				one.startDaemon();
			});
		});
		expect(toldOf(world)).toEqual(["work_pool etl opened", "work_pool etl ended"]);
		for (const delayMs of delaysMs(world)) expect(delayMs).toBeLessThanOrEqual(holdMs + 4 * minute);
	});

	it("finds the group well again when its beats came while it was away", () => {
		const world = poolDies((one, dead) => {
			restart(one, 20 * second, 3 * minute);
			one.at(one.nowMs + 2 * minute, () => {
				for (const run of dead) one.server.thaw(run, one.nowMs);
			});
		});
		expect(toldOf(world)).toEqual(["work_pool etl opened", "work_pool etl recovered"]);
		expect(world.groups[1]!.group.groupId).toBe(world.groups[0]!.group.groupId);
		expect(world.story).toEqual([]);
		expect(world.storedHolds).toEqual([]);
	});

	it("closes the incident when its runs ended while it was away", () => {
		const world = poolDies((one, dead) => {
			restart(one, 20 * second, 3 * minute);
			one.at(one.nowMs + 2 * minute, () => {
				for (const run of dead) one.server.end(run, one.nowMs, "CRASHED");
			});
		});
		expect(toldOf(world)).toEqual(["work_pool etl opened", "work_pool etl ended"]);
		expect(world.story).toEqual([]);
	});
});

describe("a fleet that died at once", () => {
	/** From the incident to the last verdict, when an event has come that proves the pipe, or none has. */
	function lastDelayMs(proven: boolean): number {
		const world = new World();
		const runs = Array.from({ length: 4 }, (_, index) => started(world, `r${index}`));
		world.at(deathMs, () => {
			for (const run of runs) world.server.kill(run);
		});
		if (proven) world.at(deathMs + 2 * minute, () => world.server.submit(world.nowMs, { name: "proof" }));
		world.run(deathMs + 3 * minute);
		restart(world, 0, 5 * second);
		world.run(deathMs + 25 * minute);
		expect(world.story).toHaveLength(4);
		expect(toldOf(world)).toEqual(["everything everything opened", "everything everything ended"]);
		return Math.max(...delaysMs(world));
	}

	it("is held for its 15 minutes through a restart, and no longer", () => {
		expect(lastDelayMs(false)).toBeGreaterThanOrEqual(15 * minute);
		expect(lastDelayMs(false)).toBeLessThanOrEqual(15 * minute + 30 * second);
	});

	it("is held for 345 s when the pipe had been proven before it", () => {
		expect(lastDelayMs(true)).toBeGreaterThanOrEqual(holdMs);
		expect(lastDelayMs(true)).toBeLessThanOrEqual(holdMs + 30 * second);
	});
});

describe("an open incident that nothing else is stored of", () => {
	it("goes on under its id while its runs are silent, and holds them no longer", () => {
		const world = poolDies((one) => {
			restart(one, 20 * second, 5 * second);
			one.at(one.nowMs + 22 * second, () => one.forgetHolds());
		});
		expect(toldOf(world)).toEqual(["work_pool etl opened", "work_pool etl ended"]);
		for (const delayMs of delaysMs(world)) {
			expect(delayMs).toBeGreaterThanOrEqual(holdMs);
			expect(delayMs).toBeLessThanOrEqual(holdMs + 30 * second);
		}
	});

	it("is closed when nobody is silent any more", () => {
		const world = poolDies((one, dead) => {
			restart(one, 20 * second, 3 * minute);
			one.at(one.nowMs + minute, () => {
				one.forgetHolds();
				for (const run of dead) one.server.end(run, one.nowMs, "CRASHED");
			});
		});
		expect(toldOf(world)).toEqual(["work_pool etl opened", "work_pool etl ended"]);
		expect(world.story).toEqual([]);
	});
});

describe("the census", () => {
	it("counts the open incidents from the start, before the server has been heard", () => {
		const world = poolDies((one) => {
			expect(one.tracker.census.openGroups).toEqual({ work_pool: 1 });
			one.server.up = false;
			one.stopDaemon();
			one.run(one.nowMs + second);
			one.startDaemon();
			expect(one.tracker.census.openGroups).toEqual({ work_pool: 1 });
			one.run(one.nowMs + 5 * second);
			expect(one.tracker.census.openGroups).toEqual({ work_pool: 1 });
			one.server.up = true;
			one.run(one.nowMs + 30 * second);
			expect(one.tracker.census.openGroups).toEqual({ work_pool: 1 });
		});
		expect(world.tracker.census.openGroups).toEqual({});
	});
});

describe("a daemon that restarts among the living", () => {
	function restarted(losesBeats: boolean): World {
		const world = new World();
		// Beats are stored later than anything else.
		world.at(9 * minute + 30 * second, () => {
			world.losesBeats = losesBeats;
		});
		for (let index = 0; index < 12; index += 1) {
			// Spread over a cadence, so that the first one heard again tells nothing of the others.
			world.at(index * 2.5 * second, () => {
				const run = world.server.start(world.nowMs, { name: `r${index}` });
				if (index === 0) world.at(10 * minute, () => world.server.kill(run));
			});
		}
		world.at(11 * minute, () => world.stopDaemon());
		// REST takes its time, while the first live events already tell the server's clock.
		world.at(11 * minute + 2 * second, () => {
			world.restUp = false;
			world.startDaemon();
		});
		world.at(11 * minute + 40 * second, () => {
			world.restUp = true;
		});
		world.run(40 * minute);
		return world;
	}

	it("takes no stored beats, old as a crash leaves them, for a mass lapse", () => {
		expect(toldOf(restarted(true))).toEqual([]);
	});

	it("flags a run that was killed meanwhile as if nothing had been: nobody's silence begins afresh", () => {
		const world = restarted(false);
		expect(toldOf(world)).toEqual([]);
		expect(world.story).toEqual(["r0 raised"]);
		// T is 105 s, and nothing is said until REST has been back for 45 s.
		expect(world.told[0]!.atMs).toBeLessThan(12 * minute + 45 * second);
	});
});
