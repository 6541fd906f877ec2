import { ownCadence } from "../core/cadence.ts";
import type { RunView } from "../core/run.ts";
import type { Tracker } from "../core/tracker.ts";
import type { Clock } from "../lib/clock.ts";
import { messageOf, OutsideError } from "../lib/errors.ts";
import type { Reporter } from "../observe/reporter.ts";
import { BeatHistory } from "../prefect/beat-history.ts";
import type { Transport } from "../prefect/transport.ts";
import type { StoredWorld } from "../store/store.ts";
import type { Pipeline } from "./pipeline.ts";

/** How far back: Prefect keeps events that long by default. */
const historyMs = 7 * 86_400_000;
/**
 * From look to look. Seven minutes more than an hour, so that what runs at the same minutes of each hour is met by some
 * look, although only the newest heartbeats before its moment are on a page.
 */
const stepMs = 67 * 60_000;
/** The server counts all heartbeats of a span: it begins short, and grows until a page is full or the step is reached. */
const spanMsMin = 60_000;
const spanGrowth = 8;
/** Of the budget's requests: 1,500 take 25 minutes at the default of 5 a second. */
const requestsMax = 1_500;
/** One in five of the requests that may be made: the others wait for it by one request's turn at most. */
const shareOfBudget = 0.2;
/** Runs asked about, of one deployment and client version: some say nothing, and some deployments never agree. */
const runsEachMax = 12;
const retryEveryMs = 10 * 60_000;

export interface LessonOptions {
	/** What is stored says whether an earlier start has learned. */
	readonly world: Pick<StoredWorld, "learned">;
	readonly settings: { readonly limits: { readonly restPerSecond: number } };
	readonly transport: Transport;
	/** What it has made of the lesson so far, and whether detection has all that it needs. */
	readonly tracker: Pick<Tracker, "priors" | "observation">;
	readonly pipeline: Pick<Pipeline, "result">;
	readonly clock: Clock;
	readonly reporter: Reporter;
}

/**
 * At the first start: what the server has stored of the last 7 days teaches how often deployments beat. A busy server
 * holds millions of heartbeats, so it is a sample: a page from each step of the week, the newest first, shows runs of
 * which a few a deployment are asked for their own newest beats, until these agree.
 */
export class Lesson {
	readonly #options: LessonOptions;
	readonly #history: BeatHistory;
	/** A look shows 50 at most, so that it is bounded by the steps of a week. */
	readonly #seenRuns = new Set<string>();
	/** Runs asked about, by deployment and client version. */
	readonly #asked = new Map<string, number>();
	readonly #taughtDeployments = new Set<string>();
	#taughtRuns = 0;
	#requests = 0;
	#spanMs = spanMsMin;
	#isFailing = false;

	constructor(options: LessonOptions) {
		this.#options = options;
		this.#history = new BeatHistory(options);
	}

	/** Resolves on abort; rejects on anything that is not a failure of the server. */
	async run(signal: AbortSignal): Promise<void> {
		const { promise: aborted, resolve } = Promise.withResolvers<void>();
		signal.addEventListener("abort", () => resolve(), { once: true });
		if (signal.aborted) resolve();
		try {
			if (this.#options.world.learned.every(({ kind }) => kind !== "lesson")) await this.#learn(signal);
			await aborted;
		} catch (error) {
			if (!signal.aborted) throw error;
		}
	}

	async #learn(signal: AbortSignal): Promise<void> {
		const { tracker, clock, reporter, pipeline } = this.#options;
		await this.#turn(signal);
		const now = clock.now();
		const nowMs = tracker.observation.clock.toServerMs(now.monoMs) ?? now.wallMs;
		for (let untilMs = nowMs; untilMs > nowMs - historyMs && this.#requests < requestsMax; untilMs -= stepMs) {
			for (const view of await this.#look(untilMs, signal)) {
				if (this.#isWanted(view)) await this.#learnFrom(view, nowMs, signal);
			}
		}
		pipeline.result({ kind: "lesson", at: clock.now(), rows: [], isOver: true });
		const deployments = this.#taughtDeployments.size;
		reporter.priorsLearned({ deployments, runs: this.#taughtRuns, requests: this.#requests });
	}

	async #look(untilMs: number, signal: AbortSignal): Promise<readonly RunView[]> {
		for (;;) {
			const sinceMs = untilMs - this.#spanMs;
			const { views, isFull } = await this.#ask(() => this.#history.newest({ sinceMs, untilMs }, signal), signal);
			if (isFull || this.#spanMs >= stepMs) return views;
			this.#spanMs = Math.min(stepMs, this.#spanMs * spanGrowth);
		}
	}

	#isWanted({ runId, labels: { deploymentId, clientVersion } }: RunView): boolean {
		if (deploymentId === null || clientVersion === null || this.#seenRuns.has(runId)) return false;
		this.#seenRuns.add(runId);
		const key = `${deploymentId} ${clientVersion}`;
		const asked = this.#asked.get(key) ?? 0;
		if (asked >= runsEachMax || this.#requests >= requestsMax) return false;
		if (this.#options.tracker.priors.isSettled(deploymentId, clientVersion)) return false;
		this.#asked.set(key, asked + 1);
		return true;
	}

	async #learnFrom(view: RunView, nowMs: number, signal: AbortSignal): Promise<void> {
		const { clock, pipeline } = this.#options;
		const span = { sinceMs: nowMs - historyMs, untilMs: nowMs };
		const row = await this.#ask(() => this.#history.ofRun(view, span, signal), signal);
		if (ownCadence(row.occurredMs) === null) return;
		pipeline.result({ kind: "lesson", at: clock.now(), rows: [row], isOver: false });
		this.#taughtRuns += 1;
		if (row.deploymentId !== null) this.#taughtDeployments.add(row.deploymentId);
	}

	/** The same request again until the server answers it; the first failure in a row is told. */
	async #ask<T>(request: () => Promise<T>, signal: AbortSignal): Promise<T> {
		const { clock, reporter } = this.#options;
		for (;;) {
			await this.#turn(signal);
			this.#requests += 1;
			try {
				const answer = await request();
				this.#isFailing = false;
				return answer;
			} catch (error) {
				if (!(error instanceof OutsideError)) throw error;
				if (!this.#isFailing) reporter.priorsPutOff({ reason: messageOf(error), retryInMs: retryEveryMs });
				this.#isFailing = true;
			}
			await clock.sleep(retryEveryMs, signal);
		}
	}

	/** While detection lacks something (the socket, REST, a catch-up) it has the budget to itself. */
	async #turn(signal: AbortSignal): Promise<void> {
		const { clock, tracker, settings } = this.#options;
		do {
			await clock.sleep(1000 / (settings.limits.restPerSecond * shareOfBudget), signal);
		} while (!tracker.observation.mayJudge(clock.now().monoMs));
	}
}
