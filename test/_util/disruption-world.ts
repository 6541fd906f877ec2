import fc from "fast-check";
import { Disruption, type DisruptionSweep } from "../../src/core/disruption.ts";
import type { ArmedRun } from "../../src/core/disruption-count.ts";
import type { Pipe } from "../../src/core/disruption-group.ts";
import { armedFleet, at, DisruptionDisk, second, serverOffsetMs } from "./disruption-fleet.ts";

export const stepMs = 15 * second;

/** A stretch of steps in which some runs, by bit masks, are cut off or gone, and what is heard of the pipe in it. */
interface Stretch {
	readonly steps: number;
	readonly cutOff: number;
	readonly gone: number;
	readonly pipe: "quiet" | "event" | "loss" | "offline";
	readonly restarts: boolean;
}

export interface Scenario {
	readonly fleet: readonly {
		readonly pool: string | null;
		readonly version: string | null;
		readonly cadenceMs: number;
	}[];
	readonly stretches: readonly Stretch[];
}

const masks = fc.integer({ min: 0, max: 0xffff });
const stretch = fc.record({
	steps: fc.integer({ min: 1, max: 40 }),
	cutOff: fc.oneof(fc.constant(0xffff), masks),
	gone: fc.oneof({ arbitrary: fc.constant(0), weight: 4 }, { arbitrary: masks, weight: 1 }),
	pipe: fc.constantFrom<Stretch["pipe"]>("quiet", "event", "loss", "offline"),
	restarts: fc.boolean(),
});
const fleetRun = fc.record({
	pool: fc.constantFrom("a", "b", null),
	version: fc.constantFrom("1", "2", null),
	cadenceMs: fc.constantFrom(30 * second, 180 * second),
});

export const scenarios: fc.Arbitrary<Scenario> = fc.record({
	fleet: fc.array(fleetRun, { minLength: 1, maxLength: 16 }),
	stretches: fc.array(stretch, { minLength: 1, maxLength: 8 }),
});

interface LivingRun {
	readonly runId: string;
	readonly pool: string | null;
	readonly version: string | null;
	readonly cadenceMs: number;
	readonly index: number;
	aliveAtMonoMs: number;
	judged: boolean;
}

/** A sweep, and what the module says of each present run's silence after it. */
export interface Seen {
	readonly nowMs: number;
	readonly swept: DisruptionSweep;
	readonly holds: ReadonlyMap<string, { readonly aliveAtMonoMs: number; readonly untilMs: number | null }>;
}

export interface PlayOptions {
	readonly reversed?: boolean;
	readonly mayRestart?: boolean;
}

/** The tracker's loop around the module: facts in, resets applied, and a verdict on each run that is due and not held. */
export function play(scenario: Scenario, options: PlayOptions = {}): readonly Seen[] {
	const world = new DisruptionWorld(scenario, options);
	return scenario.stretches.flatMap((one) => world.play(one));
}

class DisruptionWorld {
	readonly #options: PlayOptions;
	readonly #runs: readonly LivingRun[];
	#disruption = new Disruption({ namespace: "here", workspace: "main" });
	readonly #disk = new DisruptionDisk();
	#pipe: Pipe = { lastOtherEventMonoMs: null, lastLossMonoMs: null, offlinePools: new Set() };
	#nowMs = 30 * second;

	constructor(scenario: Scenario, options: PlayOptions) {
		this.#options = options;
		this.#runs = scenario.fleet.map((run, index) => ({
			...run,
			index,
			runId: `run-${String(index).padStart(2, "0")}`,
			aliveAtMonoMs: index * second,
			judged: false,
		}));
	}

	play(one: Stretch): readonly Seen[] {
		this.#pipe = pipeAfter(this.#pipe, one, this.#nowMs);
		if (one.restarts && this.#options.mayRestart === true) this.#restart();
		return Array.from({ length: one.steps }, () => this.#step(one));
	}

	#step(one: Stretch): Seen {
		this.#nowMs += stepMs;
		const nowMs = this.#nowMs;
		const present = this.#runs.filter(({ index }) => !has(one.gone, index));
		for (const run of present) {
			const beats = !has(one.cutOff, run.index) && nowMs - run.aliveAtMonoMs >= run.cadenceMs;
			if (beats) Object.assign(run, { aliveAtMonoMs: nowMs, judged: false });
		}
		const ordered = this.#options.reversed === true ? present.toReversed() : present;
		const facts = ordered.map((run) => factOf(run, nowMs));
		const swept = this.#disruption.sweep(
			at(nowMs),
			armedFleet(() => facts),
			this.#pipe,
		);
		this.#disk.save(this.#disruption, swept);
		const reset = new Set(swept.resetRuns);
		for (const run of present) if (reset.has(run.runId)) run.aliveAtMonoMs = nowMs;
		const holds = new Map(present.map((run) => [run.runId, this.#holdOf(run)]));
		for (const run of present) {
			const isDue = nowMs - run.aliveAtMonoMs >= 3 * run.cadenceMs + 18 * second;
			if (isDue && (holds.get(run.runId)?.untilMs ?? nowMs) <= nowMs) run.judged = true;
		}
		return { nowMs, swept, holds };
	}

	#holdOf({ runId, aliveAtMonoMs }: LivingRun): { aliveAtMonoMs: number; untilMs: number | null } {
		return { aliveAtMonoMs, untilMs: this.#disruption.heldUntil(runId, aliveAtMonoMs) };
	}

	#restart(): void {
		this.#disruption = this.#disk.restart(0, at(this.#nowMs));
	}
}

function has(mask: number, index: number): boolean {
	return Math.floor(mask / 2 ** index) % 2 === 1;
}

function factOf(run: LivingRun, nowMs: number): ArmedRun {
	return {
		runId: run.runId,
		aliveAtMonoMs: run.aliveAtMonoMs,
		anchorMs: run.aliveAtMonoMs + serverOffsetMs,
		cadenceMs: run.cadenceMs,
		workPool: run.pool,
		clientVersion: run.version,
		lapsed: nowMs - run.aliveAtMonoMs > 2 * run.cadenceMs + 18 * second,
		hasOpenEpisode: run.judged,
	};
}

function pipeAfter(pipe: Pipe, stretch: Stretch, nowMs: number): Pipe {
	switch (stretch.pipe) {
		case "quiet":
			return { ...pipe, offlinePools: new Set() };
		case "event":
			return { ...pipe, lastOtherEventMonoMs: nowMs };
		case "loss":
			return { ...pipe, lastLossMonoMs: nowMs };
		case "offline":
			return { ...pipe, offlinePools: new Set(["a"]) };
	}
	return stretch.pipe satisfies never;
}
