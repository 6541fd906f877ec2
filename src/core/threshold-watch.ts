import { useOf } from "./deadline.ts";
import type { Match, ScopedRule, Treatment } from "./rules.ts";
import type { RunLabels } from "./run.ts";
import type { Yardstick } from "./yardstick.ts";

/** Rules times deployments that are told of until the rules change; the rest is in the counts alone. */
const toldMax = 500;

/** A threshold that is short beside what is known of a run's cadence. */
export interface DoubtfulThreshold {
	/** From 1, in the order of the settings. */
	readonly rule: number;
	readonly match: Match;
	/** What the run at which it was noticed shares with others. */
	readonly labels: RunLabels;
	readonly thresholdMs: number;
	readonly cadenceMs: number;
	/** See `Deadline.fixed`. */
	readonly fixed: "tight" | "too_short";
}

/** Notices thresholds that are short beside a cadence, and tells of each once for a rule and a deployment. */
export class ThresholdWatch {
	readonly #yardstick: Yardstick;
	/** Deployments by rule: each run asks once a sweep, so that no key is put together. */
	readonly #told = { tight: new Map<number, Set<string | null>>(), too_short: new Map<number, Set<string | null>>() };
	#toldCount = 0;
	#rules: readonly ScopedRule[] = [];
	#news: DoubtfulThreshold[] = [];

	constructor(yardstick: Yardstick) {
		this.#yardstick = yardstick;
	}

	/** Once a sweep, before the runs: changed rules are told of again. */
	begin(): void {
		const { rules } = this.#yardstick.settings;
		if (rules === this.#rules) return;
		// A reload makes all settings anew, also those that it leaves as they were.
		if (JSON.stringify(rules) !== JSON.stringify(this.#rules)) this.#forget();
		this.#rules = rules;
	}

	/**
	 * @param labels what it shares with others
	 * @param cadenceMs null: unknown
	 * @returns null for a run without a threshold, or with one that is long enough
	 */
	look(
		{ rule, thresholdMs }: Treatment,
		labels: RunLabels,
		cadenceMs: number | null,
	): DoubtfulThreshold["fixed"] | null {
		if (rule === null || thresholdMs === null) return null;
		const fixed = useOf(thresholdMs, cadenceMs);
		if (cadenceMs === null || (fixed !== "tight" && fixed !== "too_short")) return null;
		if (this.#isNews(rule.place, labels, fixed)) {
			this.#news.push({ rule: rule.place, match: rule.match, labels, thresholdMs, cadenceMs, fixed });
		}
		return fixed;
	}

	/** What was noticed since the last call. */
	takeNews(): readonly DoubtfulThreshold[] {
		const news = this.#news;
		this.#news = [];
		return news;
	}

	#isNews(place: number, labels: RunLabels, fixed: DoubtfulThreshold["fixed"]): boolean {
		const told = this.#told[fixed].get(place) ?? new Set();
		this.#told[fixed].set(place, told);
		// Without a deployment it is the flow that has a cadence.
		const whose = labels.deploymentId ?? labels.flowId;
		if (told.has(whose) || this.#toldCount >= toldMax) return false;
		told.add(whose);
		this.#toldCount += 1;
		return true;
	}

	#forget(): void {
		this.#told.tight.clear();
		this.#told.too_short.clear();
		this.#toldCount = 0;
	}
}
