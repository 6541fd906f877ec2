import { beforeEach, describe, expect, test } from "vitest";
import type { Input, Inquiry } from "../../../src/core/input.ts";
import { Pipeline } from "../../../src/daemon/pipeline.ts";
import { epochMs } from "../../_util/core-server.ts";
import { minute } from "../../_util/core-world.ts";
import { settle } from "../../_util/daemon-clock.ts";
import { beatView, eventOf, PersisterUnderTest, stateView } from "../../_util/daemon-core.ts";
import { runIdOf } from "../../_util/store-samples.ts";

let under: PersisterUnderTest;
let asked: Inquiry[];
let overflows: number;

function pipelineOf(queueInputsMax: number): Pipeline {
	return new Pipeline({
		tracker: under.tracker,
		persister: under.persister,
		reporter: under.told.reporter,
		clock: under.clock,
		queueInputsMax,
		sinks: [{ name: "log", wants: () => true }],
		onInquiries: (inquiries) => asked.push(...inquiries),
		onOverflow: () => {
			overflows += 1;
		},
	});
}

function offer(pipeline: Pipeline, count: number): void {
	for (let n = 0; n < count; n++) pipeline.offer(eventOf(stateView(n, "RUNNING", 0), under.clock));
}

function heard(): Input {
	return { kind: "stream_heard", at: under.clock.now() };
}

function turn(): Promise<void> {
	return new Promise((resolve) => {
		setImmediate(resolve);
	});
}

beforeEach(() => {
	under = new PersisterUnderTest();
	asked = [];
	overflows = 0;
});

describe("the lane of live events", () => {
	test("takes as many as the limit says", async () => {
		const pipeline = pipelineOf(3);
		offer(pipeline, 3);
		await turn();
		expect(under.tracker.count("event")).toBe(3);
		expect(under.told.told("queueOverflowed")).toEqual([]);
		expect(overflows).toBe(0);
	});

	test("drops and counts what is beyond it, and asks once for a resync", async () => {
		const pipeline = pipelineOf(3);
		offer(pipeline, 8);
		await turn();
		await turn();
		expect(under.tracker.count("event")).toBe(3);
		expect(under.told.told("queueOverflowed")).toEqual([[5]]);
		expect(overflows).toBe(1);
	});

	test("a flood that takes several batches is one overflow", async () => {
		const pipeline = pipelineOf(12_500);
		offer(pipeline, 12_600);
		for (let batch = 0; batch < 4; batch++) await turn();
		expect(under.tracker.count("event")).toBe(12_500);
		expect(under.told.told("queueOverflowed")).toEqual([[100]]);
		expect(overflows).toBe(1);
	});

	test("takes events again once it has room, and a second overflow is told as well", async () => {
		const pipeline = pipelineOf(2);
		offer(pipeline, 3);
		await turn();
		offer(pipeline, 2);
		await turn();
		expect(under.tracker.count("event")).toBe(4);
		expect(overflows).toBe(1);
		offer(pipeline, 3);
		await turn();
		expect(under.told.told("queueOverflowed")).toEqual([[1], [1]]);
		expect(overflows).toBe(2);
	});
});

describe("the lane of results", () => {
	test("loses nothing, however many there are and however full the other lane is", async () => {
		const pipeline = pipelineOf(1);
		offer(pipeline, 5);
		for (let n = 0; n < 5_000; n++) pipeline.result(heard());
		await turn();
		expect(under.tracker.count("stream_heard")).toBe(5_000);
	});

	test("comes before events that were there first", async () => {
		const pipeline = pipelineOf(10);
		offer(pipeline, 2);
		pipeline.result(heard());
		await turn();
		expect(under.tracker.kinds).toEqual(["stream_heard", "event", "event"]);
	});
});

describe("turns", () => {
	test("after 5,000 events the event loop gets its turn", async () => {
		const pipeline = pipelineOf(20_000);
		offer(pipeline, 12_500);
		expect(under.tracker.heard).toEqual([]);
		const counts: number[] = [];
		for (let batch = 0; batch < 4; batch++) {
			await turn();
			counts.push(under.tracker.count("event"));
		}
		expect(counts).toEqual([5_000, 10_000, 12_500, 12_500]);
	});

	test("drain processes everything at once", () => {
		const pipeline = pipelineOf(10_000);
		offer(pipeline, 2_500);
		pipeline.result(heard());
		pipeline.drain();
		expect(under.tracker.count("event")).toBe(2_500);
		expect(under.tracker.count("stream_heard")).toBe(1);
	});

	test("drain with nothing to do does nothing", () => {
		pipelineOf(10).drain();
		expect(under.tracker.heard).toEqual([]);
		expect(under.store.tried).toEqual([]);
	});
});

