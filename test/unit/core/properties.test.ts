import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Condition } from "../../../src/core/episode.ts";
import { isBeatingState, isTerminal } from "../../../src/core/run.ts";
import { epochMs, type SimRun } from "../../_util/core-server.ts";
import { defaultSettings, minute, second, type Told, World } from "../../_util/core-world.ts";

const acts = {
	kill: (world: World, run: SimRun) => world.server.kill(run),
	freeze: (world: World, run: SimRun) => world.server.freeze(run),
	thaw: (world: World, run: SimRun) => {
		if (run.process === "frozen") world.server.thaw(run, world.nowMs);
	},
	heartbeatDies: (_: World, run: SimRun) => {
		run.beats = false;
	},
	heartbeatIsBack: (world: World, run: SimRun) => {
		run.beats = true;
		run.nextBeatAtMs = world.nowMs;
	},
	logs: (world: World, run: SimRun) => {
		run.logsEveryMs = second;
		run.nextLogAtMs = world.nowMs;
	},
	complete: (world: World, run: SimRun) => world.server.end(run, world.nowMs, "COMPLETED"),
	cancel: (world: World, run: SimRun) => world.server.setState(run, world.nowMs, "CANCELLING"),
	/** Over the API: the process does not notice. */
	crash: (world: World, run: SimRun) => world.server.setState(run, world.nowMs, "CRASHED"),
	awaitRetry: (world: World, run: SimRun) => world.server.awaitRetry(run, world.nowMs, world.nowMs + minute),
	retry: (world: World, run: SimRun) => {
		if (!isBeatingState(run.state.type)) world.server.run(run, world.nowMs);
	},
} as const;

/** What may befall the daemon and its way to the server, for a while. */
const troubles = {
	server: (world: World, on: boolean) => {
		world.server.up = !on;
	},
	socket: (world: World, on: boolean) => {
		world.socketUp = !on;
	},
	rest: (world: World, on: boolean) => {
		world.restUp = !on;
	},
	frozen: (world: World, on: boolean) => {
		world.daemonFrozen = on;
	},
	loss: (world: World, on: boolean) => {
		world.transit = () => (on ? [] : [20]);
	},
	restart: (world: World, on: boolean) => {
		if (on) world.stopDaemon();
		else world.startDaemon();
	},
} as const;

const runsMax = 3;
const atSeconds = fc.integer({ min: 60, max: 20 * 60 });
const anyAct = fc.record({
	atSeconds,
	act: fc.constantFrom(...(Object.keys(acts) as (keyof typeof acts)[])),
	index: fc.nat(runsMax - 1),
});
const anyTrouble = fc.record({
	atSeconds,
	lastsSeconds: fc.integer({ min: 5, max: 300 }),
	trouble: fc.constantFrom(...(Object.keys(troubles) as (keyof typeof troubles)[])),
});
/** One trouble at a time, and none at the end: a verdict is due for whoever is dead. */
const anyTroubles = fc.array(anyTrouble, { maxLength: 3 }).map((drawn) => {
	const kept: typeof drawn = [];
	for (const trouble of drawn.toSorted((a, b) => a.atSeconds - b.atSeconds)) {
		// The one before it that is kept, not one that was left out.
		const before = kept.at(-1);
		if (before === undefined || trouble.atSeconds > before.atSeconds + before.lastsSeconds + 30) kept.push(trouble);
	}
	return kept;
});
const anyScript = fc.record({
	acts: fc.array(anyAct, { minLength: 1, maxLength: 10 }),
	troubles: anyTroubles,
	cadences: fc.array(fc.constantFrom(30 * second, minute), { minLength: runsMax, maxLength: runsMax }),
});
type Script = typeof anyScript extends fc.Arbitrary<infer T> ? T : never;

function staged(script: Script): World {
	const world = new World({ settings: { stuckPendingMs: 5 * minute, stuckCancellingMs: 3 * minute } });
	world.run(10 * second);
	const runs = script.cadences.map((cadenceMs, index) =>
		world.server.start(world.nowMs, { name: `r${index}`, cadenceMs }),
	);
	// Among enough others that what befalls these is no mass lapse in most cases.
	for (let index = 0; index < 3; index += 1) world.server.start(world.nowMs, { name: `other${index}` });
	for (const { act, index, atSeconds: at } of script.acts) {
		world.at(at * second, () => {
			const run = runs[index]!;
			if (!isTerminal(run.state.type) || act === "kill") acts[act](world, run);
		});
	}
	for (const { trouble, atSeconds: at, lastsSeconds } of script.troubles) {
		world.at(at * second, () => troubles[trouble](world, true));
		world.at((at + lastsSeconds) * second, () => troubles[trouble](world, false));
	}
	return world;
}

/** REST is called once a minute: a shorter outage of the server may look like one of our socket, which catch-up heals. */
const outageNoticedSeconds = 62;
/** Our own pause is one from 5 s on. */
const pauseNoticedSeconds = 7;

