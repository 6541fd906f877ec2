import { describe, expect, it } from "vitest";
import { expectOnTime, raisedOf, started } from "../../_util/core-scenario.ts";
import { hour, minute, second, World } from "../../_util/core-world.ts";

/** Of a census, what is not about numbers of runs and episodes. */
const other = {
	openGroups: {},
	withoutHeartbeats: 0,
	shortThresholds: { tight: 0, too_short: 0 },
	oldestBeatsMs: expect.any(Map),
};

describe("the moment of the verdict", () => {
	it.each([30, 60, 180])("lies between T and T + 15 s of counted silence at a cadence of %i s", (cadenceSeconds) => {
		const world = new World();
		const run = started(world, "r", { cadenceMs: cadenceSeconds * second });
		started(world, "other", { cadenceMs: cadenceSeconds * second });
		world.at(30 * minute, () => world.server.kill(run));
		world.run(90 * minute);
		const [raised, ...more] = raisedOf(world, "r");
		expect(more).toEqual([]);
		expectOnTime(raised?.episode);
		const { evidence } = raised!.episode;
		expect(evidence.thresholdSeconds).toBeCloseTo(3 * cadenceSeconds + Math.max(15, cadenceSeconds / 10), 0);
		expect(evidence.cadenceSource).toBe("learned");
		expect(evidence.blindSeconds).toBe(0);
		expect(evidence.lastBeatReceivedMs).toBe(run.stored.at(-1)!.receivedMs);
		expect(evidence.newestStoredBeatMs).toBe(run.stored.at(-1)!.receivedMs);
		expect(evidence.apiStateId).toBe(run.state.id);
	});

	it("is 2 * 10 min + 60 s while the cadence is unknown", () => {
		const world = new World();
		const run = started(world, "r");
		world.at(61 * second, () => world.server.kill(run));
		world.run(hour);
		const [raised] = raisedOf(world, "r");
		expectOnTime(raised?.episode);
		expect(raised!.episode.evidence).toMatchObject({
			cadenceSeconds: null,
			cadenceSource: "unknown",
			thresholdSeconds: 1260,
		});
	});

	it("asks four times, and flags only on the last", () => {
		const world = new World();
		const run = started(world, "r");
		world.at(10 * minute, () => world.server.kill(run));
		world.run(hour);
		expect(world.asked.map(({ inquiry }) => inquiry.stage).filter((stage) => stage !== "identify")).toEqual([
			"missed",
			"suspect",
			"eve",
			"due",
		]);
	});

	it.each([
		{ trouble: "our own trouble has put the deadline off", stage: "eve", delaySeconds: 5, act: () => {} },
		{
			trouble: "REST was away in between",
			stage: "due",
			delaySeconds: 45,
			act: (world: World) => {
				world.apply({ kind: "rest_failed", at: world.now });
			},
		},
	])("waits when, between a question and its answer, $trouble", ({ stage, delaySeconds, act }) => {
		const moments = [false, true].map((disturbed) => {
			const world = new World();
			const run = started(world, "r");
			world.at(10 * minute, () => world.server.kill(run));
			while (!world.asked.some(({ inquiry }) => inquiry.stage === stage)) world.run(world.nowMs + second);
			if (disturbed) {
				world.apply({ kind: "stream_closed", at: world.now });
				world.apply({ kind: "stream_opened", at: world.now });
				world.apply({ kind: "caught_up", at: world.now });
				act(world);
			}
			world.run(20 * minute);
			const raised = raisedOf(world, "r");
			expect(raised).toHaveLength(1);
			return raised[0]!.atMs / second;
		});
		expect(moments[1]! - moments[0]!).toBeGreaterThanOrEqual(delaySeconds - 1);
		expect(moments[1]! - moments[0]!).toBeLessThanOrEqual(delaySeconds + 8);
	});

	it("begins anew when a beat comes between question and answer", () => {
		const world = new World();
		const run = started(world, "r");
		world.at(10 * minute, () => world.server.freeze(run));
		while (!world.asked.some(({ inquiry }) => inquiry.stage === "suspect")) world.run(world.nowMs + second);
		// Heard on the stream before the answer is in, and stored too late for it.
		const answer = world.server.answer.bind(world.server);
		world.server.answer = (inquiry) => ({ ...answer(inquiry), newestBeat: null });
		world.server.thaw(run, world.nowMs + 10);
		world.run(world.nowMs + second);
		expect(world.tracker.census.suspects).toBe(0);
		world.server.freeze(run);
		world.run(20 * minute);
		expect(world.asked.map(({ inquiry }) => inquiry.stage).filter((stage) => stage !== "identify")).toEqual([
			"missed",
			"suspect",
			"missed",
			"suspect",
			"eve",
			"due",
		]);
	});

	it("keeps a verdict that is long overdue back as well, when REST was away between question and answer", () => {
		const world = new World();
		const run = started(world, "r");
		world.at(10 * minute, () => world.server.kill(run));
		world.at(11 * minute, () => {
			world.restUp = false;
		});
		world.at(16 * minute, () => {
			world.restUp = true;
		});
		while (!world.asked.some(({ inquiry }) => inquiry.stage === "due")) world.run(world.nowMs + second);
		const disturbedAtMs = world.nowMs;
		world.apply({ kind: "rest_failed", at: world.now });
		world.run(20 * minute);
		const raised = raisedOf(world, "r");
		expect(raised).toHaveLength(1);
		expect(raised[0]!.atMs - disturbedAtMs).toBeGreaterThanOrEqual(45 * second);
	});

	it("asks about so many runs at a time as it may, and gets to all", () => {
		const world = new World({ settings: { confirmRunsMax: 5 } });
		const runs = Array.from({ length: 23 }, (_, index) => started(world, `r${index}`));
		started(world, "alive");
		world.at(10 * minute, () => {
			for (const run of runs) world.server.kill(run);
		});
		world.run(20 * minute);
		const perTick = Map.groupBy(world.asked, ({ atMs }) => atMs);
		expect(Math.max(...[...perTick.values()].map((asked) => asked.length))).toBe(5);
		expect(world.story.toSorted()).toEqual(runs.map((run) => `${run.labels.name} raised`).toSorted());
	});
});

