import type { Outcome } from "../core/episode.ts";
import type { GroupKind } from "../core/group-incident.ts";
import type {
	Anomaly,
	ApiEndpoint,
	ApiFailureReason,
	FrameKind,
	JobName,
	LoopName,
	RejectReason,
	StreamEndReason,
} from "./reporter.ts";

// What labels of the metrics may say: closed sets, each value there at 0 from the start.

export const outcomes = [
	"recovered",
	"ended",
	"moved",
	"quiet",
	"superseded",
	"deleted",
	"disabled",
] as const satisfies readonly Outcome[];
export const groupKinds = ["work_pool", "client_version", "everything"] as const satisfies readonly GroupKind[];
export const frameKinds = ["heartbeat", "state", "other_event", "control"] as const satisfies readonly FrameKind[];
export const rejectReasons = [
	"not_json",
	"not_an_object",
	"unknown_type",
	"malformed_event",
	"too_large",
	"malformed_row",
] as const satisfies readonly RejectReason[];
export const streamEndReasons = [
	"refused",
	"unauthorized",
	"subprotocol",
	"bad_filter",
	"closed_clean",
	"closed_dirty",
	"hung",
	"frame_too_large",
	"stopped",
] as const satisfies readonly StreamEndReason[];
export const endpoints = [
	"flow_runs",
	"events",
	"logs",
	"task_runs",
	"workers",
	"work_pools",
	"concurrency_limits",
	"flows",
	"deployments",
	"health",
	"csrf",
	"version",
] as const satisfies readonly ApiEndpoint[];
export const apiFailureReasons = [
	"unreachable",
	"timeout",
	"unauthorized",
	"rate_limited",
	"rejected",
	"server_error",
	"malformed",
] as const satisfies readonly ApiFailureReason[];
export const jobs = ["sweep", "reconcile", "retention", "remedy", "outbox"] as const satisfies readonly JobName[];
export const loops = [
	"pipeline",
	"dispatcher",
	"backlog",
	"stream",
	"catch-up",
	"probe",
	"inquirer",
	"lesson",
	"persister",
	"schedule",
	"reposter",
	"dead-man",
	"watchdog",
] as const satisfies readonly LoopName[];
export const anomalies = [
	"senseless_time",
	"late_beat",
	"terminal_overwritten",
	"stored_beat_not_heard",
	"stored_state_not_heard",
	"unknown_run",
	"run_set_aside",
	"own_pause",
	"server_clock_step",
] as const satisfies readonly Anomaly[];
export const blindCauses = ["socket", "own_pause", "silent_stream", "lag", "server_outage"] as const;
/** The codes an operator is likely to meet; others appear when they happen. */
export const storeCodes = ["SQLITE_FULL", "SQLITE_BUSY", "SQLITE_IOERR", "SQLITE_CORRUPT"] as const;
export const deliveryFailureReasons = ["retryable", "final", "given_up", "overflow", "hung"] as const;
export const sinks = ["log"] as const;
