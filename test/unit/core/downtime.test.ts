import { beforeEach, describe, expect, it } from "vitest";
import { Observation } from "../../../src/core/observation.ts";
import { workspaceRowOf } from "../../../src/core/record.ts";
import { raisedOf, started } from "../../_util/core-scenario.ts";
import { epochMs } from "../../_util/core-server.ts";
import { hour, minute, second, World } from "../../_util/core-world.ts";

function at(monoMs: number) {
	return { monoMs, wallMs: epochMs + monoMs };
}

const cadence = 5 * minute;
let sight: Observation;

/** A process that starts at 0, whose predecessor was gone for so long, and catches up at once. */
function startAfter(awayMs: number): void {
	sight = new Observation(at(0));
	sight.restAnswered(at(0), epochMs);
	sight.restore({ coveredUntilMonoMs: -awayMs, spans: [], healthScore: 0 });
	sight.streamOpened();
	sight.caughtUp(at(0));
}

describe("our own downtime, once what was stored in it has been read", () => {
	beforeEach(() => startAfter(20 * minute));

	it("stays blind for one cadence of the run: clients may hold what they could not send in it", () => {
		expect(sight.blindMs(-30 * minute, cadence - 1, cadence)).toBe(20 * minute);
		expect(sight.blindMs(-30 * minute, cadence, cadence)).toBe(0);
		expect(sight.withoutSilentStream(cadence - 1)(-30 * minute, cadence)).toBe(20 * minute);
		expect(sight.withoutSilentStream(cadence)(-30 * minute, cadence)).toBe(0);
	});

	it("stays so for no longer than it was", () => {
		startAfter(20 * second);
		expect(sight.blindMs(-30 * minute, 20 * second - 1, cadence)).toBe(20 * second);
		expect(sight.blindMs(-30 * minute, 20 * second, cadence)).toBe(0);
	});

	it("stays so as well when REST alone has read it", () => {
		sight = new Observation(at(0));
		sight.restore({ coveredUntilMonoMs: -20 * minute, spans: [], healthScore: 0 });
		sight.coveredOverRest(at(minute), minute - 15 * second);
		expect(sight.blindMs(-30 * minute, cadence + minute - 1, cadence)).toBeGreaterThan(20 * minute);
		expect(sight.blindMs(-30 * minute, cadence + minute, cadence)).toBe(cadence + 15 * second);
	});

	it("is no matter of a first start, nor of a socket that was lost later", () => {
		sight = new Observation(at(0));
		sight.streamOpened();
		sight.caughtUp(at(0));
		expect(sight.blindMs(-30 * minute, 0, cadence)).toBe(0);
		sight.streamClosed(at(minute));
		sight.streamOpened();
		sight.caughtUp(at(20 * minute));
		expect(sight.blindMs(-30 * minute, 20 * minute, cadence)).toBe(0);
	});

	it("is what a process that starts soon after takes it for, for a quarter of an hour", () => {
		const groups = { groupRows: () => [] };
		const keptAt = (monoMs: number) =>
			workspaceRowOf({ observation: sight, groups }, "w", monoMs)?.coveredUntilServerMs;
		expect(keptAt(15 * minute - 1)).toBe(epochMs - 20 * minute);
		expect(keptAt(15 * minute)).toBe(epochMs);
	});
});

/** Their next beat after the restarts below comes some minutes later. Less than three, so that no group waits. */
function startRuns(world: World): void {
	world.run(4 * minute);
	for (const name of ["one", "other"]) started(world, name, { cadenceMs: cadence });
}

describe("a server that was away while the daemon was", () => {
	/** From minute 20 to 40; the daemon is killed a minute after the server, and back a little after it. */
	function bothAway(): World {
		const world = new World();
		world.at(20 * minute, () => {
			world.server.up = false;
		});
		world.at(21 * minute, () => world.stopDaemon());
		world.at(40 * minute, () => {
			world.server.up = true;
		});
		world.at(40 * minute + 20 * second, () => world.startDaemon());
		return world;
	}

	it("makes no zombie of a run whose client resends at its next emit", () => {
		const world = bothAway();
		startRuns(world);
		world.run(2 * hour);
		expect(world.story).toEqual([]);
	});

	it("nor a mass lapse of many", () => {
		const world = bothAway();
		world.run(4 * minute);
		for (let index = 0; index < 5; index += 1) started(world, `r${index}`, { cadenceMs: cadence });
		world.run(2 * hour);
		expect(world.groups).toEqual([]);
	});

	it("makes none either when the daemon is killed again before that", () => {
		const world = bothAway();
		startRuns(world);
		world.at(41 * minute + 20 * second, () => {
			world.stopDaemon();
			world.startDaemon();
		});
		world.run(2 * hour);
		expect(world.story).toEqual([]);
	});

	it("does not hide a death in it: that is told one cadence after the first catch-up", () => {
		const world = bothAway();
		const run = started(world, "r", { cadenceMs: cadence });
		for (let index = 0; index < 5; index += 1) started(world, `alive${index}`, { cadenceMs: cadence });
		world.at(30 * minute, () => world.server.kill(run));
		world.run(2 * hour);
		expect(world.story).toEqual(["r raised"]);
		const caughtUpMs = 40 * minute + 35 * second;
		const [raised] = raisedOf(world, "r");
		expect(raised!.atMs).toBeGreaterThanOrEqual(caughtUpMs + cadence);
		expect(raised!.atMs).toBeLessThan(caughtUpMs + cadence + 15 * second);
	});
});

describe("a server's clock that was set forward while the daemon was down", () => {
	it("makes no zombies, although what is stored looks an hour older", () => {
		const world = new World();
		startRuns(world);
		world.at(30 * minute, () => world.stopDaemon());
		world.at(31 * minute, () => {
			world.server.clockStepMs = hour;
		});
		world.at(32 * minute, () => world.startDaemon());
		world.run(2 * hour);
		expect(world.story).toEqual([]);
	});
});