describe("coverage", () => {
	it("counts runs by what can be known of them", () => {
		const world = new World();
		started(world, "beating");
		const mute = world.server.start(world.nowMs, { name: "mute", beats: false });
		const waiting = started(world, "waiting");
		const dead = started(world, "dead");
		const over = started(world, "over");
		world.at(5 * minute, () => {
			world.server.awaitRetry(waiting, world.nowMs);
			world.server.kill(dead);
			world.server.end(over, world.nowMs, "COMPLETED");
		});
		world.run(6 * minute);
		expect(world.tracker.census).toEqual({
			...other,
			beating: 2,
			unmonitored: 1,
			idle: 1,
			suspects: 1,
			openEpisodes: {},
		});
		world.run(10 * minute);
		expect(world.tracker.census).toEqual({
			...other,
			beating: 2,
			unmonitored: 1,
			idle: 1,
			suspects: 0,
			openEpisodes: { zombie: 1 },
			openGroups: {},
		});
		world.server.end(mute, world.nowMs, "FAILED");
		world.run(11 * minute);
		expect(world.tracker.census.unmonitored).toBe(0);
	});

	it("does not count a deleted run as a suspect", () => {
		const world = new World();
		const run = started(world, "r");
		world.at(5 * minute, () => world.server.kill(run));
		while (world.tracker.census.suspects === 0) world.run(world.nowMs + second);
		run.deleted = true;
		world.run(20 * minute);
		expect(world.story).toEqual([]);
		expect(world.count("unknown_run")).toBe(1);
		expect(world.tracker.census).toEqual({
			...other,
			beating: 0,
			unmonitored: 0,
			idle: 0,
			suspects: 0,
			openEpisodes: {},
		});
	});
});

describe("what the stream loses", () => {
	it("is found over REST, counted, and raises nothing", () => {
		const world = new World();
		const run = started(world, "r");
		started(world, "other");
		world.transit = ({ view }) =>
			view.beat !== null && view.runId === run.id && world.nowMs > 10 * minute && world.nowMs < 20 * minute ? [] : [20];
		world.run(30 * minute);
		expect(world.story).toEqual([]);
		expect(world.count("stored_beat_not_heard")).toBeGreaterThanOrEqual(5);
		const before = world.count("stored_beat_not_heard");
		world.run(hour);
		expect(world.count("stored_beat_not_heard")).toBe(before);
	});

	it("counts a beat received after the end, not the run's earlier beats read again", () => {
		const world = new World();
		const run = started(world, "r");
		world.at(10 * minute, () => {
			world.server.end(run, world.nowMs, "COMPLETED");
			world.server.thaw(run, world.nowMs + 100);
		});
		world.at(10 * minute + second, () => world.server.kill(run));
		world.run(11 * minute);
		expect(world.count("late_beat")).toBe(1);
		world.socketUp = false;
		world.run(12 * minute);
		world.socketUp = true;
		world.run(14 * minute);
		expect(world.count("late_beat")).toBe(1);
	});

	it("notes a terminal state that another one replaces", () => {
		const world = new World();
		const run = started(world, "r");
		world.at(10 * minute, () => world.server.end(run, world.nowMs, "CRASHED"));
		world.at(11 * minute, () => world.server.end(run, world.nowMs, "COMPLETED"));
		world.run(20 * minute);
		expect(world.oddities.filter(({ kind }) => kind === "terminal_overwritten")).toEqual([
			{ kind: "terminal_overwritten", runId: run.id, detail: "ended again as COMPLETED" },
		]);
	});
});
