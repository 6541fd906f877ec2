import type { Settings } from "../config/schema.ts";
import type { Tracker } from "../core/tracker.ts";
import type { ApiDetails } from "../http/api/schemas.ts";
import type { StatusFacts } from "../http/status.ts";
import type { Instant } from "../lib/clock.ts";
import { isoTime } from "../observe/plain-text.ts";

/** What the watch of one workspace says of itself; the daemon adds what is of the process. */
export type WatchStatus = Omit<StatusFacts, "started_at" | "config_current">;

/** How far blind time is told back. */
const lookBackMs = 3_600_000;

export function remedyFactsOf({ remedy: { mode, scopes } }: Settings): ApiDetails["remedy"] {
	return { mode, scopes: scopes.length };
}

export function statusOf(
	{ observation, census }: Pick<Tracker, "observation" | "census">,
	facts: { readonly at: Instant; readonly lastTickMonoMs: number | null; readonly outboxPending: number },
): WatchStatus {
	const { beating, unmonitored, withoutHeartbeats, idle, suspects, openEpisodes, shortThresholds } = census;
	const { monoMs, wallMs } = facts.at;
	const { lastTickMonoMs } = facts;
	return {
		stream_connected: observation.streamOpen,
		over_rest_alone: observation.isOverRestAlone,
		catching_up: observation.streamOpen && observation.hearingSinceMonoMs === null,
		prefect_answers: observation.restAnswers,
		blind: observation.isBlind,
		blind_causes: [...observation.openCauses],
		blind_seconds_last_hour: Math.round(observation.blindMs(monoMs - lookBackMs, monoMs, 0)) / 1000,
		last_event_at: isoTime(observation.lastEventAtMs),
		last_sweep_at: lastTickMonoMs === null ? null : isoTime(wallMs - (monoMs - lastTickMonoMs)),
		runs: { beating, unmonitored, idle },
		unmonitored: { no_beat_yet: unmonitored - withoutHeartbeats, no_heartbeats: withoutHeartbeats },
		short_thresholds: shortThresholds,
		suspects,
		open_episodes: Object.values(openEpisodes).reduce((sum, count) => sum + count, 0),
		own_health: observation.healthScore,
		outbox_pending: facts.outboxPending,
	};
}
