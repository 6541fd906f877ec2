import type { Database } from "better-sqlite3";
import type { RunColumns } from "./columns.ts";
import { runColumns } from "./run-reader.ts";
import type { RawRow } from "./statements.ts";

/** What is bound to `writeBeat`: alive, event id, occurred, received, ring; then the run's place and version. */
type BeatBinding = [
	number | null,
	Uint8Array,
	number | null,
	number | null,
	Uint8Array,
	place: number,
	version: number,
];

/** All SQL about runs but their retention. */
export function runStatements(database: Database) {
	return {
		insertRun: database.prepare<[RunColumns]>(`
			INSERT INTO runs (workspace, run_id, version, attempt, state_id, state_type, state_name, state_timestamp_ms,
				state_scheduled_ms, state_from_rest, ended_at_ms, alive_at_server_ms, beat_event_id, beat_occurred_ms,
				beat_received_ms, occurred_ms, updated_at_ms, name, parent_task_run_id, parent_run_id, labels_id)
			VALUES (@workspace, @runId, 1, @attempt, @stateId, @stateType, @stateName, @stateTimestampMs,
				@stateScheduledMs, @stateFromRest, @endedAtMs, @aliveAtServerMs, @beatEventId, @beatOccurredMs,
				@beatReceivedMs, @occurredMs, @updatedAtMs, @name, @parentTaskRunId, @parentRunId, @labelsId)`),
		isStored: database
			.prepare<[string, Uint8Array], number>("SELECT 1 FROM runs WHERE workspace = ? AND run_id = ?")
			.pluck(),
		updateRun: database.prepare<[RunColumns & { version: number }]>(`
			UPDATE runs SET version = version + 1, attempt = @attempt, state_id = @stateId, state_type = @stateType,
				state_name = @stateName, state_timestamp_ms = @stateTimestampMs,
				state_scheduled_ms = @stateScheduledMs, state_from_rest = @stateFromRest,
				ended_at_ms = @endedAtMs, alive_at_server_ms = @aliveAtServerMs, beat_event_id = @beatEventId,
				beat_occurred_ms = @beatOccurredMs, beat_received_ms = @beatReceivedMs, occurred_ms = @occurredMs,
				updated_at_ms = @updatedAtMs, name = coalesce(@name, name), parent_task_run_id = @parentTaskRunId,
				parent_run_id = @parentRunId, labels_id = @labelsId
			WHERE workspace = @workspace AND run_id = @runId AND version = @version`),
		// No column of an index is among them: to see to those of ended runs costs more than the rest of it.
		writeBeat: database.prepare<BeatBinding>(`
			UPDATE runs SET version = version + 1, alive_at_server_ms = ?, beat_event_id = ?, beat_occurred_ms = ?,
				beat_received_ms = ?, occurred_ms = ?
			WHERE id = ? AND version = ?`),
		forgetRun: database.prepare<[string, Uint8Array]>("DELETE FROM runs WHERE workspace = ? AND run_id = ?"),
		labelsIdOf: database.prepare<[string], number>("SELECT id FROM run_labels WHERE content = ?").pluck(),
		insertLabels: database.prepare<[string]>("INSERT INTO run_labels (content) VALUES (?)"),
		labelsOf: database.prepare<[number], string>("SELECT content FROM run_labels WHERE id = ?").pluck(),
		countRuns: database.prepare<[string], number>("SELECT count(*) FROM runs WHERE workspace = ?").pluck(),
		readRun: database.prepare<[string, Uint8Array], RawRow>(`
			SELECT runs.id AS rowid, runs.*, content AS labels FROM runs LEFT JOIN run_labels ON run_labels.id = labels_id
			WHERE workspace = ? AND run_id = ?`),
		readRunAt: database.prepare<[number], RawRow>(`
			SELECT runs.id AS rowid, runs.*, content AS labels FROM runs LEFT JOIN run_labels ON run_labels.id = labels_id
			WHERE runs.id = ?`),
		// A "+" keeps SQLite from the index of workspaces, after which it would have to sort.
		readRuns: database
			.prepare<[number, string, number], unknown[]>(`
			SELECT ${runColumns} FROM runs WHERE id > ? AND +workspace = ? ORDER BY id LIMIT ?`)
			.raw(),
	};
}
