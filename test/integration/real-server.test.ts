import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type AlertLine, heardSilenceSeconds } from "../_util/real-alert-line.ts";
import type { DaemonProcess } from "../_util/real-daemon.ts";
import { ensurePrefectVenv } from "../prefect/venv.ts";
import { expectDueZombie } from "./due-zombie.ts";
import { type crowdRoles, MainStage } from "./main-stage.ts";
import { OutageStage, outageMs } from "./outage-stage.ts";

// Everything that waits does so at the same time: all tests start together, and the stages are shared.
const stop = new AbortController();
let main: MainStage;
let away: OutageStage;

beforeAll(async () => {
	const { python } = await ensurePrefectVenv({ report: (line) => console.log(line) });
	const starts = await Promise.allSettled([
		MainStage.start(python, stop.signal).then((stage) => {
			main = stage;
		}),
		OutageStage.start(python, stop.signal).then((stage) => {
			away = stage;
		}),
	]);
	const failed = starts.find((start) => start.status === "rejected");
	if (failed !== undefined) {
		throw failed.reason;
	}
});

afterAll(async () => {
	stop.abort();
	// Undefined when beforeAll failed.
	await Promise.all([main, away].map((stage) => stage?.[Symbol.asyncDispose]()));
});

describe.concurrent("a killed served run", () => {
	it("is flagged as a zombie when it is due, on what the server itself knows of it", async () => {
		const [verdict] = await main.steadyVerdicts();
		await expectDueZombie(verdict, main.server);
		expect(verdict?.deployment?.name).toBe("doomed");
		expect(verdict?.flow_run).toMatchObject({ id: main.runs.killed, name: "killed" });
	});

	it("is flagged exactly once by a daemon that runs on", async () => {
		await main.steadyVerdicts();
		await main.over();
		for (const run of [main.runs.killed, main.runs.killedToo]) {
			expect(main.steady.alertsOf("alert.raised", run)).toHaveLength(1);
			expect(main.steady.alertsOf("alert.resolved", run)).toHaveLength(1);
		}
	});

	it("is flagged under one id by a daemon killed before and after the verdict", async () => {
		const verdicts = await main.restartedVerdicts();
		await expectDueZombie(verdicts[1], main.server);
		await main.over();
		for (const run of [main.runs.killed, main.runs.killedToo]) {
			const raised = main.restarted.alertsOf("alert.raised", run);
			expect(new Set(raised.map((alert) => alert.alert_id)).size).toBe(1);
			// One line may be repeated by the kill that came right after it was written.
			expect(raised.length).toBeLessThanOrEqual(2);
		}
	});

	it("has the same alert id in every daemon, and a different one for each run", async () => {
		const steady = await main.steadyVerdicts();
		const restarted = await main.restartedVerdicts();
		const ids = steady.map((alert) => alert.alert_id);
		expect(restarted.map((alert) => alert.alert_id)).toEqual(ids);
		expect(new Set(ids).size).toBe(2);
	});

	it("is resolved as ended when somebody marks it Crashed", async () => {
		const resolved = await main.marked();
		const raised = await main.steadyVerdicts();
		expect(resolved.map((alert) => alert.outcome)).toEqual(Array(4).fill("ended"));
		const ids = raised.map((alert) => alert.alert_id);
		expect(resolved.map((alert) => alert.alert_id)).toEqual([...ids, ...ids]);
	});
});

describe.concurrent("a frozen run", () => {
	it("is flagged, and resolved as recovered when it goes on", async () => {
		const { raised, resolved } = await main.frozenAndThawed();
		await expectDueZombie(raised[0], main.server, { hasRecovered: true });
		expect(resolved.map((alert) => alert.outcome)).toEqual(["recovered", "recovered"]);
		expect(resolved.map((alert) => alert.alert_id)).toEqual(raised.map((alert) => alert.alert_id));
		await main.over();
		expect(main.steady.alertsOf("alert.raised", main.runs.frozen)).toHaveLength(1);
		expect(main.steady.alertsOf("alert.resolved", main.runs.frozen)).toHaveLength(1);
	});
});

interface QuietRole {
	readonly role: (typeof crowdRoles)[number];
	readonly state: string;
	readonly count: number;
}

