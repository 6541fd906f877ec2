import type { StatusFacts } from "../../src/http/status.ts";

/** Of a daemon that is well. */
export const sampleStatus: StatusFacts = {
	started_at: "2026-11-22T00:00:00.000Z",
	stream_connected: true,
	blind: false,
	blind_causes: [],
	over_rest_alone: false,
	catching_up: false,
	prefect_answers: true,
	blind_seconds_last_hour: 0,
	last_event_at: null,
	last_sweep_at: "2026-11-22T00:00:05.000Z",
	runs: { beating: 3, unmonitored: 2, idle: 1 },
	unmonitored: { no_beat_yet: 1, no_heartbeats: 1 },
	short_thresholds: { tight: 2, too_short: 1 },
	suspects: 0,
	open_episodes: 1,
	own_health: 0,
	outbox_pending: 0,
	config_current: true,
};
