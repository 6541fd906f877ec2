import { cadenceBeatsMax } from "../core/cadence.ts";
import { type BeatView, type RunLabels, type StateType, type StateView, stateTypes } from "../core/run.ts";
import type { SharedLabels } from "./rows.ts";
import { runIdOfHex } from "./run-id.ts";
import type { StoredRun } from "./store.ts";

/** The columns of `readRuns`, in order. Bytes come as digits: a text is made in a fraction of the time and memory. */
const runColumnNames = [
	"id",
	"workspace",
	"run_id",
	"version",
	"attempt",
	"state_id",
	"state_type",
	"state_name",
	"state_timestamp_ms",
	"state_scheduled_ms",
	"state_from_rest",
	"ended_at_ms",
	"alive_at_server_ms",
	"beat_event_id",
	"beat_occurred_ms",
	"beat_received_ms",
	"occurred_ms",
	"updated_at_ms",
	"name",
	"parent_task_run_id",
	"parent_run_id",
	"labels_id",
] as const;

const inDigits: ReadonlySet<string> = new Set(["run_id", "beat_event_id", "occurred_ms"]);

/** What `readRuns` asks for: 1 for what is not in bytes. */
export const runColumns = runColumnNames
	.map((name) =>
		inDigits.has(name) ? `CASE typeof(${name}) WHEN 'blob' THEN hex(${name}) WHEN 'null' THEN NULL ELSE 1 END` : name,
	)
	.join(", ");

const at = Object.fromEntries(runColumnNames.map((name, index) => [name, index])) as {
	readonly [Name in (typeof runColumnNames)[number]]: number;
};

const numbers = [at.id, at.version, at.attempt, at.updated_at_ms];
const numbersOrNull = [at.ended_at_ms, at.alive_at_server_ms, at.beat_occurred_ms, at.beat_received_ms];
const textsOrNull = [at.name, at.parent_task_run_id, at.parent_run_id];
const knownTypes: ReadonlySet<unknown> = new Set(stateTypes);
const instantBytes = Float64Array.BYTES_PER_ELEMENT;

/** Where the row's labels are kept. */
export function labelsIdOf(raw: readonly unknown[]): unknown {
	return raw[at.labels_id];
}

export function placeOf(raw: readonly unknown[]): number {
	return Number(raw[at.id]);
}

/**
 * A row as this release writes it, its columns looked at one by one, because a million of them are read at a start. Null for
 * whatever else there is, what earlier releases wrote too: that is for `parseRun`, which knows what can be understood.
 */
export function usualRun(raw: readonly unknown[], shared: SharedLabels): StoredRun | null {
	const state = stateOf(raw);
	const lastBeat = beatOf(raw);
	const occurredMs = instantsOfHex(raw[at.occurred_ms]);
	const runId = raw[at.run_id];
	if (state === undefined || lastBeat === undefined || occurredMs === null) return null;
	if (typeof runId !== "string" || typeof raw[at.workspace] !== "string" || !areUsual(raw)) return null;
	return {
		place: raw[at.id] as number,
		version: raw[at.version] as number,
		row: {
			workspace: raw[at.workspace] as string,
			runId: runIdOfHex(runId),
			attempt: raw[at.attempt] as number,
			state,
			endedAtMs: raw[at.ended_at_ms] as number | null,
			aliveAtServerMs: raw[at.alive_at_server_ms] as number | null,
			lastBeat,
			occurredMs,
			labels: labelsOf(raw, shared),
			updatedAtMs: raw[at.updated_at_ms] as number,
		},
	};
}

function areUsual(raw: readonly unknown[]): boolean {
	for (const column of numbers) if (typeof raw[column] !== "number") return false;
	for (const column of numbersOrNull) if (raw[column] !== null && typeof raw[column] !== "number") return false;
	for (const column of textsOrNull) if (raw[column] !== null && typeof raw[column] !== "string") return false;
	return true;
}

/** Undefined: not as we write it. */
function stateOf(raw: readonly unknown[]): StateView | null | undefined {
	const id = raw[at.state_id];
	if (id === null) return null;
	const [type, name, timestampMs] = [raw[at.state_type], raw[at.state_name], raw[at.state_timestamp_ms]];
	const scheduledTimeMs = raw[at.state_scheduled_ms];
	if (typeof id !== "string" || typeof name !== "string" || typeof timestampMs !== "number") return undefined;
	if (!knownTypes.has(type) || (scheduledTimeMs !== null && typeof scheduledTimeMs !== "number")) return undefined;
	const fromRest = raw[at.state_from_rest] === 1;
	return {
		id,
		type: type as StateType,
		name,
		timestampMs,
		scheduledTimeMs: scheduledTimeMs as number | null,
		fromRest,
	};
}

/** Undefined: not as we write it. */
function beatOf(raw: readonly unknown[]): BeatView | null | undefined {
	const id = raw[at.beat_event_id];
	if (id === null) return null;
	if (typeof id !== "string") return undefined;
	const [occurredMs, receivedMs] = [raw[at.beat_occurred_ms], raw[at.beat_received_ms]];
	return { eventId: runIdOfHex(id), occurredMs: occurredMs as number | null, receivedMs: receivedMs as number | null };
}

const ringBytes = Buffer.alloc(cadenceBeatsMax * instantBytes);

/** Null: not as we write it. */
function instantsOfHex(digits: unknown): readonly number[] | null {
	if (typeof digits !== "string" || digits.length > 2 * ringBytes.length) return null;
	return instantsOf(ringBytes, ringBytes.write(digits, "hex"));
}

/** Null: not as we write them. */
export function instantsOf(bytes: Uint8Array, length: number = bytes.length): readonly number[] | null {
	if (length % instantBytes !== 0) return null;
	const view = new DataView(bytes.buffer, bytes.byteOffset, length);
	const instants: number[] = [];
	for (let byte = 0; byte < length; byte += instantBytes) {
		const instant = view.getFloat64(byte, true);
		if (!Number.isFinite(instant)) return null;
		instants.push(instant);
	}
	return instants;
}

function labelsOf(raw: readonly unknown[], shared: SharedLabels): RunLabels {
	const name = raw[at.name] as string | null;
	const parentTaskRunId = raw[at.parent_task_run_id] as string | null;
	return { ...shared, name, parentTaskRunId, parentRunId: raw[at.parent_run_id] as string | null };
}