const quietRoles: readonly QuietRole[] = [
	{ role: "healthy", state: "RUNNING Running", count: 24 },
	{ role: "failing", state: "FAILED Failed", count: 1 },
	{ role: "timed-out", state: "FAILED TimedOut", count: 1 },
	{ role: "custom-named", state: "COMPLETED SuccessfullyProcessed", count: 1 },
	{ role: "retrying", state: "COMPLETED Completed", count: 1 },
	{ role: "paused", state: "COMPLETED Completed", count: 1 },
	{ role: "parent", state: "COMPLETED Completed", count: 1 },
	{ role: "subflow", state: "COMPLETED Completed", count: 2 },
	{ role: "short", state: "COMPLETED Completed", count: 60 },
];

describe.concurrent("no alert, ever, is raised for", () => {
	it.each(quietRoles)("$count of the kind $role", async ({ role, state, count }) => {
		await Promise.all([main.pausedAndResumed(), main.beatAfterTheEnd(), main.over()]);
		const runs = main.crowdRuns(role);
		expect(runs).toHaveLength(count);
		for (const run of runs) {
			await expectQuiet(run, state);
		}
	});

	it("a served run that goes on", async () => {
		await main.over();
		await expectQuiet(main.runs.served, "RUNNING Running");
	});

	it("a run that is cancelled over the API", async () => {
		await main.cancelledOverRest();
		await main.over();
		await expectQuiet(main.runs.cancelled, "CANCELLED Cancelled");
	});

	it("a run that has never beaten", async () => {
		await main.over();
		await expectQuiet(main.runs.beatless, "RUNNING Running");
	});

	it("anything but the killed and the frozen, or before it was due", async () => {
		await main.over();
		const expected = [main.runs.killed, main.runs.killedToo, main.runs.frozen].toSorted();
		for (const daemon of [main.steady, main.restarted]) {
			const raised = raisedBy(daemon);
			const flagged = new Set(raised.map((alert) => alert.flow_run.id));
			expect([...flagged].toSorted()).toEqual(expected);
			for (const alert of raised) {
				expect(heardSilenceSeconds(alert)).toBeGreaterThanOrEqual(alert.evidence.threshold_seconds);
			}
		}
	});
});

describe.concurrent("a daemon that is started late", () => {
	it("knows all runs after its second look, also what happened in the seconds before", async () => {
		const { known, expected } = await main.lateDaemon();
		expect(expected.beating).toBeGreaterThanOrEqual(51);
		expect(known).toEqual(expected);
	});
});

describe.concurrent("a server that goes away for 100 s", () => {
	it("causes no alert for runs that are healthy all the while", async () => {
		const facts = await away.outage();
		expect(facts.alertsBeforeDeath).toEqual([]);
		// Also while the verdict on the other, killed one was awaited.
		expect(raisedBy(away.daemon)).toEqual([facts.verdict]);
	});

	it("is survived by the same process, which counts the time as blind", async () => {
		const facts = await away.outage();
		expect(facts.wasNeverRestarted).toBe(true);
		expect(facts.isStreamConnected).toBe(true);
		const outageSeconds = outageMs / 1000;
		expect(facts.blindSeconds).toBeGreaterThan(0.9 * outageSeconds);
		// Starting takes the server its time, and a run may hold its beats for one more cadence.
		expect(facts.blindSeconds).toBeLessThan(outageSeconds + 100);
	});

	it("does not keep a run killed afterwards from being flagged", async () => {
		const { verdict } = await away.outage();
		await expectDueZombie(verdict, away.server);
	});
});

describe.concurrent("a daemon that is told to stop", () => {
	it("ends with exit code 0 within 10 s", async () => {
		await Promise.allSettled([main.over(), away.outage()]);
		await Promise.all([main.steady, main.restarted, away.daemon].map((daemon) => daemon.stop()));
	});
});

function raisedBy(daemon: DaemonProcess): readonly AlertLine[] {
	return daemon.alerts.filter((alert) => alert.event === "alert.raised");
}

async function expectQuiet(run: string, state: string): Promise<void> {
	const { state_type, state_name } = await main.server.rest.readRun(run);
	// The scene itself has to be what it claims to be.
	expect(`${state_type} ${state_name}`).toBe(state);
	for (const daemon of [main.steady, main.restarted]) {
		expect(daemon.alerts.filter((alert) => alert.flow_run.id === run)).toEqual([]);
	}
}