describe("a tick", () => {
	test("sets the figures of the sweep", async () => {
		const pipeline = pipelineOf(10);
		expect(pipeline.lastTickMonoMs).toBeNull();
		const at = under.clock.now();
		pipeline.result({ kind: "stream_opened", at });
		pipeline.result({
			kind: "listed",
			at,
			views: [stateView(1, "RUNNING", 0), stateView(2, "PENDING", 0), stateView(3, "RUNNING", 0)],
		});
		pipeline.result({ kind: "event", at, view: beatView(1, 0), receivedMs: epochMs });
		pipeline.result({ kind: "tick", at });
		await turn();
		expect(pipeline.lastTickMonoMs).toBe(at.monoMs);
		expect(under.told.told("swept")).toEqual([
			[
				{
					durationMs: 0,
					atMs: at.wallMs,
					runs: { beating: 1, unmonitored: 1, idle: 1 },
					suspects: 0,
					unconfirmed: 0,
					openEpisodes: {},
					openGroups: {},
					oldestBeatsMs: new Map([[null, at.wallMs]]),
					streamConnected: true,
					lastEventAtMs: at.wallMs,
					ownHealth: 0,
				},
			],
		]);
	});

	test("puts the questions that came due", async () => {
		const pipeline = pipelineOf(10);
		pipeline.offer(eventOf(beatView(1, 0), under.clock));
		pipeline.result({ kind: "rest_answered", at: under.clock.now(), serverDateMs: epochMs });
		await turn();
		under.clock.pass(minute);
		pipeline.result({ kind: "tick", at: under.clock.now() });
		await turn();
		expect(asked.map(({ runId, stage }) => [runId, stage])).toEqual([[runIdOf(1), "identify"]]);
	});
});

describe("what the core noticed is told", () => {
	test("lags, oddities and blind seconds", async () => {
		const pipeline = pipelineOf(10);
		pipeline.result({ kind: "tick", at: under.clock.now() });
		pipeline.offer(eventOf(stateView(1, "COMPLETED", 0), under.clock));
		pipeline.drain();
		under.clock.pass(1_000);
		pipeline.result({ kind: "tick", at: under.clock.now() });
		pipeline.offer(eventOf(beatView(1, 1_000), under.clock));
		await turn();
		expect(under.told.told("eventLag").length).toBeGreaterThan(0);
		expect(under.told.told("anomaly").map(([kind]) => kind)).toEqual(["late_beat"]);
		expect(under.told.told("blind")).toEqual([
			["socket", 0],
			["socket", 1],
		]);
	});

	test.each([
		[100, 100],
		[101, 100],
	])("cadences: of %i runs that beat in one turn, those of %i", (runs, told) => {
		const pipeline = pipelineOf(1_000);
		for (const atMs of [0, minute]) {
			for (let n = 0; n < runs; n++) pipeline.offer(eventOf(beatView(n, atMs), under.clock));
		}
		pipeline.drain();
		expect(under.told.told("beatOfCadence")).toEqual(Array.from({ length: told }, () => [minute]));
	});

	test("group incidents", async () => {
		const pipeline = pipelineOf(10);
		pipeline.result({ kind: "stream_opened", at: under.clock.now() });
		pipeline.result({ kind: "caught_up", at: under.clock.now() });
		for (const n of [1, 2, 3]) {
			pipeline.offer(eventOf(stateView(n, "RUNNING", 0), under.clock));
			pipeline.offer(eventOf(beatView(n, 0), under.clock));
		}
		await turn();
		expect(under.told.told("groupIncident")).toEqual([]);
		under.clock.pass(22 * minute);
		pipeline.result({ kind: "tick", at: under.clock.now() });
		await turn();
		expect(under.told.told("groupIncident")).toMatchObject([
			[{ groupKind: "everything", runsTotal: 3, extent: "full", closed: null }],
		]);
		// The incident and its delivery become durable together, with what a restart must know of it.
		await settle();
		const [batch] = under.store.committed.filter(({ groups }) => groups.length > 0);
		const groupId = batch?.groups[0]?.incident.groupId;
		expect(batch).toMatchObject({
			outbox: [{ sink: "log", transition: { kind: "group_raised", key: `${groupId}:raised` } }],
			workspaces: [{ trippedGroups: [{ kind: "everything", groupId, reported: true }] }],
			heldRuns: [1, 2, 3].map((n) => ({ runId: runIdOf(n), row: { runId: runIdOf(n) } })),
			durable: true,
		});
		expect(under.sentKeys).toEqual([`${groupId}:raised`]);
	});
});

describe("run", () => {
	test("resolves on abort", async () => {
		const stop = new AbortController();
		const running = pipelineOf(10).run(stop.signal);
		stop.abort();
		await expect(running).resolves.toBeUndefined();
		await expect(pipelineOf(10).run(AbortSignal.abort())).resolves.toBeUndefined();
	});

	test("rejects on a bug in the core", async () => {
		const pipeline = pipelineOf(10);
		under.tracker.failsOn = "caught_up";
		const running = pipeline.run(new AbortController().signal);
		pipeline.result({ kind: "caught_up", at: under.clock.now() });
		await expect(running).rejects.toThrow(new TypeError("a bug at caught_up"));
	});

	test("rejects on a bug that the core met before it was run", async () => {
		const pipeline = pipelineOf(10);
		under.tracker.failsOn = "caught_up";
		pipeline.result({ kind: "caught_up", at: under.clock.now() });
		await turn();
		await expect(pipeline.run(AbortSignal.timeout(1_000))).rejects.toThrow(new TypeError("a bug at caught_up"));
	});
});
