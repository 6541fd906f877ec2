import { describe, expect, it } from "vitest";
import type { SimRun } from "../../_util/core-server.ts";
import { hour, minute, second, World } from "../../_util/core-world.ts";

/** Runs in pools of their own, so that one death is no mass lapse. */
function fleet(world: World, cadenceMs = 30 * second): readonly SimRun[] {
	return ["a", "b", "c", "d", "e", "f"].map((name, n) =>
		world.server.start(world.nowMs + n * 4 * second, { name, cadenceMs, workPool: name }),
	);
}

function heldBack(world: World, run: SimRun): void {
	run.beats = false;
	expect(world.tracker.observation.isOverRestAlone).toBe(true);
}

describe("C17: where the socket never opens", () => {
	it.each([30 * second, 180 * second])("a killed run is flagged, at a cadence of %i ms, and no other", (cadenceMs) => {
		const world = new World();
		world.socketUp = false;
		const [run] = fleet(world, cadenceMs);
		world.at(20 * minute, () => world.server.kill(run!));
		world.run(hour);
		expect(world.story).toEqual(["a raised"]);
		const [{ transition }] = world.told as [(typeof world.told)[number]];
		const silenceMs = transition.episode.evidence.silenceSeconds * second;
		// The deadline, a turn of reading, what is kept back of it, and the questions.
		expect(silenceMs).toBeGreaterThan(3 * cadenceMs);
		expect(silenceMs).toBeLessThan(3 * cadenceMs + 18 * second + 30 * second + 15 * second + 10 * second);
	});

	it("what has been read counts as heard, and the metric counts no blind time", () => {
		const world = new World();
		world.socketUp = false;
		fleet(world);
		world.run(minute);
		const before = world.blindSeconds.get("socket");
		expect(before).toBeGreaterThan(0);
		world.run(hour);
		expect(world.blindSeconds.get("socket")).toBe(before);
		expect(world.tracker.observation.isBlind).toBe(false);
		expect(world.tracker.observation.streamOpen).toBe(false);
		expect(world.tracker.observation.openCauses).toEqual([]);
		expect(world.lagsMs).toEqual([]);
		expect(world.count("stored_beat_not_heard")).toBe(0);
		expect(world.groups).toEqual([]);
	});

	it("a run that no reading shows is found alive by a question, and nothing is lost by a socket that is shut", () => {
		const world = new World();
		world.socketUp = false;
		const [slow] = fleet(world);
		// Stored events are read by when they occurred, by the worker's clock: those of a slow one are not among them.
		const stored = world.server.storedSince.bind(world.server);
		world.server.storedSince = (...span) => stored(...span).filter(({ runId }) => runId !== slow!.id);
		world.run(hour);
		expect(world.asked.some(({ inquiry }) => inquiry.runId === slow!.id && inquiry.stage === "missed")).toBe(true);
		expect(world.story).toEqual([]);
		expect(world.count("stored_beat_not_heard")).toBe(0);
	});

	it("a run alone is not judged: nobody else shows that clients are heard at all", () => {
		const world = new World();
		world.socketUp = false;
		const run = world.server.start(0, { name: "a" });
		world.at(20 * minute, () => world.server.kill(run));
		world.run(hour);
		expect(world.story).toEqual([]);
		world.server.submit(hour, { name: "b" });
		world.run(hour + 2 * minute);
		expect(world.story).toEqual(["a raised"]);
	});

	it("a run that should have beaten from the start is judged only while others are heard", () => {
		const world = new World();
		world.socketUp = false;
		for (let n = 0; n < 6; n++) {
			world.at(n * minute + 10 * second, () => {
				const run = world.server.start(world.nowMs, { name: `former ${n}`, deploymentId: "d" });
				world.at(world.nowMs + 5 * minute, () => world.server.end(run, world.nowMs, "COMPLETED"));
			});
		}
		world.at(20 * minute, () => world.server.start(world.nowMs, { name: "mute", deploymentId: "d", beats: false }));
		world.run(90 * minute);
		expect(world.story).toEqual([]);
		world.server.start(world.nowMs, { name: "other" });
		world.run(93 * minute);
		expect(world.story).toEqual(["mute never_beat raised"]);
	});
});

describe("when the socket goes away later", () => {
	it("detection goes on, and again over the socket when it is back", () => {
		const world = new World();
		const [a, b] = fleet(world);
		world.at(10 * minute, () => {
			world.socketUp = false;
		});
		world.at(20 * minute, () => world.server.kill(a!));
		world.at(40 * minute, () => {
			world.socketUp = true;
		});
		world.run(40 * minute - second);
		expect(world.story).toEqual(["a raised"]);
		world.at(50 * minute, () => world.server.kill(b!));
		world.run(hour);
		expect(world.story).toEqual(["a raised", "b raised"]);
		expect(world.tracker.observation.isOverRestAlone).toBe(false);
	});

	it("nobody is flagged when the clients' sockets went with ours, however long", () => {
		const world = new World();
		const runs = fleet(world);
		world.at(10 * minute, () => {
			world.socketUp = false;
		});
		world.at(12 * minute, () => {
			for (const run of runs) heldBack(world, run);
		});
		world.run(50 * minute);
		expect(world.story).toEqual([]);
	});

	it("not even when the daemon is new", () => {
		const world = new World();
		const runs = fleet(world);
		world.at(10 * minute, () => {
			world.socketUp = false;
			world.stopDaemon();
			for (const run of runs) run.beats = false;
		});
		world.at(11 * minute, () => world.startDaemon());
		world.run(50 * minute);
		expect(world.story).toEqual([]);
	});

	it("an outage of the server excuses everybody as ever: REST has to have read what came after it", () => {
		const world = new World();
		fleet(world);
		world.at(10 * minute, () => {
			world.socketUp = false;
		});
		world.at(20 * minute, () => {
			world.server.up = false;
		});
		world.at(30 * minute, () => {
			world.server.up = true;
		});
		world.run(30 * minute - second);
		expect(world.tracker.observation.isBlind).toBe(true);
		expect(world.tracker.observation.openCauses).toEqual(["server_outage"]);
		world.run(hour);
		expect(world.story).toEqual([]);
		expect(world.tracker.observation.isBlind).toBe(false);
		expect(world.tracker.observation.openCauses).toEqual([]);
	});

	it.each([hour, -hour])("a server whose clock is set by %i ms meanwhile makes nobody dead", (stepMs) => {
		const world = new World();
		const [run] = fleet(world);
		world.at(10 * minute, () => {
			world.socketUp = false;
		});
		world.at(15 * minute, () => {
			world.server.clockStepMs = stepMs;
		});
		world.run(40 * minute);
		expect(world.story).toEqual([]);
		world.server.kill(run!);
		world.run(50 * minute);
		expect(world.story).toEqual(["a raised"]);
	});
});
