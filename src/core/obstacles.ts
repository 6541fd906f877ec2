import type { Instant } from "../lib/clock.ts";
import type { BlindCause } from "./blindness.ts";
import type { Claim } from "./claims.ts";
import type { Family } from "./family.ts";
import type { GroupWatch } from "./group-watch.ts";
import { waitsForDescendant } from "./life-signs.ts";
import type { Observation } from "./observation.ts";
import type { Run } from "./run.ts";
import type { RunTable } from "./run-table.ts";
import type { Witnesses } from "./witnesses.ts";
import type { Yardstick } from "./yardstick.ts";

/** Over REST alone somebody else must have been heard so many cadences after the run's last sign of life. */
const witnessAfterCadences = 2;

/** Why a verdict that is due is not given now. Instants on our monotonic clock. */
export type Obstacle =
	/** We could not have heard it. No cause: what was missed has not been read yet. */
	| { readonly kind: "blind"; readonly causes: readonly BlindCause[] }
	/** Nobody can confirm it: REST is away, or came back a moment ago. */
	| { readonly kind: "rest" }
	/** Over REST alone, and nobody else has been heard since. */
	| { readonly kind: "no_witness" }
	/** A subflow of it is watched: of a dead branch the deepest run is told. */
	| { readonly kind: "descendant" }
	/** It lapsed together with others. */
	| { readonly kind: "group"; readonly untilMonoMs: number };

export interface ObstacleOptions {
	readonly yardstick: Yardstick;
	readonly observation: Observation;
	readonly family: Family;
	readonly table: RunTable;
	readonly groups: GroupWatch;
	readonly witnesses: Witnesses;
}

/** What stands between a run that is due and its verdict; null: nothing does. */
export class Obstacles {
	readonly #options: ObstacleOptions;

	constructor(options: ObstacleOptions) {
		this.#options = options;
	}

	/** Over REST alone silence needs a witness: whatever keeps our socket shut may keep the clients' shut as well. */
	toJudging(run: Run, condition: Claim["condition"], at: Instant): Obstacle | null {
		const { observation, yardstick, witnesses } = this.#options;
		if (observation.isBlind) return { kind: "blind", causes: observation.openCauses };
		if (!observation.mayJudge(at.monoMs)) return { kind: "rest" };
		if (!observation.isOverRestAlone || (condition !== "zombie" && condition !== "never_beat")) return null;
		const { runId, aliveAtMonoMs } = run;
		const waitMs = witnessAfterCadences * yardstick.cadenceMs(run);
		const isWitnessed = aliveAtMonoMs !== null && witnesses.newestBeside(runId) > aliveAtMonoMs + waitMs;
		return isWitnessed ? null : { kind: "no_witness" };
	}

	/** Of a silence alone. */
	toTelling(run: Run, at: Instant): Obstacle | null {
		const { family, table, groups } = this.#options;
		if (waitsForDescendant(run, family, table)) return { kind: "descendant" };
		const untilMonoMs = groups.heldUntil(run) ?? Number.NEGATIVE_INFINITY;
		return at.monoMs < untilMonoMs ? { kind: "group", untilMonoMs } : null;
	}
}
