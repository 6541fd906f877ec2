-- What became of deliveries that their sinks do not have, and what people say about alerts.

-- Undelivered and with a fate: held for that reason, until held_until_ms (null: until something else happens). Delivered and with a
-- fate: settled, and its sink does not have it.
ALTER TABLE outbox ADD COLUMN fate TEXT;
ALTER TABLE outbox ADD COLUMN detail TEXT;
ALTER TABLE outbox ADD COLUMN held_until_ms REAL;

DROP INDEX outbox_undelivered;
CREATE INDEX outbox_undelivered ON outbox (workspace, created_at_ms, id) WHERE delivered_at_ms IS NULL AND fate IS NULL;
CREATE INDEX outbox_held ON outbox (workspace, held_until_ms) WHERE delivered_at_ms IS NULL AND fate IS NOT NULL;
CREATE INDEX outbox_undeliverable ON outbox (workspace, created_at_ms, id) WHERE delivered_at_ms IS NOT NULL AND fate IS NOT NULL;

-- silence and acknowledgement are JSON: read back whole.
CREATE TABLE silences (
	workspace TEXT NOT NULL,
	silence_id TEXT NOT NULL,
	until_ms REAL NOT NULL,
	silence TEXT NOT NULL,
	UNIQUE (workspace, silence_id)
) STRICT;

CREATE INDEX silences_age ON silences (until_ms);

-- alert_id is an episode's, or a group incident's.
CREATE TABLE acknowledgements (
	workspace TEXT NOT NULL,
	alert_id TEXT NOT NULL,
	at_ms REAL NOT NULL,
	acknowledgement TEXT NOT NULL,
	UNIQUE (workspace, alert_id)
) STRICT;

CREATE INDEX acknowledgements_age ON acknowledgements (at_ms);
