import { cadenceBeatsMax } from "./cadence.ts";
import { copyIdBytes, idWords } from "./id-words.ts";
import { beatsShift, bits, deltasMax } from "./run-columns.ts";
import type { RunPacking } from "./run-packing.ts";
import type { ServerClock } from "./server-clock.ts";

/** Bytes of an event's id. */
export const eventIdBytes = 16;

/**
 * Rows of stored runs of which nothing but the last beat has changed, in columns: plain data that costs no object a row.
 * Instants are on the server's clock, but `occurredMs` (the worker's). That a run has beaten is no change of its row as
 * retention sees it, which looks at ended runs alone.
 */
export interface BeatRows {
	/** `StoredRun.place`, ascending for the most part. */
	readonly places: Float64Array;
	/** The version that the change was made on. */
	readonly versions: Uint32Array;
	/** NaN: not known. */
	readonly aliveAtServerMs: Float64Array;
	/** UUIDs, 16 bytes each. */
	readonly eventIds: Uint8Array;
	/** NaN: the beat has none. */
	readonly occurredMs: Float64Array;
	/** NaN: not known. */
	readonly receivedMs: Float64Array;
	/** `cadenceBeatsMax` of each row, of which the first `ringLengths` count. */
	readonly rings: Float64Array;
	readonly ringLengths: Uint8Array;
}

/** All of them void. */
export function beatRows(rows: number): BeatRows {
	return {
		places: new Float64Array(rows),
		versions: new Uint32Array(rows),
		aliveAtServerMs: new Float64Array(rows),
		eventIds: new Uint8Array(rows * eventIdBytes),
		occurredMs: new Float64Array(rows),
		receivedMs: new Float64Array(rows),
		rings: new Float64Array(rows * cadenceBeatsMax),
		ringLengths: new Uint8Array(rows),
	};
}

export const noBeats = beatRows(0);

/** @param slot a row of the usual form with a beat */
export function putBeatRow(
	rows: BeatRows,
	index: number,
	{ packing, slot, clock }: { readonly packing: RunPacking; readonly slot: number; readonly clock: ServerClock },
): void {
	const { columns } = packing;
	rows.aliveAtServerMs[index] = clock.toServerMs(columns.aliveMonoMs[slot] as number) ?? Number.NaN;
	copyIdBytes(rows.eventIds, index * eventIdBytes, columns.beatIds, slot * idWords);
	rows.receivedMs[index] = columns.receivedMs[slot] as number;
	const beats = columns.small(slot, beatsShift, 15);
	rows.ringLengths[index] = beats;
	let us = packing.newestUs(slot);
	rows.occurredMs[index] = columns.has(slot, bits.unstamped) ? Number.NaN : us / 1000;
	for (let beat = beats - 1; beat >= 0; beat -= 1) {
		rows.rings[index * cadenceBeatsMax + beat] = us / 1000;
		if (beat > 0) us -= columns.deltasUs[slot * deltasMax + beat - 1] as number;
	}
}
