import type { Chance } from "./chance.ts";
import { type Ending, Fate, usualShares } from "./fates.ts";
import type { PoolWorkers } from "./pool-workers.ts";
import type { SimRun } from "./run.ts";
import type { SimServer } from "./server.ts";
import type { Story } from "./story.ts";
import type { Timeline } from "./timeline.ts";
import { hour, minute, second } from "./units.ts";
import { WorkerProcess } from "./worker-process.ts";

export interface FleetHabits {
	readonly endings: ReadonlySet<Ending>;
	readonly skewedShare: number;
	readonly subflowShare: number;
	readonly resendsSoonShare: number;
}

export interface FleetOptions {
	readonly timeline: Timeline;
	readonly server: SimServer;
	readonly story: Story;
	readonly pools: PoolWorkers;
	readonly chance: Chance;
	readonly habits: FleetHabits;
	readonly runs: number;
	readonly hours: number;
}

interface Deployment {
	readonly id: string | null;
	readonly flowId: string;
	readonly cadenceMs: number;
	readonly beats: boolean;
	readonly workPool: string | null;
	readonly version: string;
	readonly skewMs: number;
	readonly tags: readonly string[];
}

const cadencesMs = [30, 60, 180, 300, 600].map((seconds) => seconds * second);
const poolNames = ["blue", "green", "red", null] as const;
const deploymentsMax = 12;

/** Everything that runs flows: deployments with their habits, and processes that begin at their times. */
export class Fleet {
	readonly processes: WorkerProcess[] = [];
	onDeath: (run: SimRun) => void = () => undefined;
	onDeleted: (run: SimRun) => void = () => undefined;
	readonly #options: FleetOptions;
	readonly #deployments: readonly Deployment[];

	constructor(options: FleetOptions) {
		this.#options = options;
		this.#deployments = Array.from({ length: deploymentsMax }, () => this.#newDeployment());
	}

	/** Agrees on when each run begins. */
	begin(): void {
		const { chance, runs, hours, timeline } = this.#options;
		for (let index = 0; index < runs; ) {
			const subflows = chance.happens(this.#options.habits.subflowShare) ? chance.whole(1, 3) : 0;
			const number = index;
			// Some are there when the daemon first comes.
			const atMs = chance.happens(0.1) ? 0 : chance.between(0, hours) * hour;
			const own = chance.fork(`run ${number}`);
			timeline.at(atMs, () => this.#start(number, subflows, own));
			index += 1 + subflows;
		}
	}

	serverIsBack(): void {
		for (const process of this.processes) process.serverIsBack();
	}

	/** Its worker, and every process that it has started. @param pool null: all of them */
	poolDies(pool: string | null): void {
		this.#options.pools.die(pool);
		for (const process of this.#processesOf(pool)) process.kill();
	}

	poolCutOff(pool: string, ms: number): void {
		this.#options.pools.cutOff(pool, ms);
		for (const process of this.#processesOf(pool)) process.cutOff(ms);
	}

	#processesOf(pool: string | null): readonly WorkerProcess[] {
		return this.processes.filter((process) => !process.isDead && (pool === null || process.pool === pool));
	}

	#newDeployment(): Deployment {
		const { chance, habits } = this.#options;
		const isSkewed = chance.happens(habits.skewedShare);
		return {
			id: chance.happens(0.85) ? chance.uuid() : null,
			flowId: chance.uuid(),
			cadenceMs: chance.pick(cadencesMs),
			beats: chance.happens(0.9),
			workPool: chance.pick(poolNames),
			version: chance.pick(["3.6.22", "3.8.8", "3.8.9"]),
			skewMs: isSkewed ? chance.between(-24, 24) * hour : chance.between(-1, 1) * second,
			tags: chance.happens(0.5) ? ["nightly"] : [],
		};
	}

	#start(number: number, subflows: number, chance: Chance): void {
		const { timeline, server, story, habits, pools } = this.#options;
		const deployment = chance.pick(this.#deployments);
		if (deployment.workPool !== null) pools.starts(deployment.workPool);
		const process = new WorkerProcess(
			{ timeline, server, story, onDeath: (run) => this.onDeath(run) },
			{
				chance: chance.fork("process"),
				pool: deployment.workPool,
				resends: chance.happens(habits.resendsSoonShare) ? "soon after the server's return" : "at the next emit",
			},
		);
		this.processes.push(process);
		const parent = this.#newRun(`run-${number}`, deployment, null, chance);
		this.#live(parent, process, chance, this.#lastsMs(chance));
		for (let child = 0; child < subflows; child++) {
			const own = chance.fork(`child ${child}`);
			process.after(own.between(0.5, 20) * minute, () => {
				if (parent.endMs !== null) return;
				const run = this.#newRun(`run-${number}-${child}`, { ...deployment, id: null }, parent, own);
				this.#live(run, process, own, own.between(1, 90) * minute);
			});
		}
	}

	#lastsMs(chance: Chance): number {
		const kind = chance.random();
		if (kind < 0.35) return chance.between(0.2, 30) * minute;
		return kind < 0.8 ? chance.between(0.5, 4) * hour : chance.between(4, 16) * hour;
	}

	#live(run: SimRun, process: WorkerProcess, chance: Chance, lastsMs: number): void {
		const { timeline, server, story } = this.#options;
		process.carries(run);
		const ending = this.#endingOf(run, chance);
		story.tell(timeline.nowMs, run.id, `${run.name} begins: ${describe(run)}; it ${ending}`);
		const own = chance.fork("fate");
		const onDeleted = (gone: SimRun): void => this.onDeleted(gone);
		new Fate({ timeline, server, story, chance: own, run, process, ending, lastsMs, onDeleted }).begin();
	}

