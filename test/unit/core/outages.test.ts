import { describe, expect, it } from "vitest";
import { noLabels } from "../../../src/core/run.ts";
import { expectOnTime, raisedOf, started } from "../../_util/core-scenario.ts";
import { epochMs, unknownTo, uuid } from "../../_util/core-server.ts";
import { hour, minute, second, World } from "../../_util/core-world.ts";

describe("outages", () => {
	it("of the server count as blind, so that a run killed in one is judged on heard silence alone (T4)", () => {
		const world = new World();
		const run = started(world, "r");
		started(world, "other");
		world.at(10 * minute, () => {
			world.server.up = false;
			world.server.kill(run);
		});
		world.at(10 * minute + 100 * second, () => {
			world.server.up = true;
		});
		world.run(hour);
		expect(world.story).toEqual(["r raised"]);
		const [raised] = raisedOf(world, "r");
		expectOnTime(raised?.episode);
		// The outage, and a cadence more for the clients to resend.
		expect(raised!.episode.evidence.blindSeconds).toBeGreaterThan(120);
		expect(raised!.episode.evidence.blindSeconds).toBeLessThan(160);
		const blind = (world.blindSeconds.get("server_outage") ?? 0) + (world.blindSeconds.get("socket") ?? 0);
		expect(blind).toBeGreaterThanOrEqual(100);
		expect(blind).toBeLessThan(150);
	});

	it("of REST alone stop verdicts, and all that are due come within 105 s after (T8)", () => {
		const world = new World();
		const runs = Array.from({ length: 60 }, (_, index) => started(world, `r${index}`));
		for (let index = 0; index < 20; index += 1) started(world, `alive${index}`);
		world.at(10 * minute, () => {
			world.restUp = false;
		});
		world.at(11 * minute, () => {
			for (const run of runs) world.server.kill(run);
		});
		world.run(20 * minute);
		expect(world.story).toEqual([]);
		world.restUp = true;
		world.run(20 * minute + 105 * second);
		expect(world.story.toSorted()).toEqual(runs.map((run) => `${run.labels.name} raised`).toSorted());
	});

	it("of our own socket count as heard once catch-up has read them", () => {
		const world = new World();
		// Alone, so that over REST alone nobody is a witness of its death.
		const run = started(world, "r");
		world.at(10 * minute, () => {
			world.socketUp = false;
			world.server.kill(run);
		});
		world.at(15 * minute, () => {
			world.socketUp = true;
		});
		world.run(14 * minute);
		expect(world.story).toEqual([]);
		world.run(16 * minute);
		expect(world.story).toEqual(["r raised"]);
		expect(raisedOf(world, "r")[0]!.episode.evidence.blindSeconds).toBe(0);
		// Until REST stood in for it.
		const blindSeconds = world.blindSeconds.get("socket");
		expect(blindSeconds).toBeGreaterThanOrEqual(30);
		expect(blindSeconds).toBeLessThan(60);
	});

	it("of our own are told of, and do not count", () => {
		const world = new World();
		const run = started(world, "r");
		world.at(10 * minute, () => {
			world.daemonFrozen = true;
			world.server.kill(run);
		});
		world.at(20 * minute, () => {
			world.daemonFrozen = false;
		});
		world.run(hour);
		expect(world.count("own_pause")).toBe(1);
		expect(world.story).toEqual(["r raised"]);
		const { episode } = raisedOf(world, "r")[0]!;
		expectOnTime(episode);
		expect(episode.evidence.blindSeconds).toBeCloseTo(600, -1);
	});

	it("of our own before a new process's first tick are too", () => {
		const world = new World();
		const run = started(world, "r");
		world.at(10 * minute, () => {
			world.stopDaemon();
			world.server.kill(run);
		});
		world.at(10 * minute + 36 * second, () => {
			world.startDaemon();
			world.daemonFrozen = true;
		});
		world.at(13 * minute, () => {
			world.daemonFrozen = false;
		});
		world.run(hour);
		expect(world.count("own_pause")).toBe(1);
		expect(world.story).toEqual(["r raised"]);
		const { episode } = raisedOf(world, "r")[0]!;
		expectOnTime(episode);
		expect(episode.evidence.blindSeconds).toBeGreaterThanOrEqual(144);
	});

	it("a silent stream is blind for fifteen minutes at most", () => {
		const world = new World();
		const runs = Array.from({ length: 10 }, (_, index) => {
			world.run((1 + index) * minute);
			return started(world, `r${index}`, { cadenceMs: 10 * minute });
		});
		world.at(2 * hour, () => {
			for (const run of runs) world.server.kill(run);
		});
		world.run(5 * hour);
		expect(world.story).toHaveLength(10);
		const longest = Math.max(...world.told.map(({ transition }) => transition.episode.evidence.blindSeconds));
		expect(longest).toBeGreaterThan(0);
		expect(longest).toBeLessThanOrEqual(15 * 60 + 1);
		for (const { transition } of world.told) expectOnTime(transition.episode);
	});
});

