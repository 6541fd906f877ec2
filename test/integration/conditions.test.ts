import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { AlertLine } from "../_util/real-alert-line.ts";
import { cadenceSeconds } from "../_util/real-flows.ts";
import { ensurePrefectVenv } from "../prefect/venv.ts";
import { ConditionsStage, stuckSeconds } from "./conditions-stage.ts";
import { expectDueZombie } from "./due-zombie.ts";

// All tests start together and share the stage: everything that waits does so at the same time.
const stop = new AbortController();
let stage: ConditionsStage;

beforeAll(async () => {
	const { python } = await ensurePrefectVenv({ report: (line) => console.log(line) });
	stage = await ConditionsStage.start(python, stop.signal);
});

afterAll(async () => {
	stop.abort();
	// Undefined when beforeAll failed.
	await stage?.[Symbol.asyncDispose]();
});

describe.concurrent("a run that logs every second until it is killed", () => {
	it("is a zombie at the same time as a silent one that is killed with it", async () => {
		const [logging, silent] = await stage.killedTogether();
		// Each when its own last beat is so old: the log lines, the best part of a cadence younger, put nothing off.
		await expectDueZombie(logging, stage.server);
		await expectDueZombie(silent, stage.server);
		expect(signAfterLastBeatSeconds(logging)).toBeGreaterThan(cadenceSeconds / 2);
		expect(signAfterLastBeatSeconds(silent)).toBeLessThan(1);
	});
});

describe.concurrent("a run that logs on after its heartbeat has been stopped", () => {
	it("is deaf", async () => {
		const verdict = await stage.deafness();
		const { evidence, time } = verdict;
		expect(verdict).toMatchObject({ condition: "deaf", severity: "warning" });
		expect(evidence.api_state_type).toBe("RUNNING");
		expect(evidence.silence_seconds - evidence.blind_seconds).toBeGreaterThanOrEqual(evidence.threshold_seconds);
		const signAgeSeconds = (Date.parse(time) - Date.parse(evidence.other_sign_at ?? "")) / 1000;
		expect(signAgeSeconds).toBeLessThan(cadenceSeconds);
	});

	it("stays deaf for as long as it logs", async () => {
		await stage.deafness();
		await stage.over();
		const stored = await stage.server.rest.heartbeats(stage.runs.deaf);
		expect(Date.parse(stored[0]?.received ?? "")).toBe(lastBeatMs(await stage.deafness()));
		expect(conditionsOf(stage.runs.deaf)).toEqual(["raised deaf"]);
	});
});

describe.concurrent("a run that is cancelled over the API while its process beats on", () => {
	it("is undead once it has beaten for a cadence after its end", async () => {
		const { raised, endMs } = await stage.undeath();
		expect(raised).toMatchObject({ condition: "undead", severity: "warning" });
		expect(raised.evidence.api_state_type).toBe("CANCELLED");
		expect(lastBeatMs(raised) - endMs).toBeGreaterThanOrEqual(raised.evidence.threshold_seconds * 1000);
	});

	it("is quiet when the process is gone, and never a zombie", async () => {
		const { raised, resolved } = await stage.undeath();
		expect(resolved).toMatchObject({ alert_id: raised.alert_id, outcome: "quiet" });
		await stage.over();
		expect(conditionsOf(stage.runs.undead)).toEqual(["raised undead", "resolved undead"]);
	});
});

describe.concurrent("a run whose worker was killed", () => {
	it("before it began to run is stuck_pending", async () => {
		await expectStuck(await stage.stuckPending(), "stuck_pending", /^PENDING /u);
	});

	it("while it waited for its retry is stuck_retry, from the scheduled time on", async () => {
		const verdict = await stage.stuckRetry();
		await expectStuck(verdict, "stuck_retry", /^SCHEDULED AwaitingRetry$/u);
		const { state } = await stage.server.rest.readRun(verdict.flow_run.id);
		const countsFromMs = Date.parse(verdict.time) - verdict.evidence.silence_seconds * 1000;
		// It waited 100 s to be due. A second for rounding and for the mapping of clocks.
		expect(countsFromMs - Date.parse(state?.timestamp ?? "")).toBeGreaterThan(99_000);
	});

	it("so that nobody cancels it is stuck_cancelling, until it is cancelled by hand", async () => {
		const { raised, resolved } = await stage.stuckCancelling();
		await expectStuck(raised, "stuck_cancelling", /^CANCELLED /u);
		expect(raised.flow_run).toMatchObject({ state_type: "CANCELLING", state_name: "Cancelling" });
		expect(resolved).toMatchObject({ alert_id: raised.alert_id, outcome: "ended" });
	});
});

