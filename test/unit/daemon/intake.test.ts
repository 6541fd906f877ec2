import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { noLabels } from "../../../src/core/run.ts";
import { settle } from "../../_util/daemon-clock.ts";
import { workspace } from "../../_util/daemon-core.ts";
import { IntakeStage, secondPassMs } from "../../_util/daemon-intake.ts";
import { heartbeat } from "../../_util/prefect-events.ts";

const retryMs = 5_000;

let stage: IntakeStage;

beforeEach(async () => {
	stage = await IntakeStage.make();
});
afterEach(() => stage[Symbol.asyncDispose]());

describe("after the socket has opened", () => {
	test("come a listing, the stored events in two passes, a listing, and only then is it caught up", async () => {
		const run1 = stage.stub.addRun();
		stage.stub.store(heartbeat({ runId: run1.id, occurredMs: stage.stub.nowMs() - 10_000 }));
		stage.runCatchUp();
		stage.open();
		await stage.under.told.until("caughtUp", 1);
		await stage.untilAsleep();
		expect(stage.asked).toEqual(["listing", "stored"]);
		stage.under.clock.pass(secondPassMs - 1);
		await settle();
		expect(stage.asked).toEqual(["listing", "stored"]);
		stage.under.clock.pass(1);
		await stage.untilHeard("caught_up");
		expect(stage.asked).toEqual(["listing", "stored", "stored", "listing"]);
		const heard = stage.under.tracker.kinds.filter((kind) => kind !== "rest_answered");
		expect(heard).toEqual([
			"stream_opened",
			"listed",
			"reconciled",
			"stored",
			"stored",
			"listed",
			"reconciled",
			"caught_up",
		]);
		expect(stage.under.tracker.stored.takeRun(run1.id, stage.under.clock.now())?.row?.lastBeat).not.toBeNull();
		expect(stage.under.tracker.observation.isBlind).toBe(false);
	});

	test("the stored events are read from where coverage ended, by the server's clock", async () => {
		stage.runCatchUp();
		stage.stub.moveClock(-3_600_000);
		const beganMs = stage.stub.nowMs();
		stage.open();
		await stage.caughtUp();
		expect(stage.sinceMs).toBeGreaterThan(beganMs - 32_000);
		expect(stage.sinceMs).toBeLessThanOrEqual(stage.stub.nowMs() - 29_000);
	});

	test("after a restart they are read from where the earlier process stopped", async () => {
		const { tracker, clock } = stage.under;
		const coveredUntilServerMs = stage.stub.nowMs() - 3_600_000;
		const row = { workspace, coveredUntilServerMs, blindSpans: [], healthScore: 0, trippedGroups: [] };
		tracker.restore(
			{ openEpisodes: [], workspace: row, learned: [], openGroups: [], heldRuns: [], spentAlerts: [] },
			clock.now(),
		);
		stage.runCatchUp();
		stage.open();
		await stage.caughtUp();
		// The server's clock is known to the second.
		expect(Math.abs(stage.sinceMs - (coveredUntilServerMs - 30_000))).toBeLessThan(1_100);
	});

	test("nothing is asked while nothing has opened", async () => {
		stage.runCatchUp();
		await settle();
		expect(stage.stub.requests).toEqual([]);
	});

	test("closing aborts the catch-up, and it begins anew when the socket opens again", async () => {
		stage.runCatchUp();
		stage.open();
		await stage.untilAsleep();
		stage.close();
		await settle();
		expect(stage.under.clock.sleepers).toBe(0);
		stage.under.clock.pass(secondPassMs);
		await settle();
		expect(stage.asked).toEqual(["listing", "stored"]);
		expect(stage.under.tracker.count("caught_up")).toBe(0);
		stage.open();
		await stage.caughtUp();
		expect(stage.asked).toEqual(["listing", "stored", "listing", "stored", "stored", "listing"]);
		expect(stage.under.tracker.count("caught_up")).toBe(1);
	});

	test("closing ends a request that hangs", async () => {
		stage.runCatchUp();
		stage.stub.ignoresRequests = true;
		stage.open();
		await stage.stub.until(() => stage.stub.requests.length === 1, "the listing was asked for");
		stage.close();
		stage.stub.ignoresRequests = false;
		stage.open();
		await stage.caughtUp();
		expect(stage.asked).toEqual(["listing", "listing", "stored", "stored", "listing"]);
	});

	test("a listing that is answered as the socket closes does not count as caught up", async () => {
		let listings = 0;
		stage.replaceApi({
			health: () => Promise.resolve(),
			async *storedEvents() {},
			// Heeds no signal: the answer was on its way already.
			async *listLiveRuns() {
				listings += 1;
				if (listings === 2) stage.close();
				yield [];
			},
		});
		stage.runCatchUp();
		stage.open();
		await stage.untilAsleep();
		stage.under.clock.pass(secondPassMs);
		await stage.untilHeard("stream_closed");
		await settle();
		expect(stage.under.tracker.count("caught_up")).toBe(0);
		expect(stage.under.tracker.observation.isBlind).toBe(true);
	});

	test("a failure of REST in between begins anew 5 s later", async () => {
		stage.runCatchUp();
		stage.stub.planAnswer({ path: /flow_runs\/filter/u, status: 500 });
		stage.open();
		await stage.untilHeard("rest_failed");
		await stage.untilAsleep();
		stage.under.clock.pass(retryMs - 1);
		await settle();
		expect(stage.asked).toEqual(["listing"]);
		stage.under.clock.pass(1);
		await stage.under.told.until("caughtUp", 1);
		await stage.caughtUp();
		expect(stage.asked).toEqual(["listing", "listing", "stored", "stored", "listing"]);
		expect(stage.under.tracker.count("caught_up")).toBe(1);
	});

	test("a failure at the last listing repeats the whole", async () => {
		stage.runCatchUp();
		stage.open();
		await stage.untilAsleep();
		stage.stub.planAnswer({ path: /flow_runs\/filter/u, status: 500 });
		stage.under.clock.pass(secondPassMs);
		await stage.untilHeard("rest_failed");
		expect(stage.under.tracker.count("caught_up")).toBe(0);
		await stage.untilAsleep();
		stage.under.clock.pass(retryMs);
		await stage.under.told.until("caughtUp", 3);
		await stage.caughtUp();
		expect(stage.asked).toEqual(["listing", "stored", "stored", "listing", "listing", "stored", "stored", "listing"]);
	});
});