describe("the server's clock", () => {
	it.each([-1, 1])("set by %i h is noticed", (hours) => {
		const world = new World();
		started(world, "r");
		world.at(10 * minute, () => {
			world.server.clockStepMs = hours * hour;
		});
		world.run(20 * minute);
		expect(world.count("server_clock_step")).toBe(1);
	});

	it("set back by an hour lets a run recover with its first beat, and be stored", () => {
		const world = new World();
		started(world, "other");
		const run = started(world, "r");
		world.at(10 * minute, () => world.server.freeze(run));
		world.at(20 * minute, () => {
			world.server.clockStepMs = -hour;
		});
		world.at(25 * minute, () => world.server.thaw(run, 25 * minute));
		world.run(24 * minute);
		expect(world.story).toEqual(["r raised"]);
		world.run(26 * minute);
		expect(world.story).toEqual(["r raised", "r recovered"]);
		world.run(30 * minute);
		const beatMs = world.storedRow(run.id)?.lastBeat?.receivedMs;
		expect(beatMs).toBeGreaterThan(epochMs + 29 * minute - hour);
		expect(beatMs).toBeLessThan(epochMs + 30 * minute - hour);
	});

	it("is not thought set because of slow transit", () => {
		const world = new World();
		for (let index = 0; index < 10; index += 1) started(world, `r${index}`);
		let sent = 0;
		world.transit = () => {
			sent += 1;
			return [sent % 7 === 0 ? 9_000 : 20];
		};
		world.run(hour);
		expect(world.count("server_clock_step")).toBe(0);
	});
});

describe("REST that settles nothing", () => {
	it("is asked once a minute about a run without a state, not once a second", () => {
		const world = new World();
		world.run(minute);
		const runId = uuid(9, 2);
		const beat = { eventId: uuid(3, 900), occurredMs: epochMs + minute, receivedMs: epochMs + minute };
		const view = { runId, attempt: null, state: null, beat, labels: noLabels };
		world.apply({ kind: "event", at: world.now, view, receivedMs: beat.receivedMs });
		const stateless = { ...view, attempt: 1, beat: null };
		world.server.answer = (inquiry) => ({ ...unknownTo(inquiry), view: stateless, newestBeat: beat });
		world.run(11 * minute);
		const asked = world.asked.filter(({ inquiry }) => inquiry.runId === runId);
		expect(asked.length).toBeGreaterThanOrEqual(9);
		expect(asked.length).toBeLessThanOrEqual(11);
		expect(world.story).toEqual([]);
	});

	it("keeps a run from its verdict while it names another state", () => {
		const world = new World();
		const run = started(world, "r");
		world.at(10 * minute, () => {
			world.server.kill(run);
			// As after a server's clock was set back: the later state has the earlier timestamp.
			run.state = { ...run.state, id: uuid(2, 999), type: "COMPLETED", timestampMs: epochMs };
		});
		world.run(20 * minute);
		expect(world.story).toEqual([]);
		expect(world.asked.length).toBeLessThan(30);
	});

	it("waits for the server's clock before it judges what an earlier process knew", () => {
		const world = new World();
		const run = started(world, "r");
		const zombie = started(world, "zombie");
		world.at(5 * minute, () => world.server.kill(zombie));
		world.at(10 * minute, () => {
			world.server.kill(run);
			world.stopDaemon();
		});
		world.at(20 * minute, () => {
			world.restUp = false;
			world.startDaemon();
		});
		world.run(25 * minute);
		expect(world.asked.filter(({ atMs }) => atMs > 20 * minute)).toEqual([]);
		expect(world.tracker.workspaceRow(world.now)).toBeNull();
		world.restUp = true;
		world.run(30 * minute);
		expect(world.tracker.workspaceRow(world.now)).not.toBeNull();
		expect(world.story).toEqual(["zombie raised", "r raised"]);
	});
});
