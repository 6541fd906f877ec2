import type { Deliveries } from "./deliveries.ts";
import type { Failures } from "./failures.ts";
import type { Health } from "./health.ts";
import type { Ledger } from "./ledger.ts";
import { hasEndedOnServer, isTerminalType, type SimRun, stateOf } from "./run.ts";
import type { Timeline } from "./timeline.ts";
import { clockText, minute, second } from "./units.ts";

/** Something that has to happen within a time of good health. */
interface Debt {
	readonly rule: string;
	/** Null: it is about many. */
	readonly runId: string | null;
	readonly boundMs: () => number;
	readonly isPaid: () => boolean;
	/** What it rested on is no more. */
	readonly isVoid: () => boolean;
	/** The time counts from here at the earliest, however healthy everything is. */
	readonly sinceMs: () => number;
}

/** As the detector has them (detector.md). */
const longestHoldMs = 15 * minute;
const sweepMs = 60 * second;
const kUsual = 3;
const kMax = 6;
const slowestCadenceMs = 10 * minute;
const healthScoreMax = 7;
const marginMsMax = 60 * second;
/** So many beats of an attempt tell its cadence for sure. */
const beatsOfKnownCadence = 5;
/** After trouble: both passes of a catch-up, and REST settles. */
const settleMs = 90 * second;
const stuckRetryMs = 5 * minute;
const stuckPendingMs = 30 * minute;
/** A listing each minute notices what no event has told of; then a question, and its retries. */
const noticedMs = 5 * minute;
/** The dispatcher's longest pause, and a little. */
const deliveredMs = 6 * minute;

/**
 * A subscription gets nothing that occurred more than 15 minutes before it. Of a worker whose clock is slower than that
 * the stream brings no beat; of the few that questions to REST bring no cadence can be learned for sure, and its death is
 * told at no certain time.
 */
function isOutOfEarshot(run: SimRun): boolean {
	return run.skewMs < -15 * minute;
}

/** Liveness: what must be told, and by when. Time counts from when everything is well again. */
export class Debts {
	readonly #timeline: Timeline;
	readonly #health: Health;
	readonly #failures: Failures;
	readonly #ledger: Ledger;
	readonly #deliveries: Deliveries;
	/** Verdicts that recovered, by deployment: each makes the detector more patient. */
	readonly #recovered = new Map<string, number>();
	readonly #runs: () => Iterable<SimRun>;
	readonly #clockSteps: { readonly atMs: number; readonly byMs: number }[] = [];
	paid = 0;

	constructor(options: {
		timeline: Timeline;
		health: Health;
		failures: Failures;
		ledger: Ledger;
		deliveries: Deliveries;
		runs: () => Iterable<SimRun>;
	}) {
		this.#timeline = options.timeline;
		this.#health = options.health;
		this.#failures = options.failures;
		this.#ledger = options.ledger;
		this.#deliveries = options.deliveries;
		this.#runs = options.runs;
	}

	recovered(deploymentId: string | null): void {
		if (deploymentId === null) return;
		this.#recovered.set(deploymentId, (this.#recovered.get(deploymentId) ?? 0) + 1);
	}

	serverClockSet(byMs: number): void {
		this.#clockSteps.push({ atMs: this.#timeline.nowMs, byMs });
	}

