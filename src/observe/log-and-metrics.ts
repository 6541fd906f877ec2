import { fateOf, remediedConditions } from "../core/alert-fate.ts";
import { holdReasons } from "../core/delivery.ts";
import type { Clock } from "../lib/clock.ts";
import { formatDuration } from "../lib/duration.ts";
import { ofDeadMan } from "./dead-man-reports.ts";
import { LineLimit } from "./line-limit.ts";
import type { Logger } from "./logger.ts";
import { deliveryFailureReasons } from "./metric-labels.ts";
import type { WorkspaceMetrics } from "./metrics.ts";
import { ofApi, ofFrames, ofStream } from "./prefect-reports.ts";
import { ofRemedies } from "./remedy-reports.ts";
import type { ReportOutput } from "./report-output.ts";
import type { Reporter } from "./reporter.ts";
import { shortThresholdText } from "./short-threshold-text.ts";
import { sweepGauges } from "./sweep-gauges.ts";

/**
 * A repeated line appears once in this time for each key: restarts of a loop, waiting (by its reason), ends of the stream,
 * failed requests (endpoint and reason), rejected frames, anomalies, missed slots, overflows, blind time, failures of the store and of
 * deliveries. The next line says in `repeated` how many were held back; the metrics count every one.
 */
const lineEveryMs = 60_000;

/** The reporter of a running daemon. What happens many times a second is counted only, without a line. */
export function createReporter(options: {
	readonly logger: Logger;
	readonly metrics: WorkspaceMetrics;
	readonly clock: Clock;
}): Reporter {
	const limit = new LineLimit(options.clock, lineEveryMs);
	const out: ReportOutput = {
		metrics: options.metrics,
		say: (level, event, facts, message) => options.logger.log(level, { event, ...facts }, message),
		sayRarely: (level, event, key, facts, message) => {
			const repeated = limit.pass(`${event}|${key}`);
			if (repeated === null) return;
			options.logger.log(level, { event, ...facts, ...(repeated > 0 ? { repeated } : {}) }, message);
		},
	};
	return neverThrowing({
		...ofLifecycle(out),
		...ofSettings(out),
		...ofFrames(out),
		...ofStream(out),
		...ofApi(out),
		...ofVerdicts(out, options.clock),
		...ofGroups(out),
		...ofRemedies(out),
		...ofSchedule(out),
		...ofStore(out),
		...ofDeliveries(out),
		...ofDeadMan(out),
	});
}

/** Whoever reports has real work to do: a fault in reporting must not become a fault of theirs. */
function neverThrowing(reporter: Reporter): Reporter {
	const guarded = Object.entries(reporter).map(([name, report]: [string, (...facts: never[]) => void]) => [
		name,
		(...facts: never[]) => {
			try {
				report(...facts);
			} catch {}
		},
	]);
	return Object.fromEntries(guarded) as Reporter;
}

function ofLifecycle({ metrics, say, sayRarely }: ReportOutput) {
	return {
		starting: (facts) => {
			// The settings it starts with were sound.
			metrics.set("config_last_reload_successful", {}, 1);
			const message = `zombied ${facts.version} watches ${facts.apiUrl}, database ${facts.storeUrl}`;
			say("info", "daemon.starting", facts, message);
		},
		httpListening: (address) =>
			say("info", "http.listening", { address }, `pages, API, metrics and health at ${address}`),
		ready: (facts) =>
			say(
				"info",
				"daemon.ready",
				facts,
				`watching ${facts.runs} runs, ${facts.openEpisodes} of them with an open alert`,
			),
		stopping: (signal) => say("info", "daemon.stopping", { signal }, `${signal}: stopping`),
		stopped: () => say("info", "daemon.stopped", {}, "stopped"),
		loopRestarted: (facts) => {
			const { loop, reason, retryInMs } = facts;
			metrics.count("loop_restarts_total", { loop });
			const message = `the ${loop} loop failed: ${reason}; starting it again in ${formatDuration(retryInMs)}`;
			sayRarely("error", "loop.restarted", loop, facts, message);
		},
	} satisfies Partial<Reporter>;
}

