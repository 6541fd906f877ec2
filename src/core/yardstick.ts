import { type Cadence, cadenceOf, ownCadence, settledCadence } from "./cadence.ts";
import { type Deadline, deadlineOf, type Grace, suspectAfter } from "./deadline.ts";
import type { Learning } from "./learning.ts";
import type { Observation } from "./observation.ts";
import type { SharedPrior } from "./priors.ts";
import { compileRules, type Treatment } from "./rules.ts";
import type { ArmedState, Run, RunLabels } from "./run.ts";
import type { DetectorSettings } from "./settings.ts";
import type { Surroundings } from "./surroundings.ts";

/** A run's silence at one moment, on our monotonic clock. */
export interface Silence {
	/** Since the proof of life, blind time included. */
	readonly totalMs: number;
	readonly blindMs: number;
	/** What counts: the total less the blind part. */
	readonly countedMs: number;
}

const noGrace: Grace = { lagP999Ms: 0, healthScore: 0 };

/** Silent beyond the line of suspicion, by the proof of life, the cadence (null: unknown) and the operator's own deadline. */
export interface LapseTest {
	/** Blind time not subtracted: whoever is not, is not lapsed. */
	mayBeLapsed(fromMonoMs: number, tauMs: number | null, thresholdMs: number | null): boolean;
	isLapsed(fromMonoMs: number, tauMs: number | null, thresholdMs: number | null): boolean;
}

/** What runs are measured by: settings and rules, what was learned of their deployments, and how well we hear. */
export class Yardstick {
	readonly #observation: Observation;
	readonly #live: { readonly current: DetectorSettings };
	readonly #learning: Learning;
	#settings: DetectorSettings;
	#treatmentOf: (labels: RunLabels) => Treatment;
	#grace = noGrace;
	#wallMs = 0;

	/** @param live `current` is read again at each sweep, since a reload changes it */
	constructor(options: {
		live: { readonly current: DetectorSettings };
		observation: Observation;
		learning: Learning;
	}) {
		this.#learning = options.learning;
		this.#observation = options.observation;
		this.#live = options.live;
		this.#settings = options.live.current;
		this.#treatmentOf = compileRules(this.#settings);
	}

	get settings(): DetectorSettings {
		return this.#settings;
	}