/** True time in [fromMs, untilMs] in which nobody could have heard the run: the daemon slept, or the server was away. */
function deafMs({ troubles: drawn }: Script, fromMs: number, untilMs: number): number {
	return drawn
		.filter(({ trouble, lastsSeconds }) => {
			if (trouble === "frozen") return lastsSeconds >= pauseNoticedSeconds;
			return trouble === "server" && lastsSeconds >= outageNoticedSeconds;
		})
		.map(({ atSeconds: at, lastsSeconds }) => {
			return Math.min(untilMs, (at + lastsSeconds) * second) - Math.max(fromMs, at * second);
		})
		.reduce((sum, ms) => sum + Math.max(0, ms), 0);
}

const statesOf = (condition: Condition, run: SimRun): boolean => {
	if (condition === "undead") return isTerminal(run.state.type);
	if (condition === "stuck_pending") return run.state.type === "PENDING";
	if (condition === "stuck_retry") return run.state.name === "AwaitingRetry";
	if (condition === "stuck_cancelling") return run.state.type === "CANCELLING";
	return isBeatingState(run.state.type);
};

function expectSound(world: World, script: Script, { atMs, transition, isBlind }: Told): void {
	const { episode } = transition;
	const { evidence } = episode;
	const run = world.server.runs.get(episode.runId)!;
	expect(statesOf(episode.condition, run)).toBe(true);
	expect(evidence.apiStateId).toBe(run.state.id);
	expect(isBlind).toBe(false);
	expect(evidence.silenceSeconds - evidence.blindSeconds).toBeGreaterThanOrEqual(evidence.thresholdSeconds);
	if (episode.condition !== "zombie" && episode.condition !== "deaf") return;
	// No heartbeat that the server has was overlooked, and none came since.
	const newestMs = Math.max(...run.stored.map(({ receivedMs }) => receivedMs!));
	expect(evidence.lastBeatReceivedMs).toBe(newestMs);
	const beatAtMs = newestMs - epochMs;
	// Silence in which we were deaf does not count: by the world's own time, not by what the daemon thinks of it.
	const heardMs = atMs - beatAtMs - deafMs(script, beatAtMs, atMs);
	expect(heardMs).toBeGreaterThanOrEqual(evidence.thresholdSeconds * second - 1_500);
	// Asked twice since, at the least.
	const since = world.asked.filter((asked) => asked.inquiry.runId === run.id && asked.atMs > beatAtMs);
	const stages = since.map(({ inquiry }) => inquiry.stage);
	expect(stages).toContain("eve");
	expect(stages.lastIndexOf("due")).toBeGreaterThan(stages.indexOf("eve"));
	if (episode.condition === "deaf") return;
	const cadenceMs = (evidence.cadenceSeconds ?? defaultSettings.slowestCadenceMs / second) * second;
	const signAgeMs = run.lastLogMs === null ? Number.POSITIVE_INFINITY : atMs - (run.lastLogMs - epochMs);
	// A second passes between a line's writing and our hearing of the server's answer.
	expect(signAgeMs).toBeGreaterThanOrEqual(evidence.thresholdSeconds * second - cadenceMs - 1_500);
}

/** What is told of each run alternates, and ends stay ends. */
function expectOrderly(world: World): void {
	for (const [runId, told] of Map.groupBy(world.told, ({ transition }) => transition.episode.runId)) {
		const run = world.server.runs.get(runId)!;
		for (const [index, { transition }] of told.entries()) {
			expect(transition.kind).toBe(index % 2 === 0 ? "raised" : "resolved");
			if (index % 2 === 1) expect(transition.episode.alertId).toBe(told[index - 1]!.transition.episode.alertId);
		}
		const last = told.at(-1)!;
		if (isTerminal(run.state.type) && last.transition.kind === "raised") {
			expect(last.transition.episode.condition).toBe("undead");
		}
	}
}

/** Plays the script to its end; each verdict is held against the world as it is at that moment. */
function watched(script: Script, tell: (told: Told) => void): World {
	const world = staged(script);
	while (world.nowMs < 30 * minute) {
		const known = world.told.length;
		world.run(world.nowMs + second);
		for (const told of world.told.slice(known)) {
			if (told.transition.kind === "raised") expectSound(world, script, told);
			tell(told);
		}
	}
	return world;
}

describe("whatever happens", () => {
	it("a run is flagged only after a lapse and a confirmation, with no life sign between, and nothing else is", {
		timeout: 120_000,
	}, () => {
		const seen = new Map<string, number>();
		fc.assert(
			fc.property(anyScript, (script) => {
				const world = watched(script, (told) => seen.set(told.what, (seen.get(told.what) ?? 0) + 1));
				expectOrderly(world);
				expect(world.count("run_set_aside")).toBe(0);
				expect(world.told.filter(({ name }) => name.startsWith("other"))).toEqual([]);
				for (const run of world.server.runs.values()) {
					const row = world.tracker.stored.takeRun(run.id, world.now)?.row ?? null;
					expect(row?.state?.id).toBe(run.state.id);
				}
			}),
			// The same scripts every time, so that a change is judged by itself; others with ZOMBIED_TEST_SEED.
			{ numRuns: 200, seed: Number(process.env.ZOMBIED_TEST_SEED ?? 1) },
		);
		// The property is about something.
		for (const what of ["raised", "recovered", "ended", "deaf raised", "undead raised", "stuck_cancelling raised"]) {
			expect(seen.get(what) ?? 0).toBeGreaterThan(0);
		}
	});
});
