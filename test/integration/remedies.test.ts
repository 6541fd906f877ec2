import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { sumSeries } from "../_util/metrics-page.ts";
import { ensurePrefectVenv } from "../prefect/venv.ts";
import { documentedMessage, RemediesStage, recipe } from "./remedies-stage.ts";

// All tests start together and share the stage: everything that waits does so at the same time.
const stop = new AbortController();
let stage: RemediesStage;

beforeAll(async () => {
	const { python } = await ensurePrefectVenv({ report: (line) => console.log(line) });
	stage = await RemediesStage.start(python, stop.signal);
});

afterAll(async () => {
	stop.abort();
	// Undefined when beforeAll failed.
	await stage?.[Symbol.asyncDispose]();
});

describe.concurrent("D8: a killed run, where remedies are on", () => {
	it("becomes Crashed, with the evidence in its message, and its alert says so", async () => {
		const { dead } = await stage.killed();
		const raised = await stage.raised(dead);
		expect(await stage.remedyOf(dead)).toMatchObject({ action: "crash", result: "done", scope: "tag=may-be-touched" });
		const { state } = await stage.server.rest.readRun(dead);
		expect(state).toMatchObject({ type: "CRASHED", name: "Crashed" });
		expect(state?.message).toContain("no heartbeat for");
		expect(state?.message).toContain(`(zombied, alert ${raised.alert_id})`);
		expect(Date.parse(state?.timestamp ?? "")).toBeGreaterThan(Date.parse(raised.time) + 10_000);
		expect(await stage.resolved(dead)).toMatchObject({
			alert_id: raised.alert_id,
			outcome: "ended",
			remedy: { action: "crash", mode: "on" },
		});
	});

	it("gives its concurrency slot to the run that waits for it", async () => {
		const { dead, waiting } = await stage.killed();
		await stage.remedyOf(dead);
		await stage.waitUntilRunning(waiting);
	});
});

describe.concurrent("D8: a run that may be run again", () => {
	it("is run again once, as it was, after it was marked", async () => {
		const { again } = stage.runs;
		const line = await stage.remedyOf(again, "remedy", "reschedule");
		expect(line).toMatchObject({ result: "done", scope: "tag=may-be-run-again" });
		const newRunId = /^runs again as (\S+)$/u.exec(line.detail ?? "")?.[1] ?? "";
		const { rest } = stage.server;
		const [was, is] = await Promise.all([rest.readRun(again), rest.readRun(newRunId)]);
		expect([was.state_type, is.state_type]).toEqual(["CRASHED", "SCHEDULED"]);
		const { deployment_id, tags } = was;
		expect(is).toMatchObject({ deployment_id, tags, parameters: { role: "again" }, run_count: 0 });
		// Rounds enough in which it could be run again a second time.
		await stage.killed();
		await stage.remedyOf((await stage.killed()).dead);
		const ofIt = stage.remedyLines.filter(({ runId, action }) => runId === again && action === "reschedule");
		expect(ofIt).toEqual([line]);
	});
});

describe.concurrent("D8: a run that was stuck in PENDING", () => {
	it("is cancelled", async () => {
		const { pending } = stage.runs;
		expect(await stage.remedyOf(pending)).toMatchObject({ action: "cancel", result: "done" });
		expect((await stage.server.rest.readRun(pending)).state_type).toBe("CANCELLED");
	});
});

describe.concurrent("D8: a dry run", () => {
	it("writes down what would be done, and touches nothing", async () => {
		const { dry } = stage.runs;
		await stage.raised(dry);
		const before = await stage.server.rest.readRun(dry);
		expect(await stage.remedyOf(dry)).toMatchObject({ action: "crash", result: "would", scope: "tag=in-thought" });
		const page = await fetch(`${stage.daemon.address}/api/v1/runs/${dry}`);
		const { explanation } = (await page.json()) as { explanation: readonly string[] };
		expect(explanation.join(" ")).toContain("zombied would have done the remedy crash");
		await stage.killed();
		expect((await stage.server.rest.readRun(dry)).state).toEqual(before.state);
	});
});

