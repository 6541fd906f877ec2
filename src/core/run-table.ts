import type { Episode } from "./episode.ts";
import { IdIndex } from "./id-index.ts";
import { idOf, idWords, putId } from "./id-words.ts";
import { isListedLive, isReopenedUnchecked, isUnidentified, type Run } from "./run.ts";
import { bits, RunColumns } from "./run-columns.ts";
import { RunPacking } from "./run-packing.ts";
import { Slot, type SlotRows } from "./slot.ts";
import { StoredPlaces } from "./stored-places.ts";
import { UnstoredBeats } from "./unstored-beats.ts";

/**
 * All runs that are alive or ended lately, by id, in columns: a run takes 146 bytes and its place in the index, and no
 * object. Slots are views of a row; those of runs that have left are used again.
 */
export class RunTable {
	readonly columns = new RunColumns();
	readonly packing = new RunPacking(this.columns);
	readonly unstoredBeats = new UnstoredBeats();
	readonly storedPlaces = new StoredPlaces();
	readonly #rows: SlotRows = { packing: this.packing, rare: new Map() };
	readonly #index = new IdIndex();
	/** Runs whose id is no UUID: Prefect has none, but a file may. */
	readonly #oddIds = new Map<string, number>();
	readonly #words = new Uint32Array(idWords);
	#size = 0;

	get size(): number {
		return this.#size;
	}

	/** What the columns and the index take, used or not. */
	get bytes(): number {
		return this.columns.bytes + this.#index.bytes;
	}

	get(runId: string): Slot | undefined {
		const index = this.indexOf(runId);
		return index === -1 ? undefined : this.at(index);
	}

	/** -1: not in the table. */
	indexOf(runId: string): number {
		if (!putId(this.#words, 0, runId)) return this.#oddIds.get(runId) ?? -1;
		return this.#index.find(this.columns.runIds, this.#words);
	}

	/** @param words of a run's id (`id-words.ts`); -1: not in the table */
	indexOfWords(words: Uint32Array): number {
		return this.#index.find(this.columns.runIds, words);
	}

	runIdAt(index: number): string {
		const { columns } = this;
		return columns.has(index, bits.whole) ? this.at(index).run.runId : idOf(columns.runIds, index * idWords);
	}

	/** @param index of a run that is in the table */
	at(index: number): Slot {
		return new Slot(this.#rows, index);
	}

	/**
	 * Room for so many runs, before the first comes: columns that grow are copied, and leave holes in the memory of the process.
	 */
	reserve(runs: number): void {
		this.columns.reserve(runs);
		this.storedPlaces.reserve(runs);
		this.#index.reserve(runs);
	}

	/** The run is not in the table yet. */
	add(run: Run, nowMonoMs: number): Slot {
		const { columns } = this;
		const index = columns.take(run.labels);
		if (putId(columns.runIds, index * idWords, run.runId)) this.#index.add(columns.runIds, index);
		else this.#oddIds.set(run.runId, index);
		this.#size += 1;
		this.packing.write(index, run);
		const slot = this.at(index);
		slot.doubtful = isUnidentified(run) || isReopenedUnchecked(run);
		slot.touchedMonoMs = nowMonoMs;
		return slot;
	}

	remove(runId: string): void {
		const index = this.indexOf(runId);
		if (index === -1) return;
		const { columns } = this;
		if (!this.#oddIds.delete(runId)) this.#index.remove(columns.runIds, index);
		this.packing.forget(index);
		this.#rows.rare.delete(index);
		this.unstoredBeats.forget(index);
		this.storedPlaces.forget(index);
		columns.free(index);
		this.#size -= 1;
	}

	/** The silence of these runs begins now: held beats of their group are still on their way. */
	startAfresh(runIds: Iterable<string>, nowMonoMs: number): void {
		for (const runId of runIds) {
			const slot = this.get(runId);
			if (slot === undefined) continue;
			slot.run = { ...slot.run, aliveAtMonoMs: nowMonoMs };
			slot.passed = "nothing";
		}
	}

	/** REST's listing of what is live, begun then, is complete: a live run that was not on it is in doubt. */
	doubtUnlisted(startedMonoMs: number): void {
		const { flags, touchedMonoMs, end } = this.columns;
		for (let index = 0; index < end; index += 1) {
			const isCandidate = ((flags[index] as number) & (bits.taken | bits.doubtful | bits.ended)) === bits.taken;
			if (!isCandidate || (touchedMonoMs[index] as number) >= startedMonoMs) continue;
			const slot = this.at(index);
			if (!isListedLive(slot.run)) continue;
			slot.doubtful = true;
			// This question is a new one: that another has been put off, for a day perhaps, is no reason to wait.
			slot.askAgainMonoMs = Number.NEGATIVE_INFINITY;
		}
	}

	/** In no order. */
	*openEpisodes(): Generator<Episode> {
		for (const { episode } of this.#rows.rare.values()) if (episode !== null) yield episode;
	}

	*values(): Generator<Slot> {
		yield* this.slotsFrom(0, () => true);
	}

	/**
	 * From a row on, for whoever looks at a part at a time: what comes or goes meanwhile may be missed, or seen twice.
	 *
	 * @param isWanted asked of rows that are taken
	 */
	*slotsFrom(index: number, isWanted: (index: number) => boolean): Generator<Slot> {
		const { columns } = this;
		for (let at = index; at < columns.end; at += 1) {
			if (columns.has(at, bits.taken) && isWanted(at)) yield this.at(at);
		}
	}
}
