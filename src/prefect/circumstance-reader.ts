import type { Circumstances, HeldSlot, PodEnd } from "../core/circumstances.ts";
import type { Clock } from "../lib/clock.ts";
import { ApiError } from "./api-error.ts";
import type { PageSize } from "./page-size.ts";
import { podEndsOf } from "./pod-ends.ts";
import { RecentAnswers } from "./recent-answers.ts";
import { SideQuestions } from "./side-questions.ts";
import { type SlotHolder, SlotLimits } from "./slot-limits.ts";
import type { Transport } from "./transport.ts";
import { WaitingCounts } from "./waiting-runs.ts";
import { areWorkersOffline } from "./work-pools.ts";

/** Verdicts wait so long at most; then they are told with what is known by then, and nothing is asked for a minute. */
const circumstancesMsMax = 3_000;
/** Told of one run: an alert line has 16 KiB. */
const slotsMax = 8;

/** A run that a verdict is due on. */
export interface Suspect extends SlotHolder {
	/** Its last beat, by the worker's clock. */
	readonly sinceMs: number;
}

/** What is being found out, as far as it has come. */
interface Findings {
	podEnds: ReadonlyMap<string, PodEnd>;
	readonly offlinePools: Set<string>;
	deploymentSlots: ReadonlyMap<string, readonly HeldSlot[]>;
	poolSlots: ReadonlyMap<string, HeldSlot>;
	tagSlots: ReadonlyMap<string, readonly HeldSlot[]>;
	readonly waitingByDeployment: Map<string, number | null>;
	readonly waitingByPool: Map<string, number | null>;
}

/** What REST knows around runs that a verdict is due on. Never in the verdict's way: a failure means "not known". */
export class CircumstanceReader {
	readonly #clock: Clock;
	readonly #pages: { readonly transport: SideQuestions; readonly rowsPage: PageSize; readonly eventsPage: PageSize };
	readonly #slots: SlotLimits;
	readonly #waiting: WaitingCounts;
	readonly #offline: RecentAnswers<boolean>;

	constructor(options: { transport: Transport; clock: Clock; rowsPage: PageSize; eventsPage: PageSize }) {
		const transport = new SideQuestions(options);
		this.#clock = options.clock;
		this.#pages = { ...options, transport };
		this.#slots = new SlotLimits({ ...this.#pages, clock: options.clock });
		this.#waiting = new WaitingCounts({ transport, clock: options.clock });
		this.#offline = new RecentAnswers(options.clock);
	}

	/** Of all of them, by run. @throws the signal's reason when aborted */
	async of(suspects: readonly Suspect[], signal: AbortSignal): Promise<ReadonlyMap<string, Circumstances>> {
		if (suspects.length === 0) return new Map();
		const findings = nothingFound();
		this.#pages.transport.beginRound();
		const over = new AbortController();
		const within = AbortSignal.any([signal, over.signal]);
		const done = new AbortController();
		const limit = this.#clock.sleep(circumstancesMsMax, AbortSignal.any([signal, done.signal])).then(
			() => {
				this.#pages.transport.rest();
				over.abort(new ApiError("timeout", "what surrounds a run was not found out in time"));
			},
			() => undefined,
		);
		try {
			await this.#find(suspects, findings, within);
		} finally {
			done.abort();
			await limit;
		}
		signal.throwIfAborted();
		return new Map(suspects.map((suspect) => [suspect.runId, circumstancesOf(suspect, findings)]));
	}

	/**
	 * One after the other, since what waits for its turn and is given up has still used up a request; the closest to the
	 * process first, since the budget may not do for all.
	 */
	async #find(suspects: readonly Suspect[], findings: Findings, signal: AbortSignal): Promise<void> {
		const runIds = suspects.map(({ runId }) => runId);
		const pools = new Set(suspects.flatMap(({ workPool }) => workPool ?? []));
		const deployments = new Set(suspects.flatMap(({ deploymentId }) => deploymentId ?? []));
		const sinceMs = Math.min(...suspects.map((suspect) => suspect.sinceMs));
		await ifItCanBeHad(async () => {
			findings.podEnds = await podEndsOf(this.#pages, runIds, sinceMs, signal);
		});
		for (const pool of pools) {
			await ifItCanBeHad(async () => {
				if (await this.#isOffline(pool, signal)) findings.offlinePools.add(pool);
			});
		}
		await this.#findSlots(suspects, findings, signal);
		for (const pool of pools) {
			await ifItCanBeHad(async () => {
				findings.waitingByPool.set(pool, await this.#waiting.ofPool(pool, signal));
			});
		}
		for (const id of deployments) {
			await ifItCanBeHad(async () => {
				findings.waitingByDeployment.set(id, await this.#waiting.ofDeployment(id, signal));
			});
		}
	}

	async #findSlots(suspects: readonly Suspect[], findings: Findings, signal: AbortSignal): Promise<void> {
		const pools = suspects.flatMap(({ workPool }) => workPool ?? []);
		const runIds = suspects.map(({ runId }) => runId);
		await ifItCanBeHad(async () => {
			findings.poolSlots = await this.#slots.ofPools(pools, signal);
		});
		await ifItCanBeHad(async () => {
			findings.deploymentSlots = await this.#slots.ofDeployments(suspects, signal);
		});
		await ifItCanBeHad(async () => {
			findings.tagSlots = await this.#slots.ofTags(runIds, signal);
		});
	}

	async #isOffline(pool: string, signal: AbortSignal): Promise<boolean> {
		const known = await this.#offline.of([pool], async () => {
			return new Map([[pool, await areWorkersOffline(this.#pages, pool, signal)]]);
		});
		return known.get(pool) === true;
	}
}

/** What could not be asked, or not in time, is not known. */
async function ifItCanBeHad(find: () => Promise<void>): Promise<void> {
	try {
		await find();
	} catch (error) {
		if (!(error instanceof ApiError)) throw error;
	}
}

function nothingFound(): Findings {
	return {
		podEnds: new Map(),
		offlinePools: new Set(),
		deploymentSlots: new Map(),
		poolSlots: new Map(),
		tagSlots: new Map(),
		waitingByDeployment: new Map(),
		waitingByPool: new Map(),
	};
}

function circumstancesOf({ runId, deploymentId, workPool }: Suspect, findings: Findings): Circumstances {
	const pool = workPool ?? "";
	const deployment = deploymentId ?? "";
	const ofPool = findings.poolSlots.get(pool);
	const slots = [
		...(ofPool === undefined ? [] : [ofPool]),
		...(findings.deploymentSlots.get(deployment) ?? []),
		...(findings.tagSlots.get(runId) ?? []),
	];
	return {
		podEnd: findings.podEnds.get(runId) ?? null,
		workersOffline: findings.offlinePools.has(pool),
		slots: slots.slice(0, slotsMax),
		waiting: {
			deployment: findings.waitingByDeployment.get(deployment) ?? null,
			workPool: findings.waitingByPool.get(pool) ?? null,
		},
	};
}
