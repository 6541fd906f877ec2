import { alertFates, remediedConditions } from "../core/alert-fate.ts";
import { holdReasons } from "../core/delivery.ts";
import { conditions } from "../core/episode.ts";
import { remedyActions, remedyResults } from "../core/remedy.ts";
import {
	anomalies,
	apiFailureReasons,
	blindCauses,
	deliveryFailureReasons,
	endpoints,
	frameKinds,
	groupKinds,
	jobs,
	loops,
	outcomes,
	rejectReasons,
	sinks,
	storeCodes,
	streamEndReasons,
} from "./metric-labels.ts";

/** One row of the table: a metric without its prefix `zombied_`. Every one carries the label `workspace` as well. */
export interface MetricRow {
	readonly type: "counter" | "gauge" | "histogram";
	readonly help: string;
	readonly labels: readonly string[];
	/** Label sets that exist at 0 from the start, so that the first increase is seen as one. */
	readonly zeros?: readonly Readonly<Record<string, string>>[];
	readonly buckets?: readonly number[];
}

function each<K extends string>(label: K, values: readonly string[]): Record<K, string>[] {
	return values.map((value) => ({ [label]: value }) as Record<K, string>);
}

function pairs<A extends string, B extends string>(
	first: A,
	firstValues: readonly string[],
	second: B,
	secondValues: readonly string[],
): Record<A | B, string>[] {
	return each(first, firstValues).flatMap((a) => each(second, secondValues).map((b) => ({ ...a, ...b })));
}

const plain = [{}];

