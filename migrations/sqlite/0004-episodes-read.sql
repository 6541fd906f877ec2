-- People ask for the latest episodes, and for those of one run; without an index each question reads all of them.
CREATE INDEX episodes_raised ON episodes (workspace, raised_at_ms, alert_id);
CREATE INDEX episodes_of_run ON episodes (workspace, run_id);
