-- A million live runs: a beat rewrites a short row, which is found by its number, and labels are kept once.

-- What runs share of their labels, as JSON: shown, never searched. Deleted once no run has it.
CREATE TABLE run_labels (
	id INTEGER PRIMARY KEY,
	content TEXT NOT NULL UNIQUE
) STRICT;

-- id is named to beats, so that it is never another run's (AUTOINCREMENT); it is the order of the rows in the file: runs that
-- came one after the other stand together.
-- beat_event_id is 16 bytes where it is a UUID. occurred_ms is 8 bytes an instant (IEEE 754, little-endian), the oldest
-- first; rows that an earlier release wrote have a JSON array until their next beat.
CREATE TABLE runs_by_id (
	id INTEGER PRIMARY KEY AUTOINCREMENT,
	workspace TEXT NOT NULL,
	run_id BLOB NOT NULL CHECK (length(run_id) = 16),
	version INTEGER NOT NULL CHECK (version >= 1),
	attempt INTEGER NOT NULL,
	state_id TEXT,
	state_type TEXT,
	state_name TEXT,
	state_timestamp_ms REAL,
	state_scheduled_ms REAL CHECK (state_scheduled_ms IS NULL OR state_id IS NOT NULL),
	state_from_rest INTEGER CHECK (state_from_rest IN (0, 1)),
	ended_at_ms REAL,
	alive_at_server_ms REAL,
	beat_event_id ANY,
	beat_occurred_ms REAL,
	beat_received_ms REAL,
	occurred_ms ANY NOT NULL,
	updated_at_ms REAL NOT NULL,
	name TEXT,
	parent_task_run_id TEXT,
	parent_run_id TEXT,
	labels_id INTEGER NOT NULL REFERENCES run_labels (id),
	UNIQUE (workspace, run_id),
	CHECK (
		(state_id IS NULL) = (state_type IS NULL)
		AND (state_id IS NULL) = (state_name IS NULL)
		AND (state_id IS NULL) = (state_timestamp_ms IS NULL)
		AND (state_id IS NULL) = (state_from_rest IS NULL)
	)
) STRICT;

-- Labels that are not JSON go over as they are: their runs are set aside when they are read.
INSERT OR IGNORE INTO run_labels (content)
	SELECT CASE WHEN json_valid(labels) THEN json_remove(labels, '$.name', '$.parentTaskRunId', '$.parentRunId')
		ELSE labels END
	FROM runs ORDER BY rowid;

INSERT INTO runs_by_id
	SELECT rowid, workspace, run_id, version, attempt, state_id, state_type, state_name, state_timestamp_ms,
		state_scheduled_ms, state_from_rest, ended_at_ms, alive_at_server_ms, beat_event_id, beat_occurred_ms,
		beat_received_ms, occurred_ms, updated_at_ms,
		CASE WHEN json_valid(labels) THEN json_extract(labels, '$.name') END,
		CASE WHEN json_valid(labels) THEN json_extract(labels, '$.parentTaskRunId') END,
		CASE WHEN json_valid(labels) THEN json_extract(labels, '$.parentRunId') END,
		(SELECT id FROM run_labels WHERE content =
			CASE WHEN json_valid(labels) THEN json_remove(labels, '$.name', '$.parentTaskRunId', '$.parentRunId')
			ELSE labels END)
	FROM runs ORDER BY rowid;

DROP TABLE runs;
ALTER TABLE runs_by_id RENAME TO runs;

CREATE INDEX runs_ended ON runs (updated_at_ms)
	WHERE state_type IN ('COMPLETED', 'FAILED', 'CRASHED', 'CANCELLED');
CREATE INDEX runs_of_labels ON runs (labels_id);
