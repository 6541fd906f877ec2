import { expect } from "vitest";
import type { Episode } from "../../src/core/episode.ts";
import type { SimRun, StartOptions } from "./core-server.ts";
import { minute, World } from "./core-world.ts";

/** A run that starts a minute after the daemon at the earliest, so that its first beats are heard live. */
export function started(world: World, name: string, options: Omit<StartOptions, "name"> = {}): SimRun {
	world.run(Math.max(world.nowMs, minute));
	return world.server.start(world.nowMs, { name, ...options });
}

/** The verdicts on a run, in order. */
export function raisedOf(world: World, name: string): readonly { atMs: number; episode: Episode }[] {
	return world.told
		.filter((told) => told.name === name && told.what.endsWith("raised"))
		.map(({ atMs, transition }) => ({ atMs, episode: transition.episode }));
}

function countedSeconds({ evidence }: Episode): number {
	return evidence.silenceSeconds - evidence.blindSeconds;
}

/** Silence, blind time excluded, lies between T and T + 15 s. */
export function expectOnTime(episode: Episode | undefined): void {
	expect(episode).toBeDefined();
	const { thresholdSeconds } = episode!.evidence;
	expect(countedSeconds(episode!)).toBeGreaterThanOrEqual(thresholdSeconds);
	expect(countedSeconds(episode!)).toBeLessThanOrEqual(thresholdSeconds + 15);
}

/** Something that may happen to runs, and what is told of it. */
export interface Scenario {
	readonly rule: string;
	readonly play: (world: World) => void;
	readonly untilMs: number;
	readonly story: readonly string[];
}

export function played(scenario: Scenario): World {
	const world = new World();
	scenario.play(world);
	world.run(scenario.untilMs);
	return world;
}

export function dies(world: World, run: SimRun, atMs: number): void {
	world.at(atMs, () => world.server.kill(run));
}
