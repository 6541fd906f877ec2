import { describe, expect, it } from "vitest";
import { started } from "../../_util/core-scenario.ts";
import type { SimEvent, SimRun } from "../../_util/core-server.ts";
import { minute, second, World } from "../../_util/core-world.ts";

/** Between two listings: what is dropped now has almost a minute to wait for the next one. */
const dropAtMs = 10 * minute + second;
const healedWithinMs = minute + second;

function losses(world: World): number {
	return world.count("stored_state_not_heard") + world.count("stored_beat_not_heard");
}

/** What these say is dropped by the stream, without a sign. */
function drop(world: World, which: (event: SimEvent) => boolean): void {
	world.transit = (event) => (which(event) ? [] : [20]);
}

function knownState(world: World, run: SimRun): string | undefined {
	return world.tracker.stored.takeRun(run.id, world.now)?.row?.state?.type;
}

describe("T6: events dropped by the server's queue are noticed and healed within 60 s", () => {
	it("an end that was dropped", () => {
		const world = new World();
		const run = started(world, "r", { cadenceMs: 180 * second });
		world.at(dropAtMs, () => {
			drop(world, ({ view }) => view.state?.type === "COMPLETED");
			world.server.end(run, world.nowMs, "COMPLETED");
		});
		world.run(dropAtMs + healedWithinMs);
		expect(knownState(world, run)).toBe("COMPLETED");
		world.run(dropAtMs + 2 * minute);
		expect(losses(world)).toBe(1);
		expect(world.story).toEqual([]);
	});

	it("a beginning that was dropped, of a run not heard of before", () => {
		const world = new World();
		started(world, "other");
		let run: SimRun | null = null;
		world.at(dropAtMs, () => {
			drop(world, ({ view }) => view.state !== null);
			run = world.server.start(world.nowMs, { name: "r", beats: false });
		});
		world.run(dropAtMs + healedWithinMs);
		expect(knownState(world, run!)).toBe("RUNNING");
		world.run(dropAtMs + 2 * minute);
		expect(losses(world)).toBe(1);
	});

	it("a state between two that came, which only its successor names", () => {
		const world = new World();
		started(world, "other");
		world.at(dropAtMs, () => {
			const run = world.server.submit(world.nowMs, { name: "r" });
			drop(world, ({ view }) => view.state?.type === "RUNNING");
			world.server.run(run, world.nowMs + 10);
			world.server.end(run, world.nowMs + 20, "COMPLETED");
		});
		world.run(dropAtMs + healedWithinMs);
		expect(losses(world)).toBe(1);
	});

	it.each([30, 180])("a beat that was dropped, at a cadence of %i s", (cadenceSeconds) => {
		const world = new World();
		const run = started(world, "r", { cadenceMs: cadenceSeconds * second });
		world.run(10 * minute);
		const nextBeatAtMs = run.nextBeatAtMs;
		world.at(nextBeatAtMs - second, () => drop(world, ({ view }) => view.beat !== null));
		world.at(nextBeatAtMs + second, () => drop(world, () => false));
		world.run(nextBeatAtMs + 20 * second);
		expect(world.tracker.stored.takeRun(run.id, world.now)?.row?.lastBeat?.eventId).toBe(run.stored.at(-1)?.eventId);
		world.run(nextBeatAtMs + minute);
		expect(world.count("stored_beat_not_heard")).toBe(1);
		world.run(30 * minute);
		expect(losses(world)).toBe(1);
		expect(world.tracker.census.suspects).toBe(0);
	});

	it("the oldest deadline first, as many as may be asked at a time", () => {
		const world = new World({ settings: { confirmRunsMax: 2 } });
		const runs = Array.from({ length: 6 }, (_, n) => started(world, `r${n}`, { cadenceMs: (60 - n) * second }));
		world.run(10 * minute);
		world.asked.length = 0;
		world.at(10 * minute, () => drop(world, ({ view }) => view.beat !== null));
		world.run(15 * minute);
		for (const { atMs } of world.asked) {
			expect(world.asked.filter((other) => other.atMs === atMs).length).toBeLessThanOrEqual(2);
		}
		expect(new Set(world.asked.map(({ inquiry }) => inquiry.runId))).toEqual(new Set(runs.map(({ id }) => id)));
		expect(world.story).toEqual([]);
	});
});

describe("nothing dropped", () => {
	it.each([
		{ way: "in time", transit: () => [20] },
		{ way: "twice", transit: () => [20, 200] },
		{ way: "overtaken by later ones", transit: ({ view }: SimEvent) => [view.state?.type === "RUNNING" ? 4_000 : 20] },
		{
			way: "late by 25 s now and then",
			transit: ({ receivedAtMs }: SimEvent) => [receivedAtMs % 7 === 0 ? 25_000 : 20],
		},
	])("is nothing counted, when events come $way", ({ transit }) => {
		const world = new World();
		world.transit = transit;
		for (let n = 0; n < 20; n++) {
			world.at(n * 40 * second, () => {
				const run = world.server.start(world.nowMs, { name: `r${n}` });
				if (n % 2 === 0)
					world.at(world.nowMs + 90 * second, () => world.server.awaitRetry(run, world.nowMs, world.nowMs));
				if (n % 2 === 0) world.at(world.nowMs + 130 * second, () => world.server.run(run, world.nowMs));
				world.at(world.nowMs + 4 * minute, () => world.server.end(run, world.nowMs, "COMPLETED"));
			});
		}
		world.at(5 * minute, () => {
			world.socketUp = false;
		});
		world.at(7 * minute, () => {
			world.socketUp = true;
		});
		world.run(20 * minute);
		expect(losses(world)).toBe(0);
		expect(world.story).toEqual([]);
	});
});

describe("T5: an outage of over 15 minutes is healed over REST", () => {
	it.each([
		{
			what: "our socket's",
			set: (world: World, up: boolean) => {
				world.socketUp = up;
			},
		},
		{
			what: "the server's",
			set: (world: World, up: boolean) => {
				world.server.up = up;
			},
		},
	])("$what", ({ set }) => {
		const world = new World();
		const [ended, alive, killed] = ["ended", "alive", "killed"].map((name) => started(world, name));
		world.at(10 * minute, () => set(world, false));
		world.at(35 * minute, () => {
			set(world, true);
			world.server.end(ended!, world.nowMs, "COMPLETED");
		});
		world.at(12 * minute, () => world.server.kill(killed!));
		world.run(36 * minute);
		expect(knownState(world, ended!)).toBe("COMPLETED");
		expect(world.tracker.observation.isBlind).toBe(false);
		expect(world.tracker.stored.takeRun(alive!.id, world.now)?.row?.lastBeat?.eventId).toBe(
			alive!.stored.at(-1)?.eventId,
		);
		world.run(50 * minute);
		expect(world.story).toEqual(["killed raised"]);
	});
});
