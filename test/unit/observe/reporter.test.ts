import { beforeEach, describe, expect, test } from "vitest";
import type { GroupIncident } from "../../../src/core/group-incident.ts";
import { noLabels } from "../../../src/core/run.ts";
import { createReporter } from "../../../src/observe/log-and-metrics.ts";
import { createLogger } from "../../../src/observe/logger.ts";
import { Metrics } from "../../../src/observe/metrics.ts";
import type { Reporter } from "../../../src/observe/reporter.ts";
import { CollectingStream } from "../../_util/collecting-stream.ts";
import { sumSeries } from "../../_util/metrics-page.ts";
import { SkippingClock } from "../../_util/prefect-clock.ts";
import { sampleTransition } from "../../_util/sample-episode.ts";

let clock: SkippingClock;
let stream: CollectingStream;
let metrics: Metrics;
let reporter: Reporter;
const never = new AbortController().signal;

beforeEach(() => {
	clock = new SkippingClock();
	stream = new CollectingStream();
	metrics = new Metrics({ version: "1.2.3", revision: "abc", nodeVersion: "v26" });
	const logger = createLogger({ stream, level: "debug", clock, secrets: [], colour: false });
	reporter = createReporter({ logger, metrics: metrics.workspace("default"), clock });
});

function events(): { event: string; repeated?: number }[] {
	return stream.lines.map((line) => JSON.parse(line));
}

