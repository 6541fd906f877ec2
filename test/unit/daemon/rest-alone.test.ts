import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { isOfEpisode } from "../../../src/core/episode.ts";
import { minute, second } from "../../_util/core-world.ts";
import { settle } from "../../_util/daemon-clock.ts";
import { IntakeStage, secondPassMs } from "../../_util/daemon-intake.ts";
import { RefusedWatch } from "../../_util/daemon-refused.ts";
import { heartbeat } from "../../_util/prefect-events.ts";

// Eight minutes of ticks on real sockets.
describe("C17: where websockets are refused", { timeout: 60_000 }, () => {
	test("it works over REST alone, says so once, and finds the dead run among the living", async () => {
		await using under = await RefusedWatch.start();
		const dead = under.beating();
		for (let n = 0; n < 4; n++) under.beating();
		await under.pass(4 * minute);
		expect(under.watch.status()).toMatchObject({
			stream_connected: false,
			over_rest_alone: true,
			blind: false,
			runs: { beating: 5 },
		});
		under.kill(dead);
		await under.pass(4 * minute);
		const told = under.sent.filter(isOfEpisode).map(({ kind, episode }) => [kind, episode.condition, episode.runId]);
		expect(told).toEqual([["raised", "zombie", dead]]);
		expect(under.told.told("overRestAlone")).toEqual([[{ everyMs: 30 * second }]]);
		expect(under.told.told("anomaly")).toEqual([]);
		expect(under.stub.subscriptions).toEqual([]);
	});

	test("nobody is flagged when no client is heard any more", async () => {
		await using under = await RefusedWatch.start();
		// Two are no mass lapse: what keeps the verdict back is that nobody else is heard either.
		const runs = [under.beating(), under.beating()];
		await under.pass(4 * minute);
		for (const run of runs) under.kill(run);
		await under.pass(4 * minute);
		expect(under.sent).toEqual([]);
		expect(under.watch.status()).toMatchObject({ blind: false, suspects: 2 });
	});
});

describe("REST in the socket's stead", () => {
	let stage: IntakeStage;

	beforeEach(async () => {
		stage = await IntakeStage.make();
	});
	afterEach(() => stage[Symbol.asyncDispose]());

	/** Time passes in the steps of the probe. */
	async function pass(ms: number): Promise<void> {
		await stage.untilAsleep();
		for (let passed = 0; passed < ms; passed += 5 * second) {
			stage.under.clock.pass(5 * second);
			// The one that was asleep is up before it is asked who is.
			await settle();
			await stage.untilAsleep();
		}
	}

	test("is read when the socket has been away for 30 s, and every 30 s from then on", async () => {
		stage.runProbe();
		await pass(25 * second);
		expect(stage.asked).toEqual([]);
		await pass(5 * second);
		expect(stage.asked).toEqual(["listing", "stored"]);
		await pass(25 * second);
		expect(stage.asked).toEqual(["listing", "stored"]);
		await pass(5 * second);
		expect(stage.asked).toEqual(["listing", "stored", "stored"]);
	});

	test("covers all but the second pass's delay, and begins where it ended, events out of order allowed for", async () => {
		const { clock, tracker } = stage.under;
		stage.runProbe();
		await pass(30 * second);
		const turnMonoMs = clock.now().monoMs;
		expect(tracker.observation.coveredUntilMonoMs).toBe(turnMonoMs - secondPassMs);
		await pass(30 * second);
		const readings = stage.stub.requestsTo("/events/filter").map(({ body }) => {
			const filter = body?.filter as { readonly occurred: { readonly since: string } };
			return Date.parse(filter.occurred.since);
		});
		const coveredMs = tracker.observation.clock.toServerMs(turnMonoMs - secondPassMs)!;
		// The server's clock, which its Date tells to the second, stands still here.
		expect(Math.abs(readings[1]! - (coveredMs - 30 * second))).toBeLessThan(2 * second);
	});

	test("brings the runs and what they sent", async () => {
		const { id } = stage.stub.addRun();
		stage.stub.store(heartbeat({ runId: id, occurredMs: stage.stub.nowMs() - second }));
		stage.runProbe();
		await pass(30 * second);
		const row = stage.under.tracker.stored.takeRun(id, stage.under.clock.now())?.row ?? null;
		expect(row?.state?.type).toBe("RUNNING");
		expect(row?.lastBeat).not.toBeNull();
	});

	test("that fails is tried again 5 s later, and covers nothing until it succeeds", async () => {
		stage.runProbe();
		await pass(25 * second);
		stage.stub.planAnswer({ path: /events\/filter/u, status: 500 });
		await pass(5 * second);
		expect(stage.under.tracker.count("covered_over_rest")).toBe(0);
		expect(stage.under.told.told("waitingForServer")).toHaveLength(1);
		await pass(10 * second);
		expect(stage.under.tracker.count("covered_over_rest")).toBe(1);
	});

	test("is not read while the socket is open, and its wait begins anew once that was caught up", async () => {
		stage.runProbe();
		await pass(30 * second);
		stage.runCatchUp();
		stage.open();
		await stage.under.told.until("caughtUp", 1);
		stage.under.clock.pass(secondPassMs);
		await stage.untilHeard("caught_up");
		const before = stage.under.tracker.count("covered_over_rest");
		stage.close();
		await pass(25 * second);
		expect(stage.under.tracker.count("covered_over_rest")).toBe(before);
		await pass(5 * second);
		expect(stage.under.tracker.count("covered_over_rest")).toBe(before + 1);
		expect(stage.under.told.told("overRestAlone")).toHaveLength(2);
	});

	test("that was not done when the socket came back covers nothing, and is not told", async () => {
		stage.replaceApi({
			storedEvents: async function* () {
				stage.open();
				yield { views: [], events: 0, truncated: false };
			},
		});
		stage.runProbe();
		await pass(30 * second);
		expect(stage.under.tracker.count("covered_over_rest")).toBe(0);
		expect(stage.under.told.told("overRestAlone")).toEqual([]);
	});

	test("is read also where the socket comes and goes without ever being caught up", async () => {
		stage.runProbe();
		for (let n = 0; n < 7; n++) {
			await pass(5 * second);
			stage.open();
			stage.close();
		}
		expect(stage.under.tracker.count("covered_over_rest")).toBe(1);
		expect(stage.under.tracker.observation.isBlind).toBe(false);
	});

	test("that did not give all says so", async () => {
		stage.replaceApi({
			health: () => Promise.resolve(),
			async *listLiveRuns() {},
			async *storedEvents() {
				yield { views: [], events: 50, truncated: true };
			},
		});
		stage.runProbe();
		await pass(30 * second);
		expect(stage.under.told.told("caughtUp")).toMatchObject([[{ pass: 1, events: 50, truncated: true }]]);
	});
});
