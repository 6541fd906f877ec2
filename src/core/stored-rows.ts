import type { Instant } from "../lib/clock.ts";
import { type BeatRows, beatRows, putBeatRow } from "./beat-rows.ts";
import { type RunRow, runRowOf } from "./record.ts";
import { bits } from "./run-columns.ts";
import type { RunTable } from "./run-table.ts";
import type { ServerClock } from "./server-clock.ts";

/** Beats that are to be stored, and count as stored until the store has said otherwise. */
export interface TakenBeats {
	/** Of the run table, one for each of `rows`. */
	readonly slots: Int32Array;
	readonly rows: BeatRows;
	/** Runs whose beat cannot be written by itself: their row is to be written whole. */
	readonly wholeRuns: readonly string[];
}

/** What a pass asks for. `everything`: what has beaten since the last pass as well. */
export interface BeatsWanted {
	readonly everything: boolean;
	readonly rowsMax: number;
}

/** What of the run table is in the store, where, and in which version; and the rows as the store takes them. */
export class StoredRows {
	readonly #table: RunTable;
	readonly #workspace: string;
	readonly #clock: ServerClock;

	constructor(parts: { readonly table: RunTable; readonly workspace: string; readonly clock: ServerClock }) {
		this.#table = parts.table;
		this.#workspace = parts.workspace;
		this.#clock = parts.clock;
	}

	/**
	 * The run as it is to be stored, and the version that is based on (0: as if it had never been stored); null once it has left
	 * memory. What it has beaten goes with it.
	 */
	takeRun(runId: string, at: Instant): { readonly row: RunRow; readonly version: number } | null {
		const slot = this.#table.indexOf(runId);
		if (slot === -1) return null;
		const { run } = this.#table.at(slot);
		this.#table.unstoredBeats.forget(slot);
		const version = this.#table.storedPlaces.versionAt(slot);
		return { row: runRowOf(run, this.#workspace, this.#clock, at.wallMs), version };
	}

	takeBeats({ everything, rowsMax }: BeatsWanted, at: Instant): TakenBeats {
		const { unstoredBeats } = this.#table;
		const marked = everything ? unstoredBeats.takeAny(at.monoMs, rowsMax) : unstoredBeats.takeDue(at.monoMs, rowsMax);
		const slots = marked.filter((slot) => this.#isShort(slot));
		const rows = beatRows(slots.length);
		const { storedPlaces, packing } = this.#table;
		for (const [index, slot] of slots.entries()) {
			rows.places[index] = storedPlaces.placeAt(slot);
			rows.versions[index] = storedPlaces.versionAt(slot);
			putBeatRow(rows, index, { packing, slot, clock: this.#clock });
		}
		const whole = slots.length === marked.length ? [] : [...marked].filter((slot) => !this.#isShort(slot));
		return { slots, rows, wholeRuns: whole.map((slot) => this.#table.runIdAt(slot)) };
	}

	/** The row is in the store, with its name, which need not be kept in memory any more. @param place 0: as before */
	runWritten(runId: string, version: number, place: number): void {
		const slot = this.#table.indexOf(runId);
		if (slot === -1) return;
		const { storedPlaces, packing } = this.#table;
		storedPlaces.put(slot, place === 0 ? storedPlaces.placeAt(slot) : place, version);
		packing.forgetName(slot);
	}

	/** @param lost rows that the store has in another version @returns the runs of those */
	beatsWritten({ slots, rows }: TakenBeats, lost: readonly number[]): readonly string[] {
		const { storedPlaces } = this.#table;
		for (const [index, slot] of slots.entries()) {
			const [place, version] = [rows.places[index] as number, rows.versions[index] as number];
			// One that has left meanwhile has no place.
			if (storedPlaces.placeAt(slot) === place) storedPlaces.put(slot, place, version + 1);
		}
		const still = lost.filter((index) => storedPlaces.placeAt(slots[index] as number) === rows.places[index]);
		return still.map((index) => this.#table.runIdAt(slots[index] as number));
	}

	/** The store has failed. */
	beatsNotWritten({ slots, rows }: TakenBeats): void {
		const { storedPlaces, unstoredBeats } = this.#table;
		for (const [index, slot] of slots.entries()) {
			if (storedPlaces.placeAt(slot) === rows.places[index]) unstoredBeats.mark(slot);
		}
	}

	/** It was loaded again, to be merged into what memory knows. Null: it is not stored. */
	runReloaded(runId: string, stored: { readonly place: number; readonly version: number } | null): void {
		const slot = this.#table.indexOf(runId);
		if (slot !== -1) this.#table.storedPlaces.put(slot, stored?.place ?? 0, stored?.version ?? 0);
	}

	/** All that has changed of it is its last beat, which stands in the columns. */
	#isShort(slot: number): boolean {
		const flags = this.#table.columns.flags[slot] as number;
		return this.#table.storedPlaces.placeAt(slot) !== 0 && (flags & (bits.whole | bits.beat)) === bits.beat;
	}
}
