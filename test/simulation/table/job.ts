import type { DetectorSettings } from "../../../src/core/settings.ts";
import { learnedMean3 } from "../../../src/replay/peers/learned-mean.ts";
import type { PeerRule } from "../../../src/replay/peers/peer.ts";
import { phiRescaled } from "../../../src/replay/peers/phi-rescaled.ts";
import { prefectAutomation } from "../../../src/replay/peers/prefect-automation.ts";
import { defaultSettings } from "../../_util/core-world.ts";
import { type Cell, cellOf, type Notes, notesOf } from "./figures.ts";
import { PrefectWorld } from "./prefect-world.ts";
import { type BesideName, type ScenarioName, scenarios } from "./scenario.ts";
import { makeScript } from "./script.ts";
import { watchedByPeer } from "./watched-by-peer.ts";
import { watchedByUs } from "./watched-by-us.ts";

export const detectorNames = ["zombied", "prefect-automation", "learned-mean-3", "phi-rescaled"] as const;
export type DetectorName = (typeof detectorNames)[number];

/** One scenario at one cadence, watched by some detectors: what a worker does at a time. Plain data. */
export interface Job {
	readonly scenario: ScenarioName | BesideName;
	readonly cadenceSeconds: number;
	readonly detectors: readonly DetectorName[];
	readonly runs: number;
	readonly beats: number;
	readonly seed: string;
}

export interface Played {
	readonly cells: readonly Cell[];
	/** Of our detector; null when it did not watch. */
	readonly notes: Notes | null;
}

/** The same job gives the same figures, whoever does it and when. */
export function playJob(job: Job, settings: DetectorSettings = defaultSettings): Played {
	const { scenario, cadenceSeconds, detectors, runs, beats, seed } = job;
	const size = { runs, beats, cadenceMs: cadenceSeconds * 1_000 };
	const world = new PrefectWorld(makeScript(scenarios[scenario], size, `${seed}|${scenario}|${cadenceSeconds}`));
	const cells: Cell[] = [];
	let notes: Notes | null = null;
	for (const detector of detectors) {
		if (detector === "zombied") {
			const watch = watchedByUs(world, settings);
			notes = notesOf(world.script, watch);
			cells.push({ detector, scenario, cadenceSeconds, ...cellOf(world.script, watch.told) });
		} else {
			const told = watchedByPeer(world, ruleOf(detector, size.cadenceMs));
			cells.push({ detector, scenario, cadenceSeconds, ...cellOf(world.script, told) });
		}
	}
	return { cells, notes };
}

function ruleOf(detector: Exclude<DetectorName, "zombied">, cadenceMs: number): PeerRule {
	switch (detector) {
		case "prefect-automation":
			return prefectAutomation(cadenceMs);
		case "learned-mean-3":
			return learnedMean3;
		case "phi-rescaled":
			return phiRescaled;
	}
	return detector satisfies never;
}
