import { describe, expect, it } from "vitest";
import { noLabels, type RunView } from "../../../src/core/run.ts";
import { Tracker } from "../../../src/core/tracker.ts";
import { raisedOf, started } from "../../_util/core-scenario.ts";
import { epochMs, unknownTo, uuid } from "../../_util/core-server.ts";
import { defaultSettings, hour, minute, second, World } from "../../_util/core-world.ts";

describe("one silence", () => {
	it("is one episode with one id; the next silence has another", () => {
		const world = new World();
		const run = started(world, "r");
		world.at(10 * minute, () => world.server.freeze(run));
		world.at(20 * minute, () => world.server.thaw(run, world.nowMs));
		world.at(30 * minute, () => world.server.freeze(run));
		world.run(hour);
		expect(world.story).toEqual(["r raised", "r recovered", "r raised"]);
		const [first, second] = raisedOf(world, "r").map(({ episode }) => episode.alertId);
		expect(world.told[1]!.transition.episode.alertId).toBe(first);
		expect(second).not.toBe(first);
	});

	function toldWithRestart(stopMs: number | null, startMs: number, losesBeats: boolean): World {
		const world = new World();
		world.losesBeats = losesBeats;
		const run = started(world, "r");
		started(world, "other");
		world.at(10 * minute, () => world.server.kill(run));
		if (stopMs !== null) {
			world.at(stopMs, () => world.stopDaemon());
			world.at(startMs, () => world.startDaemon());
		}
		world.run(hour);
		return world;
	}

	const ordinary = toldWithRestart(null, 0, false);

	it.each([
		{ when: "before the death", stopMs: 5 * minute, startMs: 6 * minute },
		{ when: "around the death", stopMs: 590 * second, startMs: 610 * second },
		{ when: "while the run is suspect", stopMs: 685 * second, startMs: 690 * second },
		{ when: "across the deadline", stopMs: 11 * minute, startMs: 15 * minute },
		{ when: "after the verdict", stopMs: 20 * minute, startMs: 21 * minute },
		{ when: "long after the verdict", stopMs: 20 * minute, startMs: 50 * minute },
	])("is told once, under one id, with a restart $when", ({ stopMs, startMs }) => {
		for (const losesBeats of [false, true]) {
			const world = toldWithRestart(stopMs, startMs, losesBeats);
			expect(world.story).toEqual(["r raised"]);
			expect(world.told[0]!.transition.key).toBe(ordinary.told[0]!.transition.key);
			expect(world.tracker.census.openEpisodes).toEqual({ zombie: 1 });
		}
	});

	it("that ended while the daemon was down is closed at its start", () => {
		const world = new World();
		const run = started(world, "r");
		world.at(10 * minute, () => world.server.kill(run));
		world.at(20 * minute, () => world.stopDaemon());
		world.at(21 * minute, () => world.server.end(run, world.nowMs, "CRASHED"));
		world.at(25 * minute, () => world.startDaemon());
		world.run(26 * minute);
		expect(world.story).toEqual(["r raised", "r ended"]);
	});

	it("of a run deleted while the daemon was down is closed as deleted", () => {
		const world = new World();
		const run = started(world, "r");
		world.at(10 * minute, () => world.server.kill(run));
		world.at(20 * minute, () => world.stopDaemon());
		world.at(21 * minute, () => {
			run.deleted = true;
		});
		world.at(25 * minute, () => world.startDaemon());
		world.run(26 * minute);
		expect(world.story).toEqual(["r raised", "r deleted"]);
		world.stopDaemon();
		world.startDaemon();
		world.run(40 * minute);
		expect(world.story).toHaveLength(2);
	});

	it("of a run of which the store lost the row is still known", () => {
		const world = new World();
		const run = started(world, "r");
		world.at(10 * minute, () => world.server.kill(run));
		world.run(20 * minute);
		const { episode } = raisedOf(world, "r")[0]!;
		const fresh = new World();
		fresh.tracker.restore(
			{
				openEpisodes: [episode],
				workspace: null,
				learned: [],
				openGroups: [],
				heldRuns: [],
				spentAlerts: [{ runId: uuid(1, 99), alertId: "of a run that is gone" }],
			},
			fresh.now,
		);
		fresh.run(minute);
		expect(fresh.told.map(({ what, transition }) => [what, transition.key])).toEqual([
			["deleted", `${episode.alertId}:resolved`],
		]);
	});
});

