/** What the detector can be told. Durations in milliseconds; bounds and defaults are those of `config/schema.ts`. */
export interface DetectorSettings {
	/** Missed cadences before a verdict: 2 to 6. */
	readonly k: number;
	/** Assumed while a run's cadence is unknown. */
	readonly slowestCadenceMs: number;
	/** Questions to REST in flight at once, in runs. */
	readonly confirmRunsMax: number;
}