	/** Once a sweep: what lengthens everybody's deadline is the same for all runs of it. */
	refresh(wallMs: number): void {
		const { clock, healthScore } = this.#observation;
		this.#grace = { lagP999Ms: clock.lagP999Ms, healthScore };
		this.#wallMs = wallMs;
		if (this.#live.current === this.#settings) return;
		this.#settings = this.#live.current;
		this.#treatmentOf = compileRules(this.#settings);
	}

	/** What the operator's rules say of this run. */
	treatment(run: Run): Treatment {
		return this.#treatmentOf(run.labels);
	}

	/** The same for all runs of these surroundings, remembered there. */
	treatmentIn(surroundings: Surroundings): Treatment {
		const { ruled } = surroundings;
		if (ruled !== null && ruled.by === this.#treatmentOf) return ruled.treatment;
		const treatment = this.#treatmentOf(surroundings.labels);
		surroundings.ruled = { by: this.#treatmentOf, treatment };
		return treatment;
	}

	cadence(run: Run): Cadence {
		// Asked several times a sweep for each run: priors are looked up, by name, for the few that need one.
		const settled = settledCadence(run.occurredMs);
		if (settled !== null) return settled;
		const { deploymentId, clientVersion } = run.labels;
		return cadenceOf(run.occurredMs, this.#learning.priors.firmPrior(deploymentId, clientVersion, run.runId));
	}

	/** The cadence, or what stands for it while it is unknown. */
	cadenceMs(run: Run): number {
		return this.cadence(run).tauMs ?? this.settings.slowestCadenceMs;
	}

	deadline(run: Run): Deadline {
		return this.#deadlineBy(this.treatment(run), run.labels, this.cadence(run).tauMs);
	}

	/** The same for a run of these surroundings and this cadence; null: unknown. */
	deadlineIn(surroundings: Surroundings, tauMs: number | null): Deadline {
		return this.#deadlineBy(this.treatmentIn(surroundings), surroundings.labels, tauMs);
	}

	#deadlineBy({ k, thresholdMs }: Treatment, { deploymentId }: RunLabels, tauMs: number | null): Deadline {
		const { slowestCadenceMs } = this.#settings;
		return deadlineOf({ tauMs }, { k: this.#patientK(deploymentId, k), thresholdMs, slowestCadenceMs }, this.#grace);
	}

	/** Missed cadences before a verdict: as set for the run, and what was learned of its deployment. */
	patientK(run: Run): number {
		return this.#patientK(run.labels.deploymentId, this.treatment(run).k);
	}

	#patientK(deploymentId: string | null, k: number): number {
		return this.#learning.patience.kOf(deploymentId, k, this.#wallMs);
	}

	/** What a run of this cadence is given at least, whatever troubles us and whatever patience was learned. */
	leastDeadline(surroundings: Surroundings, tauMs: number | null): Deadline {
		const { k, thresholdMs } = this.treatmentIn(surroundings);
		const { slowestCadenceMs } = this.#settings;
		return deadlineOf({ tauMs }, { k, thresholdMs, slowestCadenceMs }, noGrace);
	}

	/** By the run's own beats alone; settled: nothing learned of others matters. */
	ownCadence(run: Run): { readonly own: number | null; readonly isSettled: boolean } {
		const isSettled = settledCadence(run.occurredMs) !== null;
		return { own: ownCadence(run.occurredMs)?.tauMs ?? null, isSettled };
	}

	silence(run: Run, nowMonoMs: number): Silence {
		return this.silenceSince(run, run.aliveAtMonoMs ?? nowMonoMs, nowMonoMs);
	}

	silenceSince(run: Run, fromMonoMs: number, nowMonoMs: number): Silence {
		const totalMs = Math.max(0, nowMonoMs - fromMonoMs);
		const blindMs = this.#observation.blindMs(fromMonoMs, nowMonoMs, this.cadenceMs(run));
		return { totalMs, blindMs, countedMs: totalMs - blindMs };
	}

	/** No beat is due yet, so that there is no silence to speak of: mostly so, and quickly told. */
	isFresh(run: ArmedState, nowMonoMs: number): boolean {
		const { tauMs } = this.cadence(run);
		return tauMs !== null && nowMonoMs - run.aliveAtMonoMs <= tauMs;
	}

	isLapsed(run: Run, nowMonoMs: number): boolean {
		const { thresholdMs } = this.treatment(run);
		return this.lapseTest(nowMonoMs).isLapsed(run.aliveAtMonoMs ?? nowMonoMs, this.cadence(run).tauMs, thresholdMs);
	}

	/**
	 * For many runs at one moment, as mass lapses and the expected rate see it: a silent stream is what they are about, so
	 * it counts.
	 */
	lapseTest(nowMonoMs: number): LapseTest {
		const { slowestCadenceMs } = this.#settings;
		const grace = this.#grace;
		const blindMs = this.#observation.withoutSilentStream(nowMonoMs);
		const lineOf = (tauMs: number | null, thresholdMs: number | null): number =>
			suspectAfter(tauMs, { thresholdMs, slowestCadenceMs }, grace);
		return {
			mayBeLapsed: (fromMonoMs, tauMs, thresholdMs) => nowMonoMs - fromMonoMs > lineOf(tauMs, thresholdMs),
			isLapsed: (fromMonoMs, tauMs, thresholdMs) => {
				const silentMs = nowMonoMs - fromMonoMs;
				const lineMs = lineOf(tauMs, thresholdMs);
				return silentMs > lineMs && silentMs - blindMs(fromMonoMs, tauMs ?? slowestCadenceMs) > lineMs;
			},
		};
	}

	/** For many runs at once: see `Priors.sharedPrior`. */
	sharedPrior({ deploymentId, clientVersion }: RunLabels): SharedPrior {
		return this.#learning.priors.sharedPrior(deploymentId, clientVersion);
	}

	usuallyBeats(run: Run): boolean {
		return this.#learning.habits.usuallyBeats(run.labels.deploymentId, run.runId);
	}

	/** A run that should have beaten from the start is given as long as one whose cadence is unknown. */
	neverBeatLimitMs(run: Run): number {
		return this.deadline(run).dueAfterMs;
	}

	toServerMs(monoMs: number): number | null {
		return this.#observation.clock.toServerMs(monoMs);
	}

	/** The server's time on our monotonic clock; null while it is unknown. */
	toMonoMs(serverMs: number): number | null {
		return this.#observation.clock.toMonoMs(serverMs);
	}
}
