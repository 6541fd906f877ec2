import type { Episode } from "./episode.ts";
import type { InquiryStage } from "./input.ts";
import type { FirstSigns } from "./learning.ts";
import type { Merge } from "./liveness.ts";
import { hasEnded, isGone, isListedLive, isReopenedUnchecked, isUnidentified, type Run } from "./run.ts";

/** How far the questioning of a silent run has come; each stage is passed once a silence. */
export type Passed = "nothing" | Exclude<InquiryStage, "identify">;

/** A run, and what its watching has come to. */
export interface Slot {
	run: Run;
	passed: Passed;
	asking: boolean;
	/** No question before this. */
	askAgainMonoMs: number;
	/** REST has to say what state the run is in. */
	doubtful: boolean;
	/** When REST last showed this run; negative infinity when never. */
	seenByRestMonoMs: number;
	episode: Episode | null;
	/** Ids of episodes that may come again: `isReopenable`. */
	spentAlertIds: readonly string[];
	/** An exception was caught at this run: it is left alone until then. */
	asideUntilMonoMs: number;
	/** What the run's beginning teaches about its deployment. */
	first: FirstSigns;
	/** The parent's task run was asked about, and the server did not know it. */
	parentUnknown: boolean;
	/** When it was last touched, for the eviction of ended runs. */
	touchedMonoMs: number;
}

/** REST has to say what state the run is in, when its retry is due, or whose subflow it is. */
function needsIdentifying(slot: Slot): boolean {
	const { run } = slot;
	const { state, labels } = run;
	if (isUnidentified(run) || isReopenedUnchecked(run)) return true;
	if (state === null || hasEnded(run)) return false;
	if (state.name === "AwaitingRetry" && state.scheduledTimeMs === null && !state.fromRest) return true;
	return labels.parentTaskRunId !== null && labels.parentRunId === null && !slot.parentUnknown;
}

/** What a view of it has made of the run: anything new calls for new questions. */
export function takeOver(slot: Slot, { run, newState }: Merge, nowMonoMs: number): void {
	const isNews = newState || run.aliveAtMonoMs !== slot.run.aliveAtMonoMs;
	slot.run = run;
	slot.touchedMonoMs = nowMonoMs;
	if (isNews) {
		slot.passed = "nothing";
		slot.askAgainMonoMs = Number.NEGATIVE_INFINITY;
	}
	if (needsIdentifying(slot)) slot.doubtful = true;
}

/** Of a run that the server says it does not know. */
const unknownRunAskAgainMs = 10 * 60_000;

/** The server does not know it (any more). @param serverMs what the server's clock shows */
export function markUnknown(slot: Slot, nowMonoMs: number, serverMs: number): void {
	slot.doubtful = false;
	slot.passed = "nothing";
	slot.askAgainMonoMs = nowMonoMs + unknownRunAskAgainMs;
	slot.run = { ...slot.run, state: null, endedAtMs: slot.run.endedAtMs ?? serverMs };
}

/** An ended run stays in memory this long, so that its late beats are known for what they are. */
const endedKeptMs = 60 * 60_000;

/** Ended long ago, and nothing about it is open. */
export function isEvictable(slot: Slot, nowMonoMs: number): boolean {
	if (slot.episode !== null || slot.asking || nowMonoMs - slot.touchedMonoMs <= endedKeptMs) return false;
	return hasEnded(slot.run) || isGone(slot.run);
}

/** Shared: next to no run has one. */
const noIds: readonly string[] = [];

/** All runs that are alive or ended lately, by id. */
export class RunTable {
	readonly #slots = new Map<string, Slot>();

	get size(): number {
		return this.#slots.size;
	}

	get(runId: string): Slot | undefined {
		return this.#slots.get(runId);
	}

	add(run: Run, nowMonoMs: number): Slot {
		const slot: Slot = {
			run,
			passed: "nothing",
			asking: false,
			askAgainMonoMs: Number.NEGATIVE_INFINITY,
			doubtful: isUnidentified(run) || isReopenedUnchecked(run),
			seenByRestMonoMs: Number.NEGATIVE_INFINITY,
			episode: null,
			spentAlertIds: noIds,
			asideUntilMonoMs: Number.NEGATIVE_INFINITY,
			first: { runningAtMs: null, firstBeatMs: null },
			parentUnknown: false,
			touchedMonoMs: nowMonoMs,
		};
		this.#slots.set(run.runId, slot);
		return slot;
	}

	remove(runId: string): void {
		this.#slots.delete(runId);
	}

	/** The silence of these runs begins now: held beats of their group are still on their way. */
	startAfresh(runIds: ReadonlySet<string>, nowMonoMs: number): void {
		for (const slot of this.#slots.values()) {
			if (!runIds.has(slot.run.runId)) continue;
			slot.run = { ...slot.run, aliveAtMonoMs: nowMonoMs };
			slot.passed = "nothing";
		}
	}

	/** REST's listing of what is live, begun then, is complete: a live run that was not on it is in doubt. */
	doubtUnlisted(startedMonoMs: number): void {
		for (const slot of this.#slots.values()) {
			const unseen = slot.seenByRestMonoMs < startedMonoMs && slot.touchedMonoMs < startedMonoMs;
			if (!unseen || slot.doubtful || !isListedLive(slot.run)) continue;
			slot.doubtful = true;
			// This question is a new one: that another has been put off, for a day perhaps, is no reason to wait.
			slot.askAgainMonoMs = Number.NEGATIVE_INFINITY;
		}
	}

	/** In the order in which the runs were first heard of. */
	values(): IterableIterator<Slot> {
		return this.#slots.values();
	}
}
