-- What was done about dead runs, and what was not; and in which state a run ended that an alert was about.

ALTER TABLE episodes ADD COLUMN closed_state_type TEXT;

-- entry is JSON: shown, and read back whole; what is searched has a column. place: an alert has one row for the attempt of
-- each action, and one for each reason of refusal.
CREATE TABLE remedies (
	workspace TEXT NOT NULL,
	alert_id TEXT NOT NULL,
	place TEXT NOT NULL,
	run_id BLOB NOT NULL CHECK (length(run_id) = 16),
	result TEXT NOT NULL,
	at_ms REAL NOT NULL,
	entry TEXT NOT NULL,
	UNIQUE (workspace, alert_id, place)
) STRICT;

CREATE INDEX remedies_age ON remedies (at_ms);
CREATE INDEX remedies_of_run ON remedies (workspace, run_id);
CREATE INDEX remedies_intended ON remedies (workspace) WHERE result = 'intended';

-- Scopes that a mistake has switched back to dry-run, until an operator says otherwise.
CREATE TABLE remedy_holds (
	workspace TEXT NOT NULL,
	scope TEXT NOT NULL,
	hold TEXT NOT NULL,
	UNIQUE (workspace, scope)
) STRICT;
