import { eventIdBytes } from "../core/beat-rows.ts";
import { cadenceBeatsMax } from "../core/cadence.ts";
import { columnsOfRun, sharedLabelsColumn } from "./columns.ts";
import { bytesOfRunId } from "./run-id.ts";
import type { Statements } from "./statements.ts";
import type { BeatRows, RunChange, RunKey } from "./store.ts";

/** Null: the stored version is another. Else the place of a run that was not stored before, or 0. */
export function writeRun(statements: Statements, { row, version }: RunChange): number | null {
	const columns = columnsOfRun(row, labelsIdOf(statements, sharedLabelsColumn(row.labels)));
	if (version > 0) return statements.updateRun.run({ ...columns, version }).changes === 1 ? 0 : null;
	if (statements.isStored.get(columns.workspace, columns.runId) !== undefined) return null;
	return Number(statements.insertRun.run(columns).lastInsertRowid);
}

/** Its labels stay until retention finds that nobody has them. */
export function forgetRun(statements: Statements, { workspace, runId }: RunKey): void {
	statements.forgetRun.run(workspace, bytesOfRunId(runId));
}

function labelsIdOf(statements: Statements, content: string): number {
	return statements.labelsIdOf.get(content) ?? Number(statements.insertLabels.run(content).lastInsertRowid);
}

/** @returns which of the rows were not written, because their stored version is another */
export function writeBeats({ writeBeat }: Statements, beats: BeatRows): readonly number[] {
	const lost: number[] = [];
	const { places, versions, aliveAtServerMs, occurredMs, receivedMs } = beats;
	const rings = new Uint8Array(beats.rings.buffer, beats.rings.byteOffset, beats.rings.byteLength);
	for (let row = 0; row < places.length; row += 1) {
		const ringAt = row * cadenceBeatsMax * Float64Array.BYTES_PER_ELEMENT;
		const ringBytes = (beats.ringLengths[row] as number) * Float64Array.BYTES_PER_ELEMENT;
		const { changes } = writeBeat.run(
			numberOrNull(aliveAtServerMs[row] as number),
			beats.eventIds.subarray(row * eventIdBytes, (row + 1) * eventIdBytes),
			numberOrNull(occurredMs[row] as number),
			numberOrNull(receivedMs[row] as number),
			rings.subarray(ringAt, ringAt + ringBytes),
			places[row] as number,
			versions[row] as number,
		);
		if (changes !== 1) lost.push(row);
	}
	return lost;
}

function numberOrNull(value: number): number | null {
	return Number.isNaN(value) ? null : value;
}