/** All metrics of zombied that have a source, in the order of the page. Names, units and labels: an interface. */
export const metricTable = {
	runs: {
		type: "gauge",
		help: "Live flow runs by coverage: beating, unmonitored (RUNNING, never beat) or idle (in a state without beats).",
		labels: ["coverage"],
	},
	unconfirmed_runs: {
		type: "gauge",
		help: "Runs that events alone have told of, REST not yet: whoever may emit events can make them up.",
		labels: [],
	},
	unconfirmed_runs_dropped_total: {
		type: "counter",
		help: "Unconfirmed runs that were forgotten because there were too many; real ones come back.",
		labels: [],
		zeros: plain,
	},
	suspects: { type: "gauge", help: "Runs past the line of suspicion, not yet judged.", labels: [] },
	open_episodes: {
		type: "gauge",
		help: "Alerts that are raised and not resolved.",
		labels: ["condition"],
		zeros: each("condition", conditions),
	},
	open_group_incidents: {
		type: "gauge",
		help: "Groups of runs that fell silent together and are not over: one pool, one client version, or everything.",
		labels: ["kind"],
		zeros: each("kind", groupKinds),
	},
	episodes_opened_total: {
		type: "counter",
		help: "Alerts raised.",
		labels: ["condition"],
		zeros: each("condition", conditions),
	},
	episodes_closed_total: {
		type: "counter",
		help: "Alerts resolved; outcome recovered means that the run beat again.",
		labels: ["condition", "outcome"],
		zeros: pairs("condition", conditions, "outcome", outcomes),
	},
	detection_delay_seconds: {
		type: "histogram",
		help: "From a run's last proof of life to the verdict zombie, blind and held time included.",
		labels: [],
		zeros: plain,
		buckets: [60, 90, 105, 120, 180, 300, 420, 540, 600, 660, 900, 1260, 1800, 3600],
	},
	event_lag_seconds: {
		type: "histogram",
		help: "From the server's receipt of an event to its arrival here.",
		labels: [],
		zeros: plain,
		buckets: [0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300],
	},
	cadence_seconds: {
		type: "histogram",
		help: "Learned cadence of the run, at its heartbeats; of many that come at once, a sample.",
		labels: [],
		zeros: plain,
		buckets: [30, 31, 35, 45, 60, 61, 75, 90, 120, 121, 150, 180, 181, 200, 240, 300, 600, 1200],
	},
	oldest_beat_timestamp_seconds: {
		type: "gauge",
		help: "Oldest last sign of life among a pool's beating runs without an alert; <none> is no pool. The 50 oldest pools.",
		labels: ["work_pool"],
	},
	series_dropped_total: {
		type: "counter",
		help: "Work pools that have lost their series, or got none, because there are more than 50.",
		labels: [],
		zeros: plain,
	},
	stream_connected: { type: "gauge", help: "1 while the events socket is subscribed.", labels: [], zeros: plain },
	stream_last_event_timestamp_seconds: {
		type: "gauge",
		help: "When the newest event arrived from the socket; absent before the first.",
		labels: [],
	},
	stream_reconnects_total: {
		type: "counter",
		help: "Ends of the events socket, each followed by another attempt, by reason.",
		labels: ["reason"],
		zeros: each(
			"reason",
			streamEndReasons.filter((reason) => reason !== "stopped"),
		),
	},
	frames_total: { type: "counter", help: "Frames understood.", labels: ["kind"], zeros: each("kind", frameKinds) },
	frames_rejected_total: {
		type: "counter",
		help: "Frames and rows of REST that were not understood, and skipped.",
		labels: ["reason"],
		zeros: each("reason", rejectReasons),
	},
	stream_loss_total: {
		type: "counter",
		help: "Heartbeats and states that the server had stored and the socket had not delivered.",
		labels: [],
		zeros: plain,
	},
	anomalies_total: {
		type: "counter",
		help: "Oddities in what Prefect sent or in our own clocks, by kind.",
		labels: ["kind"],
		zeros: each("kind", anomalies),
	},
	blind_seconds_total: {
		type: "counter",
		help: "Seconds in which a heartbeat could not have been heard.",
		labels: ["cause"],
		zeros: each("cause", blindCauses),
	},
	own_health: { type: "gauge", help: "0 is well; up to 7 lengthens everybody's deadline.", labels: [], zeros: plain },
	last_sweep_timestamp_seconds: { type: "gauge", help: "When the last sweep over all runs ended.", labels: [] },
	sweep_duration_seconds: {
		type: "histogram",
		help: "Time of one sweep over all runs.",
		labels: [],
		zeros: plain,
		buckets: [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1],
	},
	schedule_missed_total: {
		type: "counter",
		help: "Slots of a periodic job that came late or while the last one still ran.",
		labels: ["job"],
		zeros: each("job", jobs),
	},
	queue_overflows_total: {
		type: "counter",
		help: "Inputs dropped because the queue was full; each overflow leads to a resync.",
		labels: [],
		zeros: plain,
	},
	api_requests_total: {
		type: "counter",
		help: "Requests to Prefect's REST API, answered or not.",
		labels: ["endpoint"],
		zeros: each("endpoint", endpoints),
	},
	api_request_failures_total: {
		type: "counter",
		help: "Requests to Prefect's REST API that failed.",
		labels: ["endpoint", "reason"],
		zeros: pairs("endpoint", endpoints, "reason", apiFailureReasons),
	},
	store_commit_seconds: {
		type: "histogram",
		help: "Time of one commit to the database.",
		labels: [],
		zeros: plain,
		buckets: [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5],
	},
	store_errors_total: {
		type: "counter",
		help: "Failed reads and writes of the database, by code.",
		labels: ["code"],
		zeros: each("code", storeCodes),
	},
	store_log_bytes: {
		type: "gauge",
		help: "Size of the database's write-ahead log, every 10 minutes; beyond 64 MiB another program holds it by reading.",
		labels: [],
		zeros: plain,
	},
	outbox_pending: {
		type: "gauge",
		help: "Deliveries that are owed.",
		labels: ["sink"],
		zeros: each("sink", sinks),
	},
	deliveries_total: { type: "counter", help: "Deliveries made.", labels: ["sink"], zeros: each("sink", sinks) },
	deliveries_held_total: {
		type: "counter",
		help: "Alerts that were kept from a sink for a while: silenced, in maintenance, not old enough, or part of a group incident.",
		labels: ["sink", "reason"],
		zeros: pairs("sink", sinks, "reason", holdReasons),
	},
	delivery_failures_total: {
		type: "counter",
		help: "Failed attempts to deliver; final and given_up ones are not tried again, hung ones are still waited for.",
		labels: ["sink", "reason"],
		zeros: pairs("sink", sinks, "reason", deliveryFailureReasons),
	},
	alert_fates_total: {
		type: "counter",
		help: "Resolved alerts that a remedy exists for, by what became of them: dead, false_alarm, or unclear.",
		labels: ["condition", "fate"],
		zeros: pairs(
			"condition",
			remediedConditions,
			"fate",
			alertFates.filter((fate) => fate !== "open"),
		),
	},
	remedies_total: {
		type: "counter",
		help: "What was done about runs: done, would (a dry run), refused by a guard (hourly while it stands), or failed.",
		labels: ["action", "result"],
		zeros: pairs(
			"action",
			remedyActions,
			"result",
			remedyResults.filter((result) => result !== "intended"),
		),
	},
	remedy_mistakes_total: {
		type: "counter",
		help: "Runs that beat or went on after they had been marked: our mistakes. Each switches its scope to dry-run.",
		labels: [],
		zeros: plain,
	},
	dead_man_pings_total: {
		type: "counter",
		help: "Pings that the dead man's switch has taken.",
		labels: [],
		zeros: plain,
	},
	dead_man_ping_failures_total: {
		type: "counter",
		help: "Pings that it was not reached by, or refused.",
		labels: [],
		zeros: plain,
	},
	loop_restarts_total: {
		type: "counter",
		help: "Restarts of one of the daemon's loops after a failure that may pass; 10 within 5 minutes, and the process ends.",
		labels: ["loop"],
		zeros: each("loop", loops),
	},
	config_last_reload_successful: {
		type: "gauge",
		help: "1 while the settings in use are those last read, 0 when the last reload was refused.",
		labels: [],
		zeros: plain,
	},
} as const satisfies Record<string, MetricRow>;

export type MetricName = keyof typeof metricTable;
