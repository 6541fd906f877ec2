-- The tracker's tables. Each migration runs in one transaction together with its row in schema_migrations.
-- All instants are REAL milliseconds since the epoch: states carry microseconds as the fraction.
-- Indexes by age alone (retention) name no workspace: they find what is old wherever it is, and are no keys.

CREATE TABLE schema_migrations (
	version INTEGER PRIMARY KEY,
	name TEXT NOT NULL,
	sha256 TEXT NOT NULL,
	applied_at_ms REAL NOT NULL,
	app_version TEXT NOT NULL
) STRICT;

-- A rowid table: rows are rewritten with every beat, and a key of workspace and run id would be repeated in each index.
-- occurred_ms is a JSON array: at most a handful of numbers, which JSON's shortest form gives back exactly, and which an
-- operator can read. labels is JSON: shown, never searched, and a list (tags) is part of it.
CREATE TABLE runs (
	workspace TEXT NOT NULL,
	run_id BLOB NOT NULL CHECK (length(run_id) = 16),
	version INTEGER NOT NULL CHECK (version >= 1),
	attempt INTEGER NOT NULL,
	state_id TEXT,
	state_type TEXT,
	state_name TEXT,
	state_timestamp_ms REAL,
	state_from_rest INTEGER CHECK (state_from_rest IN (0, 1)),
	ended_at_ms REAL,
	alive_at_server_ms REAL,
	beat_event_id TEXT,
	beat_occurred_ms REAL,
	beat_received_ms REAL,
	occurred_ms TEXT NOT NULL,
	labels TEXT NOT NULL,
	updated_at_ms REAL NOT NULL,
	UNIQUE (workspace, run_id),
	CHECK (
		(state_id IS NULL) = (state_type IS NULL)
		AND (state_id IS NULL) = (state_name IS NULL)
		AND (state_id IS NULL) = (state_timestamp_ms IS NULL)
		AND (state_id IS NULL) = (state_from_rest IS NULL)
	)
) STRICT;

CREATE INDEX runs_ended ON runs (updated_at_ms)
	WHERE state_type IN ('COMPLETED', 'FAILED', 'CRASHED', 'CANCELLED');

-- alert_id is derived from namespace, workspace, run id, attempt, condition and anchor, so it is a key by itself.
CREATE TABLE episodes (
	alert_id TEXT NOT NULL PRIMARY KEY,
	workspace TEXT NOT NULL,
	run_id BLOB NOT NULL CHECK (length(run_id) = 16),
	attempt INTEGER NOT NULL,
	condition TEXT NOT NULL,
	severity TEXT NOT NULL,
	reason TEXT NOT NULL,
	evidence TEXT NOT NULL,
	state_type TEXT NOT NULL,
	state_name TEXT NOT NULL,
	labels TEXT NOT NULL,
	raised_at_ms REAL NOT NULL,
	closed_outcome TEXT,
	closed_at_ms REAL,
	epoch INTEGER NOT NULL DEFAULT 0,
	CHECK ((closed_outcome IS NULL) = (closed_at_ms IS NULL))
) STRICT;

CREATE UNIQUE INDEX episodes_one_open ON episodes (workspace, run_id, attempt) WHERE closed_at_ms IS NULL;
CREATE INDEX episodes_closed ON episodes (closed_at_ms) WHERE closed_at_ms IS NOT NULL;

-- transition is the JSON as it stood at commit: what is sent does not change with what happens to the episode later.
-- id gives the order of commits among rows of the same millisecond.
CREATE TABLE outbox (
	id INTEGER PRIMARY KEY,
	sink TEXT NOT NULL,
	key TEXT NOT NULL,
	workspace TEXT NOT NULL,
	run_id BLOB NOT NULL CHECK (length(run_id) = 16),
	transition TEXT NOT NULL,
	created_at_ms REAL NOT NULL,
	delivered_at_ms REAL,
	epoch INTEGER NOT NULL DEFAULT 0,
	UNIQUE (sink, key)
) STRICT;

CREATE INDEX outbox_undelivered ON outbox (workspace, created_at_ms, id) WHERE delivered_at_ms IS NULL;
CREATE INDEX outbox_delivered ON outbox (delivered_at_ms) WHERE delivered_at_ms IS NOT NULL;

CREATE TABLE workspaces (
	workspace TEXT NOT NULL PRIMARY KEY,
	covered_until_server_ms REAL,
	blind_spans TEXT NOT NULL,
	health_score INTEGER NOT NULL
) STRICT;

-- Rows that could not be understood when read. They are moved here, because where they stood they would keep their key
-- taken: a run could never be written again, and an open episode would bar the next one of its run.
CREATE TABLE unreadable_rows (
	id INTEGER PRIMARY KEY,
	source TEXT NOT NULL,
	content TEXT NOT NULL,
	detail TEXT NOT NULL,
	set_aside_at_ms REAL NOT NULL
) STRICT;

CREATE INDEX unreadable_rows_age ON unreadable_rows (set_aside_at_ms);