	died(run: SimRun): void {
		const state = stateOf(run);
		if (state === null) return;
		const common = { runId: run.id, isVoid: () => hasEndedOnServer(run) };
		if (state.type === "RUNNING" || state.type === "CANCELLING") {
			if (run.accepted.length === 0 || isOutOfEarshot(run)) return;
			this.#owe({
				...common,
				rule: "every death is flagged",
				boundMs: () => this.#deadlineMs(run) + longestHoldMs + sweepMs,
				isPaid: () => this.#deliveries.openOf(run.id).includes("zombie"),
				// Of a dead branch the deepest dead run is told first.
				sinceMs: () => Math.max(this.#ledger.resetMs(run.id), this.#hasLiveChild(run) ? this.#timeline.nowMs : 0),
			});
		} else if (state.name === "AwaitingRetry" && state.scheduledMs !== null) {
			const dueMs = state.atMs + (state.scheduledMs - state.timestampMs);
			this.#owe({
				...common,
				rule: "every retry that does not come is told",
				boundMs: () => stuckRetryMs + settleMs,
				isPaid: () => this.#deliveries.openOf(run.id).includes("stuck_retry"),
				sinceMs: () => dueMs,
			});
		}
	}

	pending(run: SimRun): void {
		const atMs = this.#timeline.nowMs;
		this.#owe({
			rule: "every run that is stuck in Pending is told",
			runId: run.id,
			boundMs: () => stuckPendingMs + settleMs,
			isPaid: () => this.#deliveries.openOf(run.id).includes("stuck_pending"),
			isVoid: () => stateOf(run)?.type !== "PENDING" || run.deletedMs !== null,
			sinceMs: () => atMs,
		});
	}

	/** The server says so, or does not know it any more. */
	ended(run: SimRun): void {
		this.#owe({
			rule: "every alert of a run that has ended is resolved",
			runId: run.id,
			boundMs: () => noticedMs + deliveredMs,
			isPaid: () => this.#deliveries.openOf(run.id).every((condition) => condition === "undead"),
			isVoid: () => !hasEndedOnServer(run),
			sinceMs: () => 0,
		});
	}

	kept(key: string, runId: string | null): void {
		this.#owe({
			rule: "every alert that was committed is delivered",
			runId,
			boundMs: () => deliveredMs,
			isPaid: () => this.#ledger.isDelivered(key),
			isVoid: () => false,
			sinceMs: () => 0,
		});
	}

	#owe(debt: Debt): void {
		const fromMs = this.#timeline.nowMs;
		const dueMs = (): number => Math.max(fromMs, debt.sinceMs(), this.#health.wellSinceMs) + debt.boundMs();
		const look = (): void => {
			if (debt.isPaid()) this.paid += 1;
			else if (!debt.isVoid()) {
				const due = dueMs();
				if (due > this.#timeline.nowMs) this.#timeline.at(due, look);
				else this.#fail(debt, fromMs);
			}
		};
		this.#timeline.at(dueMs(), look);
	}

	#fail({ rule, runId, boundMs }: Debt, fromMs: number): void {
		const since = clockText(Math.max(fromMs, this.#health.wellSinceMs));
		const words = `owed since ${clockText(fromMs)}, all is well since ${since}, and ${Math.round(boundMs() / second)} s are over`;
		this.#failures.report(rule, runId, words);
	}

	/** T, at its longest. */
	#deadlineMs(run: SimRun): number {
		const extraK = this.#recovered.get(run.deploymentId ?? "") ?? 0;
		const beats = run.accepted.filter(({ acceptedMs }) => acceptedMs >= run.attemptMs);
		const isKnown = beats.length >= beatsOfKnownCadence;
		const gapsMs = beats.slice(1).map((beat, index) => beat.acceptedMs - (beats[index]?.acceptedMs ?? 0));
		// Of few intervals one with a stall, or with beats lost, may be taken for the cadence.
		const cadenceMs = isKnown ? run.cadenceMs : Math.max(run.cadenceMs, ...gapsMs);
		const k = Math.min(kMax, kUsual + extraK);
		const ownTroubleMs = healthScoreMax * Math.max(5 * second, 0.05 * cadenceMs);
		const deadlineMs = k * cadenceMs + Math.max(marginMsMax, 0.1 * cadenceMs) + ownTroubleMs;
		const afterTroubleMs = settleMs + run.cadenceMs;
		const isAfterTrouble = this.#health.wellSinceMs > (run.deathMs ?? 0) - deadlineMs;
		const unknownMs = isKnown ? 0 : 2 * slowestCadenceMs + 60 * second;
		return Math.max(deadlineMs, unknownMs) + (isAfterTrouble ? afterTroubleMs : 0) + this.#clockErrorMs(run);
	}

	/** A beat from before a step of the server's clock may be taken for so much younger by a later process. */
	#clockErrorMs(run: SimRun): number {
		const beatMs = run.accepted.at(-1)?.acceptedMs ?? 0;
		return this.#clockSteps.reduce((sum, { atMs, byMs }) => sum + (atMs >= beatMs ? Math.abs(byMs) : 0), 0);
	}

	#hasLiveChild(run: SimRun): boolean {
		for (const one of this.#runs()) {
			const state = stateOf(one);
			if (one.parent !== run || state === null || one.deletedMs !== null || isTerminalType(state.type)) continue;
			if (one.accepted.length > 0 || this.#hasLiveChild(one)) return true;
		}
		return false;
	}
}
