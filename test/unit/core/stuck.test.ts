import { describe, expect, it } from "vitest";
import { raisedOf, started } from "../../_util/core-scenario.ts";
import { hour, minute, second, World } from "../../_util/core-world.ts";

/** From when on something was told of the run, by the world's time; the story must be that alone. */
function toldAtMs(world: World, untilMs: number, what: string): number {
	world.run(untilMs);
	expect(world.story).toEqual([what]);
	return world.told[0]!.atMs;
}

function expectWithin(atMs: number, limitMs: number): void {
	expect(atMs).toBeGreaterThanOrEqual(limitMs);
	expect(atMs).toBeLessThanOrEqual(limitMs + 15 * second);
}

describe("a run that is pending", () => {
	function submitted(): { world: World; sinceMs: number; run: ReturnType<World["server"]["submit"]> } {
		const world = new World();
		world.run(minute);
		return { world, sinceMs: world.nowMs, run: world.server.submit(world.nowMs, { name: "r" }) };
	}

	it("is stuck after 30 minutes, until it runs", () => {
		const { world, sinceMs, run } = submitted();
		expectWithin(toldAtMs(world, hour, "r stuck_pending raised"), sinceMs + 30 * minute);
		const { episode } = raisedOf(world, "r")[0]!;
		expect(episode).toMatchObject({ severity: "warning", stateType: "PENDING", labels: { name: "r" } });
		expect(episode.evidence).toMatchObject({ thresholdSeconds: 1800, blindSeconds: 0, apiStateId: run.state.id });
		world.server.run(run, world.nowMs);
		world.run(2 * hour);
		expect(world.story).toEqual(["r stuck_pending raised", "r stuck_pending moved"]);
	});

	it("is not when it runs in time", () => {
		const { world, sinceMs, run } = submitted();
		world.at(sinceMs + 30 * minute - second, () => world.server.run(run, world.nowMs));
		world.run(2 * hour);
		expect(world.story).toEqual([]);
	});

	it("is not when REST knows that it has ended, though the stream has lost it", () => {
		const { world, run } = submitted();
		world.transit = () => [];
		world.at(30 * minute, () => world.server.end(run, world.nowMs, "CANCELLED"));
		world.run(2 * hour);
		expect(world.story).toEqual([]);
	});

	it("is called stuck over REST alone", () => {
		const { world, sinceMs } = submitted();
		world.at(20 * minute, () => {
			world.socketUp = false;
		});
		expectWithin(toldAtMs(world, 2 * hour, "r stuck_pending raised"), sinceMs + 30 * minute);
	});

	it("is not called stuck while REST is away", () => {
		const { world } = submitted();
		world.at(20 * minute, () => {
			world.restUp = false;
		});
		world.at(70 * minute, () => {
			world.restUp = true;
		});
		expectWithin(toldAtMs(world, 2 * hour, "r stuck_pending raised"), 70 * minute + 45 * second);
	});

	it("is stuck in the state it was in before a restart, and told once", () => {
		const { world } = submitted();
		world.at(20 * minute, () => world.stopDaemon());
		world.at(40 * minute, () => world.startDaemon());
		world.at(50 * minute, () => world.stopDaemon());
		world.at(51 * minute, () => world.startDaemon());
		world.run(2 * hour);
		expect(world.story).toEqual(["r stuck_pending raised"]);
	});
});

describe("a run that awaits its retry", () => {
	function waiting(dueAtMs: number | null): { world: World; retry: (atMs: number) => void } {
		const world = new World();
		const run = started(world, "r");
		world.at(10 * minute, () => world.server.awaitRetry(run, world.nowMs, dueAtMs));
		return { world, retry: (atMs) => world.at(atMs, () => world.server.run(run, world.nowMs)) };
	}

	it("is stuck 5 minutes after its time, which REST alone tells, until it runs", () => {
		const { world, retry } = waiting(40 * minute);
		expectWithin(toldAtMs(world, hour, "r stuck_retry raised"), 45 * minute);
		expect(raisedOf(world, "r")[0]!.episode.evidence).toMatchObject({ thresholdSeconds: 300 });
		retry(70 * minute);
		world.run(2 * hour);
		expect(world.story).toEqual(["r stuck_retry raised", "r stuck_retry moved"]);
	});

	it("is not when it runs in time", () => {
		const { world, retry } = waiting(40 * minute);
		retry(45 * minute - second);
		world.run(2 * hour);
		expect(world.story).toEqual([]);
	});

	it("is not while nobody says when it is due", () => {
		const { world } = waiting(null);
		world.run(3 * hour);
		expect(world.story).toEqual([]);
		expect(world.asked.filter(({ inquiry }) => inquiry.stage === "identify").length).toBeLessThan(5);
	});

	it("is known to be due after a restart as well", () => {
		const { world } = waiting(40 * minute);
		world.at(20 * minute, () => world.stopDaemon());
		world.at(21 * minute, () => world.startDaemon());
		expectWithin(toldAtMs(world, hour, "r stuck_retry raised"), 45 * minute);
	});
});

