-- More conditions than one, what was learned of deployments, and group incidents.
-- Fields that are new within JSON (labels, evidence, transition) need nothing here: they have defaults where rows are parsed.

-- When a waiting run is due, which is part of its state.
ALTER TABLE runs ADD COLUMN state_scheduled_ms REAL CHECK (state_scheduled_ms IS NULL OR state_id IS NOT NULL);

-- related_runs is a JSON array of run ids: shown, never searched.
ALTER TABLE episodes ADD COLUMN related_runs TEXT NOT NULL DEFAULT '[]';
ALTER TABLE episodes ADD COLUMN group_id TEXT;

-- content is JSON, of one shape a kind. id gives the order in which rows were last written: each write takes a new one.
CREATE TABLE learned (
	id INTEGER PRIMARY KEY,
	workspace TEXT NOT NULL,
	kind TEXT NOT NULL,
	key TEXT NOT NULL,
	content TEXT NOT NULL,
	UNIQUE (workspace, kind, key)
) STRICT;

-- incident is JSON: read back whole while it is open.
CREATE TABLE group_incidents (
	workspace TEXT NOT NULL,
	group_id TEXT NOT NULL,
	incident TEXT NOT NULL,
	opened_at_ms REAL NOT NULL,
	closed_at_ms REAL,
	UNIQUE (workspace, group_id)
) STRICT;

CREATE INDEX group_incidents_open ON group_incidents (workspace, opened_at_ms, group_id) WHERE closed_at_ms IS NULL;
CREATE INDEX group_incidents_closed ON group_incidents (closed_at_ms) WHERE closed_at_ms IS NOT NULL;
