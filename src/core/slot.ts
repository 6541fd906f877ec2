import type { Instant } from "../lib/clock.ts";
import { messageOf } from "../lib/errors.ts";
import type { Episode } from "./episode.ts";
import { type FirstSigns, firstKinds, firstOfKind, kindOfFirst } from "./first-signs.ts";
import type { InquiryStage } from "./input.ts";
import type { Merge } from "./liveness.ts";
import type { RemedyNote } from "./remedy.ts";
import { hasEnded, isGone, isReopenedUnchecked, isUnidentified, type Run } from "./run.ts";
import { bits, firstShift, passedShift } from "./run-columns.ts";
import type { RunPacking } from "./run-packing.ts";

/** How far the questioning of a silent run has come; each stage is passed once a silence. */
export type Passed = "nothing" | Exclude<InquiryStage, "identify">;

const stages: readonly Passed[] = ["nothing", "missed", "suspect", "eve", "due"];
/** From here on a run counts as suspect; one missed beat may merely have been lost. */
export const suspectStage = stages.indexOf("suspect");

/** @param stage as the columns have it */
export function passedOf(stage: number): Passed {
	return stages[stage] as Passed;
}

/** What few runs have of their watching. */
interface Rare {
	episode: Episode | null;
	spentAlertIds: readonly string[];
	askAgainMonoMs: number;
	asideUntilMonoMs: number;
	first: FirstSigns | null;
}

const never = Number.NEGATIVE_INFINITY;
/** Shared: next to no run has one. */
const noIds: readonly string[] = [];

/** What all slots of a table are views over. */
export interface SlotRows {
	readonly packing: RunPacking;
	readonly rare: Map<number, Rare>;
}

/**
 * A run and what its watching has come to: a view of one row of the table, for one step. It must not be kept, since the
 * row may be another run's later. Whatever is set calls for a look at the run: its next look is then at once.
 */
export class Slot {
	readonly index: number;
	readonly #rows: SlotRows;
	#run: Run | null = null;

	constructor(rows: SlotRows, index: number) {
		this.#rows = rows;
		this.index = index;
	}

	get run(): Run {
		this.#run ??= this.#rows.packing.read(this.index);
		return this.#run;
	}

	set run(run: Run) {
		const isOfState = this.#columns.small(this.index, firstShift, 7) === firstKinds.running;
		const first = isOfState ? this.first : null;
		// A run may be given another name as it goes on.
		if (run.state?.id !== this.run.state?.id) this.#columns.set(this.index, bits.named, false);
		this.#rows.packing.write(this.index, run);
		this.#run = run;
		if (first !== null) this.first = first;
		this.#lookAtOnce();
	}

