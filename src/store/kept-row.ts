import { eventIdBytes } from "../core/beat-rows.ts";
import { cadenceBeatsMax } from "../core/cadence.ts";
import { runIdOfBytes } from "./run-id.ts";
import type { BeatRows, RunRow } from "./store.ts";

/** A run's name that is stored stays when a later row does not tell it: memory keeps no names of stored runs. */
export function keepingName(row: RunRow, stored: RunRow | undefined): RunRow {
	const name = row.labels.name ?? stored?.labels.name ?? null;
	return name === row.labels.name ? row : { ...row, labels: { ...row.labels, name } };
}

/** The stored row with the beat that stands at `index`. */
export function withBeat(stored: RunRow, beats: BeatRows, index: number): RunRow {
	const { aliveAtServerMs, eventIds, occurredMs, receivedMs, rings, ringLengths } = beats;
	const ringAt = index * cadenceBeatsMax;
	return {
		...stored,
		aliveAtServerMs: numberOrNull(aliveAtServerMs[index] as number),
		lastBeat: {
			eventId: runIdOfBytes(eventIds.subarray(index * eventIdBytes, (index + 1) * eventIdBytes)),
			occurredMs: numberOrNull(occurredMs[index] as number),
			receivedMs: numberOrNull(receivedMs[index] as number),
		},
		occurredMs: [...rings.subarray(ringAt, ringAt + (ringLengths[index] as number))],
	};
}

function numberOrNull(value: number): number | null {
	return Number.isNaN(value) ? null : value;
}
