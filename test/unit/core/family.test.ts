import { describe, expect, it } from "vitest";
import { Family } from "../../../src/core/family.ts";
import { expectOnTime, raisedOf, started } from "../../_util/core-scenario.ts";
import type { SimRun } from "../../_util/core-server.ts";
import { hour, minute, second, World } from "../../_util/core-world.ts";

/** A flow, its subflow and theirs, among so many others that three deaths are no mass lapse. */
function branch(): { world: World; top: SimRun; middle: SimRun; deepest: SimRun } {
	const world = new World();
	const top = started(world, "top");
	const middle = world.server.start(world.nowMs + 2 * second, { name: "middle", parent: top });
	const deepest = world.server.start(world.nowMs + 4 * second, { name: "deepest", parent: middle });
	for (let index = 0; index < 15; index += 1) started(world, `other${index}`);
	return { world, top, middle, deepest };
}

describe("a run with subflows", () => {
	it("is vouched for by a subflow that beats, and not called deaf", () => {
		const { world, top } = branch();
		world.at(2 * minute, () => {
			top.beats = false;
		});
		world.run(3 * hour);
		expect(world.story).toEqual([]);
	});

	it("is vouched for no longer than the subflow lives", () => {
		const { world, top, middle, deepest } = branch();
		world.at(2 * minute, () => {
			top.beats = false;
		});
		world.at(10 * minute, () => {
			world.server.end(deepest, world.nowMs, "COMPLETED");
			world.server.end(middle, world.nowMs, "COMPLETED");
			world.server.kill(top);
		});
		world.run(hour);
		expect(world.story).toEqual(["top raised"]);
		const { atMs } = world.told[0]!;
		expect(atMs).toBeGreaterThanOrEqual(10 * minute + 45 * second);
		expect(atMs).toBeLessThanOrEqual(10 * minute + 90 * second);
	});

	it("that dies with them is told of through the deepest, which names the others; then through the next one up", () => {
		const { world, top, middle, deepest } = branch();
		world.at(10 * minute, () => {
			for (const run of [top, middle, deepest]) world.server.kill(run);
		});
		world.run(30 * minute);
		expect(world.story).toEqual(["deepest raised"]);
		expectOnTime(raisedOf(world, "deepest")[0]?.episode);
		expect(raisedOf(world, "deepest")[0]!.episode.relatedRuns).toEqual([middle.id, top.id]);
		world.server.end(deepest, world.nowMs, "CRASHED");
		world.run(30 * minute + 15 * second);
		expect(world.story).toEqual(["deepest raised", "deepest ended", "middle raised"]);
		expect(raisedOf(world, "middle")[0]!.episode.relatedRuns).toEqual([top.id]);
		world.server.end(middle, world.nowMs, "CRASHED");
		world.run(31 * minute);
		expect(world.story.slice(3)).toEqual(["middle ended", "top raised"]);
		expect(raisedOf(world, "top")[0]!.episode.relatedRuns).toEqual([]);
	});

	it("is remembered as their caller over a restart", () => {
		const { world, top, middle, deepest } = branch();
		world.at(10 * minute, () => {
			for (const run of [top, middle, deepest]) world.server.kill(run);
		});
		world.at(10 * minute + 10 * second, () => world.stopDaemon());
		world.at(10 * minute + 20 * second, () => world.startDaemon());
		world.run(30 * minute);
		expect(world.story).toEqual(["deepest raised"]);
		expect(raisedOf(world, "deepest")[0]!.episode.relatedRuns).toEqual([middle.id, top.id]);
	});

	it("that becomes known between the last question and its answer is waited for", () => {
		const world = new World();
		const top = started(world, "top");
		const child = world.server.start(world.nowMs, { name: "child" });
		world.at(10 * minute, () => world.server.kill(top));
		const answer = world.server.answer.bind(world.server);
		world.server.answer = (inquiry) => {
			const labels = { ...child.labels, parentRunId: top.id };
			if (inquiry.stage === "due") {
				world.apply({ kind: "listed", at: world.now, views: [{ ...world.server.viewOf(child), labels }] });
			}
			return answer(inquiry);
		};
		world.run(hour);
		expect(world.asked.filter(({ inquiry }) => inquiry.stage === "due")).toHaveLength(1);
		expect(world.story).toEqual([]);
		world.server.end(child, world.nowMs, "COMPLETED");
		world.run(2 * hour);
		expect(world.story).toEqual(["top raised"]);
	});

	it("is not told of while it beats and waits for one that was killed", () => {
		const { world, middle, deepest } = branch();
		world.at(10 * minute, () => world.server.kill(deepest));
		world.run(2 * hour);
		expect(world.story).toEqual(["deepest raised"]);
		expect(raisedOf(world, "deepest")[0]!.episode.relatedRuns).toEqual([]);
		expect(middle.process).toBe("alive");
	});

	it("that is not known to the server is no reason to wait", () => {
		const world = new World();
		const top = started(world, "top");
		const child = world.server.start(world.nowMs, { name: "child", parent: top });
		world.server.taskRuns.clear();
		started(world, "alive");
		world.at(10 * minute, () => {
			world.server.kill(top);
			world.server.kill(child);
		});
		world.run(hour);
		expect(world.story.toSorted()).toEqual(["child raised", "top raised"]);
		expect(world.asked.filter(({ inquiry }) => inquiry.stage === "identify").length).toBeLessThan(6);
	});
});

describe("the run tree", () => {
	it("knows descendants and ancestors, the nearest first", () => {
		const family = new Family();
		family.link("b", "a");
		family.link("c", "b");
		family.link("d", "a");
		family.link("d", "a");
		expect(family.descendantsOf("a")).toEqual(["b", "d", "c"]);
		expect(family.ancestorsOf("c")).toEqual(["b", "a"]);
		expect(family.hasChildren("b")).toBe(true);
		expect(family.hasChildren("c")).toBe(false);
		expect(family.ancestorsOf("nobody")).toEqual([]);
	});

	it("takes a run out of one family when it is linked to another, or forgotten", () => {
		const family = new Family();
		family.link("b", "a");
		family.link("c", "a");
		family.link("b", "z");
		expect(family.descendantsOf("a")).toEqual(["c"]);
		expect(family.descendantsOf("z")).toEqual(["b"]);
		family.forget("c");
		family.forget("c");
		expect(family.hasChildren("a")).toBe(false);
	});

	it("is not one's own, and a circle ends", () => {
		const family = new Family();
		family.link("a", "a");
		expect(family.hasChildren("a")).toBe(false);
		family.link("b", "a");
		family.link("a", "b");
		expect(family.descendantsOf("a").length).toBeLessThanOrEqual(32);
		expect(family.ancestorsOf("a")).toHaveLength(32);
	});

	it("looks at a thousand relatives, and 32 generations, at most", () => {
		const wide = new Family();
		for (let index = 0; index < 1_100; index += 1) wide.link(`c${index}`, "a");
		expect(wide.descendantsOf("a")).toHaveLength(1_000);
		const deep = new Family();
		for (let index = 0; index < 40; index += 1) deep.link(`c${index + 1}`, `c${index}`);
		expect(deep.descendantsOf("c0")).toHaveLength(32);
		expect(deep.ancestorsOf("c40")).toHaveLength(32);
	});
});