	#endingOf(run: SimRun, chance: Chance): Ending {
		const { endings } = this.#options.habits;
		const kinds = [...endings].filter((ending) => run.parent === null || isOwnAffair(ending));
		let left = chance.random() * kinds.reduce((sum, ending) => sum + usualShares[ending], 0);
		for (const ending of kinds) {
			left -= usualShares[ending];
			if (left < 0) return ending;
		}
		return "completes";
	}

	#newRun(name: string, deployment: Deployment, parent: SimRun | null, chance: Chance): SimRun {
		const parentTaskRunId = parent === null ? null : chance.uuid();
		if (parent !== null && parentTaskRunId !== null) this.#options.server.taskRuns.set(parentTaskRunId, parent.id);
		return {
			id: chance.uuid(),
			name,
			flowId: parent === null ? deployment.flowId : chance.uuid(),
			deploymentId: deployment.id,
			workPool: deployment.workPool,
			version: deployment.version,
			tags: deployment.tags,
			parentTaskRunId,
			parent,
			cadenceMs: deployment.cadenceMs,
			beats: deployment.beats,
			runCount: 0,
			states: [],
			deletedMs: null,
			deathMs: null,
			endMs: null,
			attemptMs: this.#options.timeline.nowMs,
			accepted: [],
			excuses: [],
			logEveryMs: chance.happens(0.5) ? chance.between(5, 120) * second : null,
			skewMs: deployment.skewMs,
			lastLogMs: () => null,
		};
	}
}

/** A subflow meets by itself what does not happen to its whole process. */
function isOwnAffair(ending: Ending): boolean {
	return ending === "completes" || ending === "fails" || ending === "retries" || ending === "heartbeat thread dies";
}

function describe(run: SimRun): string {
	const beats = run.beats ? `a beat each ${run.cadenceMs / second} s` : "no beats";
	const parent = run.parent === null ? "" : `, subflow of ${run.parent.name}`;
	return `${beats}, pool ${run.workPool}, version ${run.version}, skew ${Math.round(run.skewMs / minute)} min${parent}`;
}