function ofSettings({ metrics, say }: ReportOutput) {
	return {
		settingDoubtful: (warning) => say("warn", "config.doubtful", {}, warning),
		thresholdShort: (threshold) => {
			const { rule, thresholdMs, cadenceMs, fixed } = threshold;
			const facts = { rule, fixed, thresholdSeconds: thresholdMs / 1000, cadenceSeconds: cadenceMs / 1000 };
			say("warn", "config.threshold_short", facts, shortThresholdText(threshold));
		},
		configReloaded: (facts) => {
			metrics.set("config_last_reload_successful", {}, 1);
			const changed = facts.changed.length === 0 ? "nothing changed" : `changed: ${facts.changed.join(", ")}`;
			const waiting = facts.needRestart.length === 0 ? "" : `; needs a restart: ${facts.needRestart.join(", ")}`;
			const level = facts.needRestart.length === 0 ? "info" : "warn";
			say(level, "config.reloaded", facts, `read the settings again, ${changed}${waiting}`);
		},
		configRefused: (problems) => {
			metrics.set("config_last_reload_successful", {}, 0);
			const message = `the settings are not sound, those in use stay: ${problems.replaceAll("\n", "; ")}`;
			say("error", "config.refused", { problems: problems.split("\n") }, message);
		},
	} satisfies Partial<Reporter>;
}

function ofVerdicts({ metrics, say, sayRarely }: ReportOutput, clock: Clock) {
	return {
		transition: ({ kind, episode }) => {
			const { condition, alertId, runId } = episode;
			const facts = { alertId, condition, runId, runName: episode.labels.name, attempt: episode.attempt };
			if (kind === "raised") {
				metrics.count("episodes_opened_total", { condition });
				// Of the others it is the time in a state: no detection was late.
				if (condition === "zombie") {
					metrics.observe("detection_delay_seconds", {}, Math.max(0, episode.evidence.silenceSeconds));
				}
				say("warn", "episode.opened", facts, `${condition}: ${episode.reason}`);
				return;
			}
			const outcome = episode.closed?.outcome ?? "ended";
			metrics.count("episodes_closed_total", { condition, outcome });
			if (remediedConditions.some((one) => one === condition)) {
				metrics.count("alert_fates_total", { condition, fate: fateOf(episode, clock.now().wallMs) });
			}
			say("info", "episode.closed", { ...facts, outcome }, `${condition} resolved: ${outcome}`);
		},
		anomaly: (kind, facts) => {
			metrics.count("anomalies_total", { kind });
			if (kind === "stored_beat_not_heard" || kind === "stored_state_not_heard") metrics.count("stream_loss_total", {});
			sayRarely("warn", `anomaly.${kind}`, "", facts, `${kind.replaceAll("_", " ")}: ${facts.detail}`);
		},
		blind: (cause, seconds) => {
			metrics.count("blind_seconds_total", { cause }, Math.max(0, seconds));
			sayRarely("debug", "blind", cause, { cause, seconds }, `${seconds} s do not count as silence: ${cause}`);
		},
	} satisfies Partial<Reporter>;
}

function ofGroups({ say }: ReportOutput) {
	return {
		groupIncident: (incident) => {
			const { groupId, groupKind, group, extent, runsTotal, closed } = incident;
			const facts = { groupId, kind: groupKind, group, extent, runs: runsTotal };
			const name = groupKind === "everything" ? "everything" : `${groupKind.replace("_", " ")} ${group}`;
			if (closed === null) {
				const message = `${name}: ${runsTotal} runs fell silent together; verdicts on them wait`;
				say("warn", "group.opened", facts, message);
				return;
			}
			const message = `${name}: the common silence of ${runsTotal} runs is over: ${closed.outcome}`;
			say("info", "group.closed", { ...facts, outcome: closed.outcome }, message);
		},
	} satisfies Partial<Reporter>;
}

