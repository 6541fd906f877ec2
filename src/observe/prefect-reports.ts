import { formatDuration } from "../lib/duration.ts";
import { isoTime } from "./plain-text.ts";
import type { ReportOutput } from "./report-output.ts";
import type { Reporter } from "./reporter.ts";

export function ofFrames({ metrics, sayRarely }: ReportOutput) {
	return {
		frame: (kind, count = 1) => metrics.count("frames_total", { kind }, count),
		frameRejected: (reason, sample) => {
			metrics.count("frames_rejected_total", { reason });
			sayRarely("warn", "frame.rejected", reason, { reason, sample }, `skipped what Prefect sent: ${reason}`);
		},
		eventLag: (lagMs) => metrics.observe("event_lag_seconds", {}, Math.max(0, lagMs) / 1000),
		beatOfCadence: (cadenceMs) => metrics.observe("cadence_seconds", {}, cadenceMs / 1000),
	} satisfies Partial<Reporter>;
}

export function ofStream({ metrics, say, sayRarely }: ReportOutput) {
	return {
		waitingForServer: (facts) =>
			sayRarely(
				"warn",
				"prefect.waiting",
				facts.reason,
				facts,
				`waiting for ${facts.apiUrl}: ${facts.reason}; next try in ${formatDuration(facts.retryInMs)}`,
			),
		streamConnected: (facts) => {
			metrics.set("stream_connected", {}, 1);
			say("info", "stream.connected", facts, `subscribed to ${facts.url}`);
		},
		streamEnded: (facts) => {
			metrics.set("stream_connected", {}, 0);
			// Our own stop is followed by no other attempt.
			if (facts.reason === "stopped") return;
			metrics.count("stream_reconnects_total", { reason: facts.reason });
			const message = `the events socket ended (${facts.reason}): ${facts.detail}; next try in ${formatDuration(facts.retryInMs)}`;
			sayRarely("warn", "stream.ended", facts.reason, facts, message);
		},
	} satisfies Partial<Reporter>;
}

export function ofApi({ metrics, say, sayRarely }: ReportOutput) {
	return {
		apiAnswered: (endpoint) => metrics.count("api_requests_total", { endpoint }),
		apiFailed: (endpoint, reason, detail) => {
			metrics.count("api_requests_total", { endpoint });
			metrics.count("api_request_failures_total", { endpoint, reason });
			const message = `Prefect's API (${endpoint}) failed, ${reason}: ${detail}`;
			sayRarely("warn", "api.failed", `${endpoint}|${reason}`, { endpoint, reason, detail }, message);
		},
		apiRecovered: () => say("info", "api.recovered", {}, "Prefect's API answers again"),
		caughtUp: (facts) =>
			say(
				facts.truncated ? "warn" : "info",
				"catch_up.done",
				{ ...facts, since: isoTime(facts.sinceMs) },
				`read ${facts.events} stored events (pass ${facts.pass})${facts.truncated ? ", not all: the limit was reached" : ""}`,
			),
		overRestAlone: (facts) =>
			say(
				"warn",
				"stream.rest_alone",
				facts,
				`the events socket is away: working over REST alone, read every ${formatDuration(facts.everyMs)}; a run is called dead only while other runs are heard`,
			),
		priorsLearned: (facts) =>
			say(
				"info",
				"priors.learned",
				facts,
				`learned how often ${facts.deployments} deployments beat, from ${facts.runs} of their runs of the last 7 days (${facts.requests} requests)`,
			),
		priorsPutOff: (facts) =>
			say(
				"warn",
				"priors.put_off",
				facts,
				`cannot learn from the heartbeats of the last 7 days yet: ${facts.reason}; tried again every ${formatDuration(facts.retryInMs)}, and detection goes on meanwhile`,
			),
		reconciled: (facts) =>
			say(
				"debug",
				"reconcile.done",
				facts,
				`REST lists ${facts.listed} live runs (${formatDuration(facts.durationMs)})`,
			),
	} satisfies Partial<Reporter>;
}