describe("events dropped at our own queue", () => {
	test("call for a catch-up, and until it is in we are blind", async () => {
		stage.runCatchUp();
		stage.open();
		await stage.caughtUp();
		expect(stage.under.tracker.observation.isBlind).toBe(false);
		for (let n = 0; n < 11; n++) {
			const view = { runId: stage.stub.addRun().id, attempt: null, state: null, beat: null, labels: noLabels };
			stage.intake.listener.event(stage.under.clock.now(), view, null, null);
		}
		await stage.untilHeard("stream_opened", 2);
		expect(stage.under.told.told("queueOverflowed")).toEqual([[1]]);
		expect(stage.under.tracker.observation.isBlind).toBe(true);
		await stage.caughtUp(2);
		expect(stage.under.tracker.observation.isBlind).toBe(false);
		expect(stage.asked).toHaveLength(8);
	});

	test("during a catch-up begin it anew", async () => {
		stage.runCatchUp();
		stage.open();
		await stage.untilAsleep();
		stage.intake.resync();
		await stage.under.told.until("caughtUp", 2);
		await stage.caughtUp();
		expect(stage.asked).toEqual(["listing", "stored", "listing", "stored", "stored", "listing"]);
		expect(stage.under.tracker.count("caught_up")).toBe(1);
	});

	test("while the socket is closed need none: its next opening brings one", async () => {
		stage.runCatchUp();
		stage.open();
		stage.close();
		stage.intake.resync();
		await settle();
		expect(stage.under.tracker.count("stream_opened")).toBe(1);
		expect(stage.stub.requests.length).toBeLessThanOrEqual(1);
	});
});