describe("memory", () => {
	it("lets go of a run an hour after its end, and not before", () => {
		const world = new World();
		const run = started(world, "r");
		world.at(10 * minute, () => world.server.end(run, world.nowMs, "COMPLETED"));
		world.run(69 * minute);
		expect(world.evicted).toEqual([]);
		expect(world.tracker.stored.takeRun(run.id, world.now)?.row ?? null).not.toBeNull();
		world.run(72 * minute);
		expect(world.evicted).toEqual([run.id]);
		expect(world.tracker.stored.takeRun(run.id, world.now)?.row ?? null).toBeNull();
	});

	it("lets go of a deleted run as well", () => {
		const world = new World();
		const run = started(world, "r");
		world.at(10 * minute, () => {
			world.server.kill(run);
			run.deleted = true;
		});
		world.run(80 * minute);
		expect(world.evicted).toEqual([run.id]);
	});

	it("dates the end of a run that the server does not know by our wall clock, while the server's is unknown", () => {
		const startedAt = { monoMs: 0, wallMs: epochMs };
		const tracker = new Tracker({
			namespace: "n",
			workspace: "w",
			live: { current: defaultSettings },
			holdsMassLapses: true,
			startedAt,
		});
		const runId = uuid(9, 3);
		const beat = { eventId: uuid(3, 901), occurredMs: epochMs, receivedMs: epochMs };
		const view = { runId, attempt: null, state: null, beat, labels: noLabels };
		const at = { monoMs: 1_000, wallMs: epochMs + 1_000 };
		tracker.apply({ kind: "stored", at, views: [view] });
		tracker.apply({ kind: "tick", at });
		const [inquiry] = tracker.drain().inquiries;
		expect(inquiry).toMatchObject({ runId, stage: "identify" });
		tracker.apply({ kind: "answered", at, answers: [unknownTo(inquiry!)] });
		expect(tracker.stored.takeRun(runId, at)?.row ?? null).toMatchObject({
			state: null,
			endedAtMs: epochMs + 1_000,
			aliveAtServerMs: null,
		});
	});

	it("ignores answers about runs that it no longer has", () => {
		const world = new World({ daemon: true });
		const basis = { attempt: 1, stateId: null, aliveAtMonoMs: null };
		const asked = { condition: "zombie", isUnheard: false, parentTaskRunId: null, beatsSinceMs: 0 } as const;
		const inquiry = { ...asked, runId: uuid(9, 9), stage: "due", basis } as const;
		world.apply({ kind: "answered", at: world.now, answers: [unknownTo(inquiry)] });
		world.apply({ kind: "unanswered", at: world.now, inquiries: [inquiry] });
		expect(world.oddities).toEqual([]);
		expect(world.tracker.stored.takeRun(inquiry.runId, world.now)?.row ?? null).toBeNull();
	});
});

describe("a fault at one run", () => {
	function poisoned(runId: string): RunView {
		return {
			runId,
			attempt: null,
			state: null,
			beat: null,
			get labels(): never {
				throw new Error("poison\nin two lines");
			},
		};
	}

	it("sets that run aside for an hour, and stops nobody else", () => {
		const world = new World();
		const run = started(world, "r");
		const other = started(world, "other");
		world.at(5 * minute, () => world.apply({ kind: "stored", at: world.now, views: [poisoned(run.id)] }));
		world.at(10 * minute, () => {
			world.server.kill(run);
			world.server.kill(other);
		});
		world.run(64 * minute);
		expect(world.oddities.filter(({ kind }) => kind === "run_set_aside")).toEqual([
			{ kind: "run_set_aside", runId: run.id, detail: "poison in two lines" },
		]);
		expect(world.story).toEqual(["other raised"]);
		world.run(2 * hour);
		expect(world.story).toEqual(["other raised", "r raised"]);
	});

	it("does not lose the question that was open", () => {
		const world = new World();
		const run = started(world, "r");
		world.at(10 * minute, () => world.server.kill(run));
		while (!world.asked.some(({ inquiry }) => inquiry.stage === "suspect")) world.run(world.nowMs + second);
		world.apply({ kind: "stored", at: world.now, views: [poisoned(run.id)] });
		world.run(3 * hour);
		expect(world.story).toEqual(["r raised"]);
	});

	it("concerns a run never heard of before just so", () => {
		const world = new World();
		const other = started(world, "other");
		world.at(2 * minute, () => {
			world.apply({ kind: "event", at: world.now, view: poisoned(uuid(9, 1)), receivedMs: null });
		});
		world.at(10 * minute, () => world.server.kill(other));
		world.run(20 * minute);
		expect(world.count("run_set_aside")).toBe(1);
		expect(world.story).toEqual(["other raised"]);
	});
});
