import { z } from "zod";
import { blindCauses } from "../core/blindness.ts";

const count = z.int().min(0);
const timeOrNull = z.iso.datetime({ precision: 3 }).nullable();

/**
 * What `/-/status` answers and `zombied status` reads: how the daemon is, in numbers. No run, flow or deployment is
 * named, and no address: the page may be open to more people than Prefect is.
 */
export const statusSchema = z.object({
	version: z.string(),
	started_at: timeOrNull,
	ready: z.boolean(),
	/** Why it is not ready. */
	reason: z.string().nullable(),
	stream_connected: z.boolean(),
	/** The socket is away, and stored events are read over REST in its stead. */
	over_rest_alone: z.boolean(),
	/** The socket is open, and what was stored while it was not is still being read. */
	catching_up: z.boolean(),
	/** Prefect's API has answered the last request. */
	prefect_answers: z.boolean(),
	/** While true no verdict is made: a heartbeat might have gone unheard. */
	blind: z.boolean(),
	blind_causes: z.array(z.enum(blindCauses)),
	/** Of the last hour, the time in which a heartbeat could have gone unheard. */
	blind_seconds_last_hour: z.number().min(0),
	last_event_at: timeOrNull,
	last_sweep_at: timeOrNull,
	runs: z.object({ beating: count, unmonitored: count, idle: count }),
	/** The unmonitored ones by reason: too young to say, or with clients that are too old or send no heartbeats. */
	unmonitored: z.object({ no_beat_yet: count, no_heartbeats: count }),
	/** Beating runs whose rule has a threshold under 3 cadences (used), and under 2 (not used). */
	short_thresholds: z.object({ tight: count, too_short: count }),
	suspects: count,
	open_episodes: count,
	/** 0 is well; up to 7 lengthens everybody's deadline. */
	own_health: count,
	/** Alerts that are owed to sinks. */
	outbox_pending: count,
	/** False: the last reload of the settings was refused, and older ones are in use. */
	config_current: z.boolean(),
});

export type Status = z.infer<typeof statusSchema>;

/** What the daemon says of itself; the page adds what it knows alone. */
export type StatusFacts = Omit<Status, "ready" | "reason" | "version">;
