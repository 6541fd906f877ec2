import type { Chance } from "./chance.ts";
import type { SimServer } from "./server.ts";
import type { Timeline } from "./timeline.ts";
import { second } from "./units.ts";

/** Prefect's worker tells the server this often, over REST, that it lives; after three misses it counts as offline. */
const heartbeatEveryMs = 30 * second;
const offlineAfterMs = 3 * heartbeatEveryMs;

interface PoolWorker {
	readonly name: string;
	isAlive: boolean;
	isCutOff: boolean;
	/** By the world's time. */
	heardMs: number;
}

/** What stands on the server of a pool that has lost a worker for good. */
const retired = { name: "retired", status: "OFFLINE" };

/** The workers that start the runs of each work pool, and what the server says of them. */
export class PoolWorkers {
	readonly #timeline: Timeline;
	readonly #server: SimServer;
	readonly #chance: Chance;
	readonly #byPool = new Map<string, PoolWorker>();
	/** Pools of whose former workers one is still listed. */
	readonly #withRetired = new Set<string>();

	constructor(options: { timeline: Timeline; server: SimServer; chance: Chance }) {
		this.#timeline = options.timeline;
		this.#server = options.server;
		this.#chance = options.chance;
	}

	/** A run begins in the pool: somebody has started it. */
	starts(pool: string): void {
		const known = this.#byPool.get(pool);
		if (known !== undefined) {
			known.isAlive = true;
			return;
		}
		const { nowMs } = this.#timeline;
		const worker = { name: `worker of ${pool}`, isAlive: true, isCutOff: false, heardMs: nowMs };
		this.#byPool.set(pool, worker);
		if (this.#chance.happens(0.3)) this.#withRetired.add(pool);
		this.#timeline.after(this.#chance.between(0, heartbeatEveryMs), () => this.#beat(worker));
	}

	/** @param pool null: all of them */
	die(pool: string | null): void {
		for (const [name, worker] of this.#byPool) if (pool === null || name === pool) worker.isAlive = false;
	}

	cutOff(pool: string, ms: number): void {
		const worker = this.#byPool.get(pool);
		if (worker === undefined || worker.isCutOff) return;
		worker.isCutOff = true;
		this.#timeline.after(ms, () => {
			worker.isCutOff = false;
		});
	}

	/** As `POST /work_pools/{name}/workers/filter` lists them. */
	listed(pool: string): readonly object[] {
		const worker = this.#byPool.get(pool);
		if (worker === undefined) return [];
		const isOnline = this.#timeline.nowMs - worker.heardMs < offlineAfterMs;
		const own = { name: worker.name, status: isOnline ? "ONLINE" : "OFFLINE" };
		return this.#withRetired.has(pool) ? [own, retired] : [own];
	}

	#beat(worker: PoolWorker): void {
		if (worker.isAlive && !worker.isCutOff && this.#server.isUp) worker.heardMs = this.#timeline.nowMs;
		this.#timeline.after(heartbeatEveryMs, () => this.#beat(worker));
	}
}