function ofSchedule({ metrics, sayRarely }: ReportOutput) {
	return {
		swept: sweepGauges(metrics),
		scheduleMissed: (job) => {
			metrics.count("schedule_missed_total", { job });
			sayRarely("warn", "schedule.missed", job, { job }, `the job ${job} missed its time`);
		},
		queueOverflowed: (dropped) => {
			metrics.count("queue_overflows_total", {}, dropped);
			sayRarely("warn", "queue.overflowed", "", { dropped }, `the input queue was full: ${dropped} dropped, resyncing`);
		},
		unconfirmedDropped: (runs) => {
			metrics.count("unconfirmed_runs_dropped_total", {}, runs);
			const message = `too many runs that Prefect's REST API does not list: forgot ${runs} of them; does somebody make up events?`;
			sayRarely("warn", "runs.unconfirmed_dropped", "", { runs }, message);
		},
	} satisfies Partial<Reporter>;
}

function ofStore({ metrics, say, sayRarely }: ReportOutput) {
	return {
		committed: (facts) => metrics.observe("store_commit_seconds", {}, facts.durationMs / 1000),
		storeFailed: (code, detail) => {
			metrics.count("store_errors_total", { code });
			sayRarely("error", "store.failed", code, { code, detail }, `the database failed (${code}): ${detail}`);
		},
		storeLog: ({ bytes, isHeld }) => {
			metrics.set("store_log_bytes", {}, bytes);
			if (!isHeld) return;
			const message = `the database's write-ahead log has ${Math.round(bytes / 1_048_576)} MiB, and grows until whatever else reads the database ends`;
			sayRarely("warn", "store.log_held", "", { bytes }, message);
		},
		storeRecovered: () => say("info", "store.recovered", {}, "the database works again"),
		storeSetAside: (facts) => {
			metrics.count("store_errors_total", { code: "damaged" });
			say(
				"error",
				"store.set_aside",
				facts,
				`the database was damaged (${facts.detail}): kept as ${facts.keptAs}; a new one is filled over REST`,
			);
		},
		retained: (facts) =>
			say(
				facts.runs + facts.episodes > 0 ? "info" : "debug",
				"retention.done",
				facts,
				`forgot ${facts.runs} ended runs and ${facts.episodes} closed alerts`,
			),
	} satisfies Partial<Reporter>;
}

function ofDeliveries({ metrics, sayRarely }: ReportOutput) {
	return {
		outboxPending: (sink, rows) => metrics.set("outbox_pending", { sink }, rows),
		sinkConfigured: (sink) => {
			metrics.set("outbox_pending", { sink }, 0);
			metrics.count("deliveries_total", { sink }, 0);
			for (const reason of deliveryFailureReasons) metrics.count("delivery_failures_total", { sink, reason }, 0);
			for (const reason of holdReasons) metrics.count("deliveries_held_total", { sink, reason }, 0);
		},
		delivered: (sink) => metrics.count("deliveries_total", { sink }),
		deliveryHeld: (sink, reason) => metrics.count("deliveries_held_total", { sink, reason }),
		deliveriesGivenUp: ({ sink, rows, detail }) => {
			metrics.count("delivery_failures_total", { sink, reason: "given_up" }, rows);
			sayRarely(
				"error",
				"delivery.failed",
				`${sink}|given_up`,
				{ sink, reason: "given_up", rows, detail },
				`${sink}: ${detail}`,
			);
		},
		deliveryFailed: (sink, reason, detail) => {
			metrics.count("delivery_failures_total", { sink, reason });
			sayRarely("error", "delivery.failed", `${sink}|${reason}`, { sink, reason, detail }, `${sink}: ${detail}`);
		},
	} satisfies Partial<Reporter>;
}
