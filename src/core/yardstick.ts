import { type Cadence, cadenceOf, settledCadence } from "./cadence.ts";
import { type Deadline, deadlineOf, type Grace } from "./deadline.ts";
import type { Learning } from "./learning.ts";
import type { Observation } from "./observation.ts";
import { compileRules, type Treatment } from "./rules.ts";
import { isArmed, type Run, type RunLabels } from "./run.ts";
import type { RunTable } from "./run-table.ts";
import type { DetectorSettings } from "./settings.ts";

/** A run's silence at one moment, on our monotonic clock. */
export interface Silence {
	/** Since the proof of life, blind time included. */
	readonly totalMs: number;
	readonly blindMs: number;
	/** What counts: the total less the blind part. */
	readonly countedMs: number;
}

/** What runs are measured by: settings and rules, what was learned of their deployments, and how well we hear. */
export class Yardstick {
	readonly #observation: Observation;
	readonly #live: { readonly current: DetectorSettings };
	readonly #learning: Learning;
	#settings: DetectorSettings;
	#treatmentOf: (labels: RunLabels) => Treatment;
	#grace: Grace = { lagP999Ms: 0, healthScore: 0 };
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
		const { k, thresholdMs } = this.treatment(run);
		const patientK = this.#learning.patience.kOf(run.labels.deploymentId, k, this.#wallMs);
		const { slowestCadenceMs } = this.#settings;
		return deadlineOf(this.cadence(run), { k: patientK, thresholdMs, slowestCadenceMs }, this.#grace);
	}

	silence(run: Run, nowMonoMs: number): Silence {
		return this.silenceSince(run, run.aliveAtMonoMs ?? nowMonoMs, nowMonoMs);
	}

	silenceSince(run: Run, fromMonoMs: number, nowMonoMs: number): Silence {
		const totalMs = Math.max(0, nowMonoMs - fromMonoMs);
		const blindMs = this.#observation.blindMs(fromMonoMs, nowMonoMs, this.cadenceMs(run));
		return { totalMs, blindMs, countedMs: totalMs - blindMs };
	}

	/** Silence as mass lapses and the expected rate see it: a silent stream is what they are about, so it counts. */
	silenceWithSilentStream(run: Run, nowMonoMs: number): number {
		const fromMonoMs = run.aliveAtMonoMs ?? nowMonoMs;
		const blindMs = this.#observation.blindMsWithoutSilentStream(fromMonoMs, nowMonoMs, this.cadenceMs(run));
		return Math.max(0, nowMonoMs - fromMonoMs) - blindMs;
	}

	/** No beat is due yet, so that there is no silence to speak of: mostly so, and quickly told. */
	isFresh(run: Run, nowMonoMs: number): boolean {
		if (run.aliveAtMonoMs === null) return false;
		const { tauMs } = this.cadence(run);
		return tauMs !== null && nowMonoMs - run.aliveAtMonoMs <= tauMs;
	}

	isLapsed(run: Run, nowMonoMs: number): boolean {
		if (this.isFresh(run, nowMonoMs)) return false;
		return this.silenceWithSilentStream(run, nowMonoMs) > this.deadline(run).suspectAfterMs;
	}

	/** The rate at which beats should arrive: one each cadence from every armed run that is not overdue itself. */
	expectedEventsPerMs(table: RunTable, nowMonoMs: number): number {
		let perMs = 0;
		for (const { run } of table.values()) {
			if (!isArmed(run)) continue;
			const { tauMs } = this.cadence(run);
			if (tauMs !== null && !this.isLapsed(run, nowMonoMs)) perMs += 1 / tauMs;
		}
		return perMs;
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
