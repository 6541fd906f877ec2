import type { Instant } from "../lib/clock.ts";
import { armedRuns } from "./armed-runs.ts";
import { Disruption, type DisruptionSweep } from "./disruption.ts";
import type { Run } from "./run.ts";
import type { RunTable } from "./run-table.ts";
import type { Yardstick } from "./yardstick.ts";

/** Mass lapses of a workspace, and what is known of the pipe that its events come through. */
export class GroupWatch {
	readonly #disruption: Disruption;
	readonly #table: RunTable;
	readonly #yardstick: Yardstick;
	readonly #offlinePools = new Set<string>();
	#lastOtherEventMonoMs: number | null = null;
	#lastLossMonoMs: number | null = null;

	readonly #holds: boolean;

	/** @param options.holds false: whoever looks only once cannot wait, and judges each run alone */
	constructor(options: {
		namespace: string;
		workspace: string;
		table: RunTable;
		yardstick: Yardstick;
		holds: boolean;
	}) {
		this.#holds = options.holds;
		this.#disruption = new Disruption(options);
		this.#table = options.table;
		this.#yardstick = options.yardstick;
	}

	/** An event other than a heartbeat has come over the stream. */
	otherEventHeard(at: Instant): void {
		this.#lastOtherEventMonoMs = at.monoMs;
	}

	/** The server had stored a heartbeat that the stream did not bring: the opposite of a proof that the pipe works. */
	eventLost(at: Instant): void {
		this.#lastLossMonoMs = at.monoMs;
	}

	/** What REST says of a pool's workers. */
	workersAre(workPool: string, offline: boolean): void {
		if (offline) this.#offlinePools.add(workPool);
		else this.#offlinePools.delete(workPool);
	}

	/** Once a sweep, before anybody is asked about: what lapses together is held together. */
	sweep(at: Instant): DisruptionSweep {
		if (!this.#holds) return { opened: [], closed: [], resetRuns: [] };
		return this.#disruption.sweep(at, () => armedRuns(this.#table, this.#yardstick, at.monoMs), {
			lastOtherEventMonoMs: this.#lastOtherEventMonoMs,
			lastLossMonoMs: this.#lastLossMonoMs,
			offlinePools: this.#offlinePools,
		});
	}

	/** Until when a verdict on the run's present silence is held; null when it is not. Our monotonic clock. */
	heldUntil({ runId, aliveAtMonoMs }: Run): number | null {
		return aliveAtMonoMs === null ? null : this.#disruption.heldUntil(runId, aliveAtMonoMs);
	}

	/** The group incident that the run's present silence belongs to; null when it lapsed alone. */
	groupIdOf({ runId, aliveAtMonoMs }: Run): string | null {
		return aliveAtMonoMs === null ? null : this.#disruption.groupIdOf(runId, aliveAtMonoMs);
	}
}
