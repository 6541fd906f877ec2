import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { settle } from "../../_util/daemon-clock.ts";
import { IntakeStage } from "../../_util/daemon-intake.ts";

const probeEveryMs = 5_000;

let stage: IntakeStage;

beforeEach(async () => {
	stage = await IntakeStage.make();
});
afterEach(() => stage[Symbol.asyncDispose]());

describe("the probe", () => {
	const healthChecks = (): number => stage.stub.requestsTo("/health").length;

	test("asks for the server's health while the socket is away, every 5 s", async () => {
		stage.runProbe();
		await stage.untilHeard("rest_answered");
		await stage.untilAsleep();
		expect(healthChecks()).toBe(1);
		stage.under.clock.pass(probeEveryMs - 1);
		await settle();
		expect(healthChecks()).toBe(1);
		stage.under.clock.pass(1);
		await stage.untilHeard("rest_answered", 2);
		expect(stage.under.told.told("waitingForServer")).toEqual([]);
	});

	test("rests while the socket is open and REST answers, and asks again when REST fails", async () => {
		stage.open();
		stage.intake.restEnded(null, true);
		stage.runProbe();
		await stage.untilAsleep();
		stage.under.clock.pass(probeEveryMs);
		await settle();
		expect(healthChecks()).toBe(0);
		stage.intake.restEnded(null, false);
		stage.under.clock.pass(probeEveryMs);
		await stage.untilHeard("rest_answered", 2);
		expect(healthChecks()).toBe(1);
	});

	test("says whom it waits for, why, and until when", async () => {
		stage.stub.planAnswer({ path: /health/u, status: 500 });
		stage.runProbe();
		await stage.under.told.until("waitingForServer", 1);
		expect(stage.under.told.told("waitingForServer")).toEqual([
			[{ apiUrl: stage.stub.url, reason: expect.stringContaining("500"), retryInMs: probeEveryMs }],
		]);
	});

	test("tells an outage of the server from a socket that was lost", async () => {
		stage.runCatchUp();
		stage.open();
		await stage.caughtUp();
		stage.close();
		stage.runProbe();
		await stage.untilAsleep();
		expect(stage.under.tracker.observation.openCauses).toEqual(["socket"]);
		stage.stub.planAnswer({ path: /health/u, status: 500 });
		stage.under.clock.pass(probeEveryMs);
		await stage.untilHeard("rest_failed");
		expect(stage.under.tracker.observation.openCauses).toEqual(["server_outage"]);
	});

	test("a bug in the client ends it", async () => {
		stage.replaceApi({
			health: () => Promise.reject(new TypeError("a bug")),
		});
		await expect(stage.intake.runProbe(stage.stop.signal)).rejects.toThrow(new TypeError("a bug"));
	});
});

describe("reconcile", () => {
	test("lists what is live", async () => {
		const { id } = stage.stub.addRun();
		await stage.intake.reconcile(stage.stop.signal);
		await stage.untilHeard("reconciled");
		expect(stage.under.tracker.stored.takeRun(id, stage.under.clock.now())?.row?.state?.type).toBe("RUNNING");
		expect(stage.under.told.told("reconciled")).toMatchObject([[{ listed: 1 }]]);
	});

	test("a failure is passed over, and nothing counts as compared", async () => {
		stage.stub.planAnswer({ path: /flow_runs\/filter/u, status: 500 });
		await stage.intake.reconcile(stage.stop.signal);
		await stage.untilHeard("rest_failed");
		expect(stage.under.tracker.count("reconciled")).toBe(0);
	});

	test("is left out while REST is away", async () => {
		stage.intake.restEnded(null, false);
		await stage.intake.reconcile(stage.stop.signal);
		expect(stage.stub.requests).toEqual([]);
		stage.intake.restEnded(null, true);
		await stage.intake.reconcile(stage.stop.signal);
		expect(stage.asked).toEqual(["listing"]);
	});

	test("ends without an error when it is aborted", async () => {
		stage.stub.ignoresRequests = true;
		const reconciled = stage.intake.reconcile(stage.stop.signal);
		await stage.stub.until(() => stage.stub.requests.length === 1, "the listing was asked for");
		stage.stop.abort();
		await expect(reconciled).resolves.toBeUndefined();
	});

	test("a bug in the client is thrown", async () => {
		stage.replaceApi({
			async *listLiveRuns() {
				yield await Promise.reject(new TypeError("a bug"));
			},
		});
		await expect(stage.intake.reconcile(stage.stop.signal)).rejects.toThrow(new TypeError("a bug"));
	});
});
