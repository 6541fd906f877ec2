import type { RunSource } from "../../src/http/api/api.ts";
import type { ApiEpisode, ApiRun, ApiRunDetail } from "../../src/http/api/run-schema.ts";

export const someRunId = "0f8fad5b-d9cb-469f-a165-70867728950e";

export function apiRun(changes: Partial<ApiRun> = {}): ApiRun {
	return {
		id: someRunId,
		name: "wise-otter",
		attempt: 1,
		state_type: "RUNNING",
		state_name: "Running",
		standing: "flagged",
		condition: "zombie",
		alert_id: "a1",
		raised_at: "2026-11-22T00:02:00.000Z",
		reason: "no heartbeat for 120 s",
		likely_cause: null,
		impact: null,
		acknowledged: null,
		flow: { id: "f1", name: "etl" },
		deployment: { id: "d1", name: "nightly" },
		work_pool: "k8s",
		client_version: "3.8.8",
		tags: ["prod"],
		last_alive_at: "2026-11-22T00:00:00.000Z",
		cadence_seconds: 30,
		cadence_source: "learned",
		silence_seconds: 120,
		suspect_after_seconds: 75,
		limit_seconds: 105,
		url: `http://prefect/runs/flow-run/${someRunId}`,
		...changes,
	};
}

export function apiEpisode(changes: Partial<ApiEpisode> = {}): ApiEpisode {
	return {
		alert_id: "a1",
		condition: "zombie",
		severity: "critical",
		reason: "no heartbeat for 120 s",
		run_id: someRunId,
		run_name: "wise-otter",
		attempt: 1,
		deployment: { id: "d1", name: "nightly" },
		work_pool: "k8s",
		raised_at: "2026-11-22T00:02:00.000Z",
		silence_seconds: 120,
		limit_seconds: 105,
		likely_cause: "pod evicted at 12:03:11 UTC: <Evicted>",
		impact: {
			text: "it holds a slot of work pool k8s (5 of 5 taken); runs late or waiting for a slot: 3 of its work pool",
			slots: [{ kind: "work_pool", name: "k8s", limit: 5, taken: 5 }],
			waiting_runs: { deployment: null, work_pool: 3 },
		},
		outcome: null,
		resolved_at: null,
		group_id: null,
		related_runs: [],
		url: `http://prefect/runs/flow-run/${someRunId}`,
		...changes,
	};
}

export function apiRunDetail(changes: Partial<ApiRunDetail> = {}): ApiRunDetail {
	return {
		...apiRun(),
		explanation: ["It is flagged as zombie.", "It beats every 30s."],
		blind_seconds: 0,
		k: 3,
		threshold_seconds: null,
		rule: null,
		episodes: [apiEpisode()],
		remedies: [],
		timeline: [
			{ at: "2026-11-21T23:50:00.000Z", kind: "state", text: "Running", until: null, state_type: "RUNNING" },
			{ at: "2026-11-22T00:00:00.000Z", kind: "heartbeat", text: "heartbeat", until: null, state_type: null },
		],
		timeline_source: "prefect",
		watched: true,
		...changes,
	};
}

/** One run, which is a zombie. */
export function pageSource(changes: Partial<RunSource> = {}): RunSource {
	return {
		details: () => ({
			namespace: "default",
			workspace: "default",
			prefect: "http://prefect/api",
			group_incidents: [],
			remedy: { mode: "off", scopes: 0 },
			sinks: [{ name: "log", pending: 0, held: 0 }],
			silences: [],
			open_by_condition: { zombie: 1 },
		}),
		runs: async ({ standing }) => ({
			runs: standing === undefined || standing === "flagged" ? [apiRun()] : [],
			next: null,
		}),
		run: async (runId) => (runId === someRunId ? apiRunDetail() : null),
		episodes: async () => ({ episodes: [apiEpisode()], next: null }),
		ledger: async () => ({ since: "2026-11-21T00:00:00.000Z", rows: [], more: 0, held_scopes: [] }),
		coverage: async () => ({
			rows: [
				{
					deployment: { id: "d1", name: "nightly" },
					flow_name: "etl",
					client_version: "3.8.8",
					runs: 1,
					standings: { flagged: 1 },
				},
			],
			more: 0,
		}),
		...changes,
	};
}
