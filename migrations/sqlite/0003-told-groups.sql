-- Group incidents are told as episodes are, and holds survive a restart.

-- A row of a group incident has no run. SQLite drops no NOT NULL, so the table is made anew; ids stay, and with them the order.
CREATE TABLE outbox_of_all (
	id INTEGER PRIMARY KEY,
	sink TEXT NOT NULL,
	key TEXT NOT NULL,
	workspace TEXT NOT NULL,
	run_id BLOB CHECK (length(run_id) = 16),
	transition TEXT NOT NULL,
	created_at_ms REAL NOT NULL,
	delivered_at_ms REAL,
	epoch INTEGER NOT NULL DEFAULT 0,
	UNIQUE (sink, key)
) STRICT;

INSERT INTO outbox_of_all (id, sink, key, workspace, run_id, transition, created_at_ms, delivered_at_ms, epoch)
	SELECT id, sink, key, workspace, run_id, transition, created_at_ms, delivered_at_ms, epoch FROM outbox;

DROP TABLE outbox;
ALTER TABLE outbox_of_all RENAME TO outbox;

CREATE INDEX outbox_undelivered ON outbox (workspace, created_at_ms, id) WHERE delivered_at_ms IS NULL;
CREATE INDEX outbox_delivered ON outbox (delivered_at_ms) WHERE delivered_at_ms IS NOT NULL;

-- tripped_groups is a JSON array: a few groups, read back whole.
ALTER TABLE workspaces ADD COLUMN tripped_groups TEXT NOT NULL DEFAULT '[]';

-- silence is JSON. One row for each run that lapsed together with others, for as long as that silence lasts: a row each,
-- because a million runs can lapse at once, and each of them changes by itself.
CREATE TABLE held_runs (
	workspace TEXT NOT NULL,
	run_id BLOB NOT NULL CHECK (length(run_id) = 16),
	silence TEXT NOT NULL,
	UNIQUE (workspace, run_id)
) STRICT;

-- Few: those whose condition can come again with the same id (core/episode.ts, reopenableOutcomes).
CREATE INDEX episodes_spent ON episodes (workspace, alert_id) WHERE closed_outcome IN ('superseded', 'disabled');