describe("a run that is being cancelled", () => {
	function cancelling(): { world: World; run: ReturnType<typeof started> } {
		const world = new World();
		const run = started(world, "r");
		world.at(10 * minute, () => world.server.setState(run, world.nowMs, "CANCELLING"));
		return { world, run };
	}

	it("and beats on is stuck after 10 minutes, until it is cancelled", () => {
		const { world, run } = cancelling();
		expectWithin(toldAtMs(world, 40 * minute, "r stuck_cancelling raised"), 20 * minute);
		world.server.end(run, world.nowMs, "CANCELLED");
		world.run(hour);
		expect(world.story).toEqual(["r stuck_cancelling raised", "r stuck_cancelling ended"]);
	});

	it("is not when it is cancelled in time", () => {
		const { world, run } = cancelling();
		world.at(20 * minute - second, () => world.server.end(run, world.nowMs, "CANCELLED"));
		world.run(hour);
		expect(world.story).toEqual([]);
	});

	it("and is silent is a zombie, and never stuck", () => {
		const { world, run } = cancelling();
		world.at(10 * minute, () => world.server.kill(run));
		world.run(hour);
		expect(world.story).toEqual(["r raised"]);
	});

	it("and is killed once it is stuck becomes a zombie", () => {
		const { world, run } = cancelling();
		world.at(25 * minute, () => world.server.kill(run));
		world.run(hour);
		expect(world.story).toEqual(["r stuck_cancelling raised", "r stuck_cancelling superseded", "r raised"]);
	});

	it("stays stuck, not deaf, when its beats stop and its logs go on", () => {
		const { world, run } = cancelling();
		run.logsEveryMs = second;
		world.at(25 * minute, () => {
			run.beats = false;
		});
		world.run(hour);
		expect(world.story).toEqual(["r stuck_cancelling raised"]);
	});
});

describe("a run that waits to be started", () => {
	function waiting(name: string, settings: { stuckScheduledMs: number | null }, renewEveryMs?: number): World {
		const world = new World({ settings });
		world.run(minute);
		const run = world.server.submit(world.nowMs, { name: "r" });
		for (let atMs = 10 * minute; atMs < 2 * hour; atMs += renewEveryMs ?? 2 * hour) {
			world.at(atMs, () => world.server.setState(run, world.nowMs, "SCHEDULED", name));
		}
		return world;
	}

	const optedIn = { stuckScheduledMs: 30 * minute };

	it("late is stuck after the time that was opted into", () => {
		expectWithin(toldAtMs(waiting("Late", optedIn), 2 * hour, "r stuck_scheduled raised"), 40 * minute);
	});

	it("for a concurrency slot is stuck from its first wait on, though the state is renewed", () => {
		const world = waiting("AwaitingConcurrencySlot", optedIn, 25 * second);
		expectWithin(toldAtMs(world, 2 * hour, "r stuck_scheduled raised"), 40 * minute);
	});

	it.each([
		{ rule: "late is not, without having opted in", name: "Late", settings: { stuckScheduledMs: null } },
		{ rule: "for its time is not", name: "Scheduled", settings: optedIn },
	])("$rule", ({ name, settings }) => {
		const world = waiting(name, settings);
		world.run(2 * hour);
		expect(world.story).toEqual([]);
	});

	it("late is not when it is started in time", () => {
		const world = waiting("Late", optedIn);
		const [run] = world.server.runs.values();
		world.at(40 * minute - second, () => world.server.run(run!, world.nowMs));
		world.run(90 * minute);
		expect(world.story).toEqual([]);
	});
});
