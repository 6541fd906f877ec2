import type { Instant } from "../lib/clock.ts";
import type { ScopedRule } from "./rules.ts";

/**
 * What the detector can be told. Durations in milliseconds; bounds and defaults are those of `config/schema.ts`. Null:
 * the condition is off.
 */
export interface DetectorSettings {
	/** Missed cadences before a verdict: 2 to 6. */
	readonly k: number;
	/** Assumed while a run's cadence is unknown. */
	readonly slowestCadenceMs: number;
	/** In PENDING. */
	readonly stuckPendingMs: number;
	/** In AwaitingRetry, past the scheduled time. */
	readonly stuckRetryMs: number;
	/** In CANCELLING, while it beats: in silence it is a zombie. */
	readonly stuckCancellingMs: number;
	/** In RUNNING without a beat or any other sign of life. */
	readonly staleMs: number;
	/** Since RUNNING, while it beats; a rule's own goes first. */
	readonly overrunMs: number | null;
	/** In Late or AwaitingConcurrencySlot. */
	readonly stuckScheduledMs: number | null;
	/** What holds for some runs alone: the first that matches a run wins. */
	readonly rules: readonly ScopedRule[];
	/** Questions to REST in flight at once, in runs. */
	readonly confirmRunsMax: number;
	/** Runs that events alone have told of: `unconfirmed-runs.ts`. */
	readonly unconfirmedRunsMax: number;
}

/** Who a tracker works for, and how. */
export interface TrackerOptions {
	/** Part of every alert id. */
	readonly namespace: string;
	readonly workspace: string;
	/** `current` is read at each sweep: a reload changes it. */
	readonly live: { readonly current: DetectorSettings };
	readonly startedAt: Instant;
	/** What lapses together is held together; false for a single look, which cannot wait. */
	readonly holdsMassLapses: boolean;
}