describe("line and metric together", () => {
	test("a raised and a resolved alert are counted by condition and outcome, with the delay of detection", async () => {
		reporter.transition(sampleTransition());
		reporter.transition(sampleTransition({ closed: { outcome: "recovered", atMs: Date.UTC(2026, 7, 1, 13) } }));
		const page = await metrics.text();
		expect(sumSeries(page, "zombied_episodes_opened_total", { condition: "zombie" })).toBe(1);
		expect(sumSeries(page, "zombied_episodes_closed_total", { condition: "zombie", outcome: "recovered" })).toBe(1);
		expect(sumSeries(page, "zombied_episodes_closed_total")).toBe(1);
		expect(sumSeries(page, "zombied_detection_delay_seconds_sum")).toBe(110);
		expect(events().map(({ event }) => event)).toEqual(["episode.opened", "episode.closed"]);
	});

	test("an episode that is over leaves its condition's gauge at 0 with the next sweep", async () => {
		const figures = {
			durationMs: 3,
			atMs: 0,
			runs: { beating: 0, unmonitored: 0, idle: 0 },
			suspects: 0,
			unconfirmed: 0,
			oldestBeatsMs: new Map(),
			streamConnected: true,
			lastEventAtMs: null,
			ownHealth: 0,
			openGroups: {},
		};
		reporter.swept({ ...figures, openEpisodes: { undead: 2 } });
		expect(sumSeries(await metrics.text(), "zombied_open_episodes", { condition: "undead" })).toBe(2);
		reporter.swept({ ...figures, openEpisodes: {} });
		expect(sumSeries(await metrics.text(), "zombied_open_episodes")).toBe(0);
	});

	test("the delay of detection is that of zombies: a time in a state is none", async () => {
		reporter.transition(sampleTransition({ condition: "stuck_pending" }));
		const page = await metrics.text();
		expect(sumSeries(page, "zombied_episodes_opened_total", { condition: "stuck_pending" })).toBe(1);
		expect(sumSeries(page, "zombied_detection_delay_seconds_count")).toBe(0);
	});

	test("a group incident is a line as it opens and as it closes", () => {
		const incident = (groupId: string, closed: GroupIncident["closed"] = null): GroupIncident => ({
			groupId,
			groupKind: "work_pool",
			group: "k8s",
			extent: "full",
			runIds: ["r"],
			runsTotal: 40,
			armedTotal: 42,
			silentSinceMs: 0,
			openedAtMs: 0,
			closed,
		});
		reporter.groupIncident(incident("a"));
		reporter.groupIncident(incident("b"));
		reporter.groupIncident({ ...incident("c"), groupKind: "everything", group: "everything" });
		reporter.groupIncident(incident("a", { outcome: "recovered", atMs: 1 }));
		const lines = stream.lines.map((line) => JSON.parse(line));
		expect(lines[0]).toMatchObject({
			level: "warn",
			event: "group.opened",
			groupId: "a",
			kind: "work_pool",
			group: "k8s",
			extent: "full",
			runs: 40,
			message: "work pool k8s: 40 runs fell silent together; verdicts on them wait",
		});
		expect(lines[2].message).toMatch(/^everything: 40 runs/u);
		expect(lines[3]).toMatchObject({ level: "info", event: "group.closed", groupId: "a", outcome: "recovered" });
	});

	test("M3: what a sweep saw is set as timestamps in seconds, not as ages", async () => {
		const figures = {
			durationMs: 3,
			atMs: 1_700_000_000_500,
			runs: { beating: 5, unmonitored: 2, idle: 1 },
			suspects: 1,
			unconfirmed: 7,
			openEpisodes: { zombie: 4, deaf: 1 },
			openGroups: { work_pool: 2 },
			oldestBeatsMs: new Map(),
			streamConnected: true,
			lastEventAtMs: null,
			ownHealth: 2,
		};
		reporter.swept(figures);
		expect(await metrics.text()).not.toMatch(/^zombied_stream_last_event_timestamp_seconds\{/mu);
		reporter.swept({ ...figures, lastEventAtMs: 1_700_000_000_000 });
		const page = await metrics.text();
		expect(sumSeries(page, "zombied_last_sweep_timestamp_seconds")).toBe(1_700_000_000.5);
		expect(sumSeries(page, "zombied_stream_last_event_timestamp_seconds")).toBe(1_700_000_000);
		expect(sumSeries(page, "zombied_runs", { coverage: "unmonitored" })).toBe(2);
		expect(sumSeries(page, "zombied_open_episodes", { condition: "zombie" })).toBe(4);
		expect(sumSeries(page, "zombied_unconfirmed_runs")).toBe(7);
		expect(sumSeries(page, "zombied_open_episodes")).toBe(5);
		expect(sumSeries(page, "zombied_open_group_incidents", { kind: "work_pool" })).toBe(2);
		expect(sumSeries(page, "zombied_open_group_incidents")).toBe(2);
		expect(sumSeries(page, "zombied_stream_connected")).toBe(1);
		expect(sumSeries(page, "zombied_own_health")).toBe(2);
	});

	test.each([
		{
			fixed: "too_short",
			match: { deployment: "etl/*" },
			named: { flowName: "etl", deploymentName: "nightly", deploymentId: "d1" },
			message:
				"rule 2 (deployment etl/*): threshold 1m30s is under 2 cadences of 60.02 s of etl/nightly: not used, K cadences are",
		},
		{
			fixed: "tight",
			match: {},
			named: { flowName: null, deploymentName: null, deploymentId: "d1" },
			message:
				"rule 2 (all runs): threshold 1m30s is under 3 cadences of 60.02 s of deployment d1: used, but a short stall is then a false alert",
		},
		{
			fixed: "tight",
			match: { workPool: "k8s", tag: "prod", flow: undefined },
			named: { flowName: "etl", deploymentName: null, deploymentId: null },
			message:
				"rule 2 (workPool k8s, tag prod): threshold 1m30s is under 3 cadences of 60.02 s of flow etl: used, but a short stall is then a false alert",
		},
		{
			fixed: "tight",
			match: { flow: "*" },
			named: { flowName: null, deploymentName: null, deploymentId: null },
			message:
				"rule 2 (flow *): threshold 1m30s is under 3 cadences of 60.02 s of runs without a deployment: used, but a short stall is then a false alert",
		},
	] as const)("a short threshold is told in words: $message", ({ fixed, match, named, message }) => {
		const labels = { ...noLabels, ...named };
		reporter.thresholdShort({ rule: 2, match, labels, thresholdMs: 90_000, cadenceMs: 60_015, fixed });
		expect(events()).toMatchObject([{ event: "config.threshold_short", level: "warn", rule: 2, fixed, message }]);
	});

	test("a failed request counts as a request as well", async () => {
		reporter.apiAnswered("events");
		reporter.apiFailed("events", "timeout", "after 60 s");
		const page = await metrics.text();
		expect(sumSeries(page, "zombied_api_requests_total", { endpoint: "events" })).toBe(2);
		expect(sumSeries(page, "zombied_api_request_failures_total", { endpoint: "events", reason: "timeout" })).toBe(1);
	});

	test("our own stop of the stream is no reconnect", async () => {
		reporter.streamConnected({ url: "ws://h" });
		reporter.streamEnded({ reason: "hung", detail: "no pong", retryInMs: 500 });
		reporter.streamEnded({ reason: "stopped", detail: "", retryInMs: 0 });
		const page = await metrics.text();
		expect(sumSeries(page, "zombied_stream_reconnects_total")).toBe(1);
		expect(sumSeries(page, "zombied_stream_connected")).toBe(0);
	});
});

describe("repeated lines", () => {
	test("come once a minute for each kind and say how many were held back; the metric counts all", async () => {
		for (let time = 0; time < 5; time++) reporter.frameRejected("not_json", "{");
		reporter.frameRejected("too_large", "…");
		await clock.sleep(59_999, never);
		reporter.frameRejected("not_json", "{");
		expect(events()).toHaveLength(2);
		await clock.sleep(1, never);
		reporter.frameRejected("not_json", "{");
		expect(events().at(-1)).toMatchObject({ event: "frame.rejected", repeated: 5 });
		expect(events()).toHaveLength(3);
		expect(sumSeries(await metrics.text(), "zombied_frames_rejected_total", { reason: "not_json" })).toBe(7);
	});

	test("alerts are never held back", () => {
		for (let time = 0; time < 3; time++) reporter.transition(sampleTransition());
		expect(events()).toHaveLength(3);
	});
});

test("a report with senseless figures does not throw", () => {
	expect(() => reporter.eventLag(Number.NaN)).not.toThrow();
	expect(() => reporter.blind("socket", -5)).not.toThrow();
	expect(() => reporter.committed(undefined as unknown as { durationMs: number; rows: number })).not.toThrow();
	expect(() => reporter.caughtUp({ pass: 1, events: 1, sinceMs: 1e300, truncated: true })).not.toThrow();
});