	get passed(): Passed {
		return passedOf(this.#columns.small(this.index, passedShift, 7));
	}

	set passed(passed: Passed) {
		this.#columns.setSmall(this.index, passedShift, 7, stages.indexOf(passed));
		this.#lookAtOnce();
	}

	get asking(): boolean {
		return this.#columns.has(this.index, bits.asking);
	}

	set asking(asking: boolean) {
		this.#setBit(bits.asking, asking);
	}

	/** REST has to say what state the run is in. */
	get doubtful(): boolean {
		return this.#columns.has(this.index, bits.doubtful);
	}

	set doubtful(doubtful: boolean) {
		this.#setBit(bits.doubtful, doubtful);
	}

	/** The parent's task run was asked about, and the server did not know it. */
	get parentUnknown(): boolean {
		return this.#columns.has(this.index, bits.parentUnknown);
	}

	set parentUnknown(parentUnknown: boolean) {
		this.#setBit(bits.parentUnknown, parentUnknown);
	}

	/** No question before this. */
	get askAgainMonoMs(): number {
		return this.#rare?.askAgainMonoMs ?? never;
	}

	set askAgainMonoMs(monoMs: number) {
		if (monoMs !== this.askAgainMonoMs) this.#putRare({ askAgainMonoMs: monoMs });
	}

	get episode(): Episode | null {
		return this.#rare?.episode ?? null;
	}

	set episode(episode: Episode | null) {
		this.#setBit(bits.episode, episode !== null);
		this.#putRare({ episode });
	}

	/** Ids of episodes that may come again: `isReopenable`. */
	get spentAlertIds(): readonly string[] {
		return this.#rare?.spentAlertIds ?? noIds;
	}

	set spentAlertIds(spentAlertIds: readonly string[]) {
		this.#putRare({ spentAlertIds });
	}

	/** An exception was caught at this run: it is left alone until then. */
	get asideUntilMonoMs(): number {
		return this.#rare?.asideUntilMonoMs ?? never;
	}

	set asideUntilMonoMs(monoMs: number) {
		this.#putRare({ asideUntilMonoMs: monoMs });
	}

	/** What the run's beginning teaches about its deployment. */
	get first(): FirstSigns {
		return this.#rare?.first ?? firstOfKind(this.#columns.small(this.index, firstShift, 7), this.run);
	}

	set first(first: FirstSigns) {
		const kind = kindOfFirst(first, this.run);
		this.#columns.setSmall(this.index, firstShift, 7, kind);
		const apart = kind === firstKinds.apart ? first : null;
		if (apart !== null || (this.#rare?.first ?? null) !== null) this.#putRare({ first: apart });
	}

	/** When it was last heard of, by an event or REST: for the eviction of ended runs, and for listings that lack it. */
	get touchedMonoMs(): number {
		return this.#columns.touchedMonoMs[this.index] as number;
	}

	set touchedMonoMs(monoMs: number) {
		this.#columns.touchedMonoMs[this.index] = monoMs;
		this.#lookAtOnce();
	}

	get nextLookMonoMs(): number {
		return this.#columns.nextLookMonoMs[this.index] as number;
	}

	set nextLookMonoMs(monoMs: number) {
		this.#columns.nextLookMonoMs[this.index] = monoMs;
	}

	get #columns() {
		return this.#rows.packing.columns;
	}

	get #rare(): Rare | undefined {
		return this.#columns.has(this.index, bits.rare) ? this.#rows.rare.get(this.index) : undefined;
	}

	#putRare(part: Partial<Rare>): void {
		const { episode, spentAlertIds, askAgainMonoMs, asideUntilMonoMs } = this;
		const first = this.#rare?.first ?? null;
		const rare: Rare = { episode, spentAlertIds, askAgainMonoMs, asideUntilMonoMs, first, ...part };
		const isNeeded = rare.episode !== null || rare.spentAlertIds.length > 0 || rare.first !== null || isPutOff(rare);
		this.#columns.set(this.index, bits.rare, isNeeded);
		if (isNeeded) this.#rows.rare.set(this.index, rare);
		else this.#rows.rare.delete(this.index);
		this.#lookAtOnce();
	}

	#setBit(bit: number, on: boolean): void {
		this.#columns.set(this.index, bit, on);
		this.#lookAtOnce();
	}

	#lookAtOnce(): void {
		this.nextLookMonoMs = never;
	}
}

function isPutOff({ askAgainMonoMs, asideUntilMonoMs }: Rare): boolean {
	return askAgainMonoMs !== never || asideUntilMonoMs !== never;
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
		slot.askAgainMonoMs = never;
	}
	if (needsIdentifying(slot)) slot.doubtful = true;
}

/** Of a run that the server says it does not know. */
const unknownRunAskAgainMs = 10 * 60_000;

/** Its open alert carries what was done about it, from now on. */
export function noteRemedy(slot: Slot | undefined, alertId: string, remedy: RemedyNote): void {
	const { episode = null } = slot ?? {};
	if (slot !== undefined && episode?.alertId === alertId) slot.episode = { ...episode, remedy };
}

/** The server does not know it (any more). @param serverMs what the server's clock shows */
export function markUnknown(slot: Slot, nowMonoMs: number, serverMs: number): void {
	slot.doubtful = false;
	slot.passed = "nothing";
	slot.askAgainMonoMs = nowMonoMs + unknownRunAskAgainMs;
	slot.run = { ...slot.run, state: null, endedAtMs: slot.run.endedAtMs ?? serverMs };
}

/** A run at which an exception was caught is left alone this long. */
const asideMs = 60 * 60_000;

/** A fault met at one run concerns that run: it is set aside for an hour, and stops nobody else. */
export function keepFaultApart(slot: Slot, at: Instant, act: () => void, onFault: (detail: string) => void): void {
	if (at.monoMs < slot.asideUntilMonoMs) return;
	try {
		act();
	} catch (error) {
		slot.asideUntilMonoMs = at.monoMs + asideMs;
		onFault(messageOf(error));
	}
}

/** An ended run stays in memory this long, so that its late beats are known for what they are. */
export const endedKeptMs = 60 * 60_000;

/** Ended long ago, and nothing about it is open. */
export function isEvictable(slot: Slot, nowMonoMs: number): boolean {
	if (slot.episode !== null || slot.asking || nowMonoMs - slot.touchedMonoMs <= endedKeptMs) return false;
	return hasEnded(slot.run) || isGone(slot.run);
}