describe.concurrent("D8: where remedies are off", () => {
	it("nothing is done, and nothing written down", async () => {
		const { off, dry } = stage.runs;
		await Promise.all([stage.raised(off), stage.remedyOf(dry)]);
		const { dead } = await stage.killed();
		await stage.remedyOf(dead);
		expect(stage.remedyLines.filter(({ runId }) => runId === off)).toEqual([]);
		expect((await stage.server.rest.readRun(off)).state_type).toBe("RUNNING");
	});
});

describe.concurrent("D8: a run whose lease has passed, while another holds its deployment's slot", () => {
	it("is refused, with the reason, and neither is touched", async () => {
		const { late, heir } = stage.runs;
		await stage.inherited();
		await stage.raised(late);
		const line = await stage.remedyOf(late);
		expect(line).toMatchObject({ action: "crash", result: "refused", reason: "slot" });
		expect(line.detail).toContain("1 other runs hold a slot of its deployment");
		const { rest } = stage.server;
		expect((await rest.readRun(late)).state_type).toBe("RUNNING");
		expect((await rest.readRun(heir)).state_type).toBe("PENDING");
	});
});

describe.concurrent("D8: a run that beats again after it was marked", () => {
	it("is told as our mistake, and its scope is a dry run from then on", async () => {
		const { mistaken } = stage.runs;
		expect(await stage.remedyOf(mistaken)).toMatchObject({ action: "crash", result: "done" });
		await stage.server.rest.postHeartbeat(mistaken, "mistaken");
		expect(await stage.remedyOf(mistaken, "remedy.mistake")).toMatchObject({ scope: "tag=is-alive-after-all" });
		const metrics = await fetch(`${stage.daemon.address}/metrics`);
		expect(sumSeries(await metrics.text(), "zombied_remedy_mistakes_total")).toBe(1);
	});
});

describe.concurrent("D7: an event that zombied posts to Prefect", () => {
	it("lets an automation act on the run, as docs/alerting.md has it", async () => {
		const { acted } = stage.runs;
		const [{ alert_id: alertId }, crashed] = await Promise.all([stage.raised(acted), stage.crashed(acted)]);
		expect(crashed.state).toMatchObject({ type: "CRASHED", message: recipe.actions[0]?.message });
		const told = await stage.told("zombied.flow-run.zombie", acted);
		expect(told.resource).toMatchObject({ "prefect.resource.name": "acted" });
		expect(told.payload).toMatchObject({ event: "alert.raised", alert_id: alertId });
		expect(Date.parse(crashed.state?.timestamp ?? "")).toBeGreaterThanOrEqual(Date.parse(told.received));
		const over = await stage.told("zombied.flow-run.zombie.resolved", acted);
		expect(over.payload).toMatchObject({ alert_id: alertId, outcome: "ended" });
		expect(await stage.server.rest.events("zombied.flow-run.zombie", acted)).toHaveLength(1);
	});

	it("lets none act on a run that it is not for", async () => {
		const { acted, off } = stage.runs;
		await Promise.all([stage.told("zombied.flow-run.zombie", off), stage.crashed(acted)]);
		expect((await stage.server.rest.readRun(off)).state_type).toBe("RUNNING");
	});

	it("disarms nothing: the documented automation fires all the same, and would not for an event of Prefect's name", async () => {
		const { left, disarmed } = stage.runs;
		const told = await stage.told("zombied.flow-run.zombie", left);
		await stage.server.rest.postEvent("prefect.flow-run.zombie", disarmed);
		const crashed = await stage.crashed(left);
		expect(crashed.state?.message).toBe(documentedMessage);
		// In time to disarm it, had it been one that does.
		expect(Date.parse(told.received)).toBeLessThan(Date.parse(crashed.state?.timestamp ?? "") - 10_000);
		expect((await stage.server.rest.readRun(disarmed)).state_type).toBe("RUNNING");
	});
});
