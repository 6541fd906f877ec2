import type { BlindCause } from "./blindness.ts";
import type { Departed } from "./departures.ts";
import type { Transition } from "./episode.ts";
import type { Inquiry } from "./input.ts";
import type { LearnedRow } from "./learning.ts";
import type { Merge } from "./liveness.ts";
import type { RunView } from "./run.ts";
import type { DoubtfulThreshold } from "./threshold-watch.ts";

/** The server had stored an event that the stream did not bring. */
export type StreamLossKind = "stored_beat_not_heard" | "stored_state_not_heard";

/** Something odd that was noticed: counted, and logged by the daemon. */
export interface Oddity {
	readonly kind:
		| "late_beat"
		| "terminal_overwritten"
		| StreamLossKind
		| "unknown_run"
		| "run_set_aside"
		| "own_pause"
		| "server_clock_step";
	readonly runId: string | null;
	readonly detail: string;
}

/** What is odd about a view that was merged. */
export function odditiesOf(merge: Merge, view: RunView): readonly Oddity[] {
	const { runId } = view;
	const odd: Oddity[] = [];
	if (merge.lateBeat) odd.push({ kind: "late_beat", runId, detail: "a heartbeat after the run's end" });
	if (merge.terminalOverwritten) {
		odd.push({ kind: "terminal_overwritten", runId, detail: `ended again as ${view.state?.name}` });
	}
	return odd;
}

/** What the inputs since the last `drain` have come to. */
export interface Decisions extends Departed {
	/** Runs whose state, attempt or end changed: to be stored at once. */
	readonly changedRuns: ReadonlySet<string>;
	/** Episodes and group incidents that opened or closed. */
	readonly transitions: readonly Transition[];
	/** Runs whose part in a mass lapse changed: to be stored. */
	readonly heldRuns: ReadonlySet<string>;
	/** Operators' thresholds that are short beside a cadence: each once for a rule and a deployment. */
	readonly shortThresholds: readonly DoubtfulThreshold[];
	/** What was learned of deployments, to be stored. */
	readonly learned: readonly LearnedRow[];
	readonly inquiries: readonly Inquiry[];
	/** Names of pools whose workers are to be asked after. */
	readonly workPools: readonly string[];
	readonly oddities: readonly Oddity[];
	/** Lags of live events, milliseconds: a hundred at most, whatever came. */
	readonly lagsMs: readonly number[];
	/** Cadences of runs that have beaten, milliseconds: a hundred at most. */
	readonly cadencesMs: readonly number[];
	/** Blind seconds by cause since the last drain. */
	readonly blind: ReadonlyMap<BlindCause, number>;
}

export interface GatheringDecisions extends Omit<Decisions, keyof Departed> {
	readonly changedRuns: Set<string>;
	readonly transitions: Transition[];
	readonly inquiries: Inquiry[];
	readonly workPools: string[];
	readonly oddities: Oddity[];
	readonly lagsMs: number[];
	readonly cadencesMs: number[];
	readonly blind: Map<BlindCause, number>;
}

/** Adds the time since the last sweep to every cause that is open. */
export function countBlind(seconds: Map<BlindCause, number>, causes: readonly BlindCause[], elapsedMs: number): void {
	for (const cause of causes) seconds.set(cause, (seconds.get(cause) ?? 0) + elapsedMs / 1000);
}

/** Lags, and cadences, told between two drains: a distribution needs no more, and telling costs more than a beat itself. */
const samplesToldMax = 100;

export function noteSample(samples: number[], value: number): void {
	if (samples.length < samplesToldMax) samples.push(value);
}

export function noDecisions(): GatheringDecisions {
	return {
		changedRuns: new Set(),
		transitions: [],
		heldRuns: new Set(),
		shortThresholds: [],
		learned: [],
		inquiries: [],
		workPools: [],
		oddities: [],
		lagsMs: [],
		cadencesMs: [],
		blind: new Map(),
	};
}