describe.concurrent("a parent that waits for a killed run of a deployment", () => {
	it("is not flagged, and the child is", async () => {
		const { parent, child } = stage.runs;
		const verdict = await stage.childDeath();
		await expectDueZombie(verdict, stage.server);
		expect(verdict).toMatchObject({ flow_run: { id: child }, deployment: { name: "child" }, related_runs: [] });
		await stage.over();
		// It has lived on beside the verdict, without an end that would excuse it.
		const [newest] = await stage.server.rest.heartbeats(parent);
		expect(Date.parse(newest?.received ?? "")).toBeGreaterThan(Date.parse(verdict.time) - cadenceSeconds * 1000);
		expect(await stateOf(parent)).toBe("RUNNING Running");
		expect(conditionsOf(parent)).toEqual([]);
	});
});

describe.concurrent("beside all that", () => {
	it("nothing else is flagged, nothing twice, and nothing as part of an outage", async () => {
		await stage.over();
		const { logging, silent, retrying, deaf, child, undead, cancelling } = stage.runs;
		const pending = (await stage.stuckPending()).flow_run.id;
		const raised = stage.daemon.alerts.filter((alert) => alert.event === "alert.raised");
		expect(raised.map((alert) => `${alert.condition} ${alert.flow_run.id}`).toSorted()).toEqual(
			[
				...[logging, silent, child].map((run) => `zombie ${run}`),
				`deaf ${deaf}`,
				`undead ${undead}`,
				`stuck_pending ${pending}`,
				`stuck_retry ${retrying}`,
				`stuck_cancelling ${cancelling}`,
			].toSorted(),
		);
		expect(new Set(raised.map((alert) => alert.group_id))).toEqual(new Set([null]));
	});

	it("24 healthy runs go on", async () => {
		await stage.over();
		expect(stage.healthy).toHaveLength(24);
		for (const run of stage.healthy) {
			expect(await stateOf(run)).toBe("RUNNING Running");
		}
	});
});

/** What has been said of a run, in order. */
function conditionsOf(run: string): readonly string[] {
	return stage.daemon.alerts
		.filter((alert) => alert.flow_run.id === run)
		.map((alert) => `${alert.event.replace("alert.", "")} ${alert.condition}`);
}

function lastBeatMs(alert: AlertLine): number {
	return Date.parse(alert.evidence.last_beat_received ?? "");
}

/** How much younger the other signs of life are than the last heartbeat, both by the worker's clock. */
function signAfterLastBeatSeconds({ evidence }: AlertLine): number {
	if (evidence.other_sign_at === null) return Number.NEGATIVE_INFINITY;
	return (Date.parse(evidence.other_sign_at) - Date.parse(evidence.last_beat_occurred ?? "")) / 1000;
}

async function stateOf(run: string): Promise<string> {
	const { state_type, state_name } = await stage.server.rest.readRun(run);
	return `${state_type} ${state_name}`;
}

/** @param state the run's state in the end */
async function expectStuck(alert: AlertLine, condition: string, state: RegExp): Promise<void> {
	expect(alert).toMatchObject({ condition, severity: "warning" });
	expect(alert.evidence.threshold_seconds).toBe(stuckSeconds);
	expect(alert.evidence.silence_seconds).toBeGreaterThanOrEqual(stuckSeconds);
	await stage.over();
	expect(await stateOf(alert.flow_run.id)).toMatch(state);
}
