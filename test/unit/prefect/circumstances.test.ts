import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { Circumstances } from "../../../src/core/circumstances.ts";
import type { Inquiry } from "../../../src/core/input.ts";
import { HandClock } from "../../_util/daemon-clock.ts";
import { ClientUnderTest } from "../../_util/prefect-client.ts";
import { type EventJson, isoMicros, type RunJson, someDeployment } from "../../_util/prefect-events.ts";
import { PrefectStub } from "../../_util/prefect-stub.ts";

const minuteMs = 60_000;
const nothing: Circumstances = {
	podEnd: null,
	workersOffline: false,
	slots: [],
	waiting: { deployment: null, workPool: null },
};

let stub: PrefectStub;
let client: ClientUnderTest;
let clock: HandClock;

beforeEach(async () => {
	stub = await PrefectStub.start();
	clock = new HandClock();
	client = new ClientUnderTest(stub.url, { clock });
});
afterEach(async () => {
	await client[Symbol.asyncDispose]();
	await stub[Symbol.asyncDispose]();
});

function addRun(more: Partial<RunJson> = {}): RunJson {
	const run = { ...stub.addRun({ type: "RUNNING" }), ...more };
	stub.runs.set(run.id, run);
	return run;
}

function inquiryAbout(runId: string, stage: Inquiry["stage"] = "due"): Inquiry {
	return {
		runId,
		stage,
		condition: "zombie",
		isUnheard: false,
		parentTaskRunId: null,
		basis: { attempt: 1, stateId: null, aliveAtMonoMs: null },
		beatsSinceMs: Date.now() - 10 * minuteMs,
	};
}

async function circumstancesOf(...runs: readonly RunJson[]): Promise<readonly (Circumstances | null | undefined)[]> {
	const { answers } = await client.api.answer(
		runs.map(({ id }) => inquiryAbout(id)),
		client.signal,
	);
	return runs.map(({ id }) => answers.find(({ inquiry }) => inquiry.runId === id)?.circumstances);
}

/** As prefect-kubernetes' observer writes it. */
function podEvent(run: RunJson, phase: string, agoMs: number, more: { pod?: string; reason?: string } = {}): EventJson {
	const { pod = crypto.randomUUID(), reason } = more;
	const atMs = Date.now() - agoMs;
	return {
		id: crypto.randomUUID(),
		event: `prefect.kubernetes.pod.${phase}`,
		occurred: isoMicros(atMs),
		received: isoMicros(atMs + 20),
		resource: {
			"prefect.resource.id": `prefect.kubernetes.pod.${pod}`,
			"prefect.resource.name": "brave-newt-x7k2p",
			"kubernetes.namespace": "flows",
			...(reason === undefined ? {} : { "kubernetes.reason": reason }),
		},
		related: [{ "prefect.resource.id": `prefect.flow-run.${run.id}`, "prefect.resource.role": "flow-run" }],
		payload: {},
		follows: null,
	};
}

describe("how a run's pod ended", () => {
	test.each([
		["evicted", "OOMKilled", "out_of_memory"],
		["evicted", "NodeLost", "evicted"],
		["evicted", undefined, "evicted"],
		["evicted", "Error", "failed"],
		["failed", undefined, "failed"],
		["succeeded", undefined, "succeeded"],
	])("%s with the reason %s is told as %s", async (phase, reason, kind) => {
		const run = addRun();
		const event = podEvent(run, phase, minuteMs, reason === undefined ? {} : { reason });
		stub.store(event);
		const [found] = await circumstancesOf(run);
		expect(found?.podEnd).toEqual({
			kind,
			reason: reason ?? null,
			atMs: expect.closeTo(Date.parse(event.occurred), 0),
		});
	});

	test("is that of its newest pod, which may go on", async () => {
		const [restarted, moved] = [addRun(), addRun()];
		stub.store(podEvent(restarted, "failed", 2 * minuteMs), podEvent(restarted, "running", minuteMs));
		stub.store(podEvent(moved, "failed", minuteMs), podEvent(moved, "running", 2 * minuteMs));
		const [first, second] = await circumstancesOf(restarted, moved);
		expect([first?.podEnd, second?.podEnd?.kind]).toEqual([null, "failed"]);
	});

	test("is not that of another run, nor of a time long before its last beat, nor what cannot be read", async () => {
		const [run, other] = [addRun(), addRun()];
		stub.store(podEvent(other, "failed", minuteMs), podEvent(run, "failed", 16 * minuteMs));
		stub.store({ ...podEvent(run, "failed", minuteMs), related: [] });
		stub.store({ ...podEvent(run, "failed", minuteMs), event: "prefect.kubernetes.job.failed" });
		const [found] = await circumstancesOf(run);
		expect(found?.podEnd).toBeNull();
	});

	test("may have come before its last beat by the observer's clock", async () => {
		const run = addRun();
		stub.store(podEvent(run, "failed", 14 * minuteMs));
		expect((await circumstancesOf(run))[0]?.podEnd?.kind).toBe("failed");
	});
});

describe("the workers of a run's pool", () => {
	test.each([
		[["OFFLINE", "OFFLINE"], true],
		[["OFFLINE", "ONLINE"], false],
		[[], false],
	])("%j: offline is %s", async (workers, isOffline) => {
		stub.workers.set("k8s", workers);
		expect((await circumstancesOf(addRun({ work_pool_name: "k8s" })))[0]?.workersOffline).toBe(isOffline);
	});
});

describe("the limits that a run counts against", () => {
	const global = { limit: 2, active_slots: 1, active: true };

	test("are those of its pool, deployment, queue and the tags of its running tasks", async () => {
		const run = addRun({ deployment_id: someDeployment.id, work_pool_name: "k8s" });
		const facts = { global_concurrency_limit: global, work_pool_name: "k8s", work_queue_name: "default" };
		stub.limits.deployments.set(someDeployment.id, facts);
		stub.limits.workPools.push({ name: "k8s", concurrency_limit: 5, active_slots: 4 });
		stub.limits.workQueues.set("k8s", [
			{ name: "default", concurrency_limit: 3 },
			{ name: "other", concurrency_limit: 1 },
		]);
		stub.limits.named.push(
			{ name: "tag:db", limit: 2, active_slots: 2, active: true },
			{ name: "tag:off", limit: 2, active_slots: 2, active: false },
			{ name: "db", limit: 1, active_slots: 1, active: true },
		);
		for (const tags of [["db", "off", "untold"], ["db"]]) {
			stub.taskRuns.push({
				id: crypto.randomUUID(),
				flow_run_id: run.id,
				state: { timestamp: isoMicros(Date.now() - 30 * minuteMs) },
				tags,
			});
		}
		expect((await circumstancesOf(run))[0]?.slots).toEqual([
			{ kind: "work_pool", name: "k8s", limit: 5, taken: 4 },
			{ kind: "deployment", name: someDeployment.name, limit: 2, taken: 1 },
			{ kind: "work_queue", name: "default", limit: 3, taken: null },
			{ kind: "tag", name: "db", limit: 2, taken: 2 },
		]);
	});

	test("are asked for by the tags of running tasks only where a tag has a limit", async () => {
		const run = addRun();
		const ofRunningTasks = (): number =>
			stub.requestsTo("/task_runs/filter").filter(({ body }) => body?.task_runs !== undefined).length;
		stub.limits.named.push({ name: "db", limit: 1, active_slots: 1, active: true });
		await circumstancesOf(run);
		expect(ofRunningTasks()).toBe(0);
		stub.limits.named.push({ name: "tag:db", limit: 1, active_slots: 1, active: true });
		clock.pass(minuteMs);
		await circumstancesOf(run);
		expect(ofRunningTasks()).toBe(1);
	});

	test.each([
		["none", {}, []],
		["one that is switched off", { global_concurrency_limit: { ...global, active: false } }, []],
		["an older server's", { concurrency_limit: 4 }, [{ kind: "deployment", name: "nightly", limit: 4, taken: null }]],
	])("of a deployment: %s", async (_, facts, slots) => {
		stub.limits.deployments.set(someDeployment.id, facts);
		expect((await circumstancesOf(addRun({ deployment_id: someDeployment.id })))[0]?.slots).toEqual(slots);
	});

	test("are none where pool, queue and deployment have none, or are unknown", async () => {
		const facts = { work_pool_name: "k8s", work_queue_name: "default" };
		stub.limits.deployments.set(someDeployment.id, facts);
		stub.limits.workPools.push({ name: "k8s", concurrency_limit: null });
		const runs = [someDeployment.id, crypto.randomUUID()].map((id) =>
			addRun({ deployment_id: id, work_pool_name: "k8s" }),
		);
		expect((await circumstancesOf(...runs)).map((found) => found?.slots)).toEqual([[], []]);
	});
});

describe("runs that wait", () => {
	test("are those that are late or await a slot, of the same deployment and of the same pool", async () => {
		const mine = { deployment_id: someDeployment.id, work_pool_name: "k8s" };
		const run = addRun(mine);
		for (const state_name of ["Late", "AwaitingConcurrencySlot", "Scheduled"]) {
			addRun({ ...mine, state_type: "SCHEDULED", state_name });
			addRun({ work_pool_name: "k8s", state_type: "SCHEDULED", state_name });
			addRun({ state_type: "SCHEDULED", state_name });
		}
		expect((await circumstancesOf(run))[0]?.waiting).toEqual({ deployment: 2, workPool: 4 });
	});

	test("are not known of a run without deployment and pool", async () => {
		expect(await circumstancesOf(addRun())).toEqual([nothing]);
	});
});

describe("the extra questions", () => {
	const sidePaths = /\/(?:count|queues\/filter|work_pools\/filter|workers\/filter|concurrency_limits\/filter)$/u;
	const sideRequests = (): number => stub.requests.filter(({ path }) => sidePaths.test(path)).length;

	test("are put when a verdict is due, and not before, nor about what has ended or is unknown", async () => {
		const run = addRun({ work_pool_name: "k8s" });
		const ended = stub.addRun({ type: "COMPLETED" });
		for (const stage of ["identify", "missed", "suspect", "eve"] as const) {
			const { answers } = await client.api.answer([inquiryAbout(run.id, stage)], client.signal);
			expect(answers[0]?.circumstances).toBeNull();
		}
		await client.api.answer([inquiryAbout(ended.id), inquiryAbout(crypto.randomUUID())], client.signal);
		expect(sideRequests()).toBe(0);
		expect((await circumstancesOf(run))[0]).not.toBeNull();
		expect(sideRequests()).toBeGreaterThan(0);
	});

	test("are put once a minute for a pool, however many of its runs are judged", async () => {
		const [first, second, third] = [1, 2, 3].map(() => addRun({ work_pool_name: "k8s" })) as [
			RunJson,
			RunJson,
			RunJson,
		];
		await circumstancesOf(first, second);
		const asked = sideRequests();
		expect(stub.requestsTo("/flow_runs/count")).toHaveLength(1);
		clock.pass(minuteMs - 1);
		expect((await circumstancesOf(third))[0]?.waiting.workPool).toBe(0);
		expect(sideRequests()).toBe(asked);
		clock.pass(1);
		await circumstancesOf(third);
		expect(sideRequests()).toBe(2 * asked);
	});

	test("are ten a round at most: what there is no room for is not known, and every run is answered", async () => {
		const runs = Array.from({ length: 30 }, (_, n) => addRun({ work_pool_name: `pool ${n}` }));
		stub.store(podEvent(runs[29]!, "failed", minuteMs));
		const found = await circumstancesOf(...runs);
		expect(sideRequests()).toBe(9);
		expect(found[29]?.podEnd?.kind).toBe("failed");
		expect(found.every((one) => one?.waiting.workPool === null)).toBe(true);
	});

	test("are sixty a minute at most", async () => {
		for (let round = 0; round < 10; round++) {
			await circumstancesOf(...Array.from({ length: 10 }, (_, n) => addRun({ work_pool_name: `pool ${round} ${n}` })));
		}
		const ofPods = (): number =>
			stub.requests.filter(({ body }) => (body?.filter as { related?: unknown } | undefined)?.related !== undefined)
				.length;
		expect(sideRequests() + ofPods()).toBe(60);
		clock.pass(minuteMs);
		await circumstancesOf(addRun({ work_pool_name: "last" }));
		expect(sideRequests()).toBeGreaterThan(54);
		expect(ofPods()).toBe(7);
	});

	test.each([403, 404, 405, 422, 500, 503])(
		"that are answered with %i are not known, and no failure of REST",
		async (status) => {
			stub.limits.named.push({ name: "tag:db", limit: 2, active_slots: 2, active: true });
			stub.planAnswer({ path: sidePaths, status, times: 100 });
			const run = addRun({ deployment_id: someDeployment.id, work_pool_name: "k8s" });
			expect(await circumstancesOf(run)).toEqual([nothing]);
			expect(client.failures).toBe(0);
			// Once each: nobody waits for a second try.
			expect(stub.requestsTo("/flow_runs/count")).toHaveLength(2);
		},
	);

	test("that are answered with nonsense are not known", async () => {
		stub.planAnswer({ path: sidePaths, status: 200, body: "<html>", times: 100 });
		expect(await circumstancesOf(addRun({ work_pool_name: "k8s" }))).toEqual([nothing]);
		expect(client.failures).toBe(0);
	});

	test("put off no verdict by more than 3 s: then what is known is told, and nothing is asked for a minute", async () => {
		const run = addRun({ work_pool_name: "k8s" });
		stub.store(podEvent(run, "failed", minuteMs));
		stub.silentPath = /workers\/filter$/u;
		const answer = circumstancesOf(run);
		await stub.until(
			() => stub.requests.some(({ path }) => path.endsWith("/workers/filter")),
			"workers are asked after",
		);
		clock.pass(2_999);
		expect(clock.sleepers).toBe(1);
		clock.pass(1);
		expect((await answer)[0]?.podEnd?.kind).toBe("failed");
		stub.silentPath = null;
		const asked = sideRequests();
		clock.pass(minuteMs - 1);
		expect(await circumstancesOf(run)).toEqual([nothing]);
		expect(sideRequests()).toBe(asked);
		clock.pass(1);
		expect((await circumstancesOf(run))[0]?.podEnd?.kind).toBe("failed");
		expect(clock.sleepers).toBe(0);
	});

	test("are given up when zombied is stopped", async () => {
		const run = addRun({ work_pool_name: "k8s" });
		stub.silentPath = /workers\/filter$/u;
		const stop = new AbortController();
		const answer = client.api.answer([inquiryAbout(run.id)], stop.signal);
		await stub.until(
			() => stub.requests.some(({ path }) => path.endsWith("/workers/filter")),
			"workers are asked after",
		);
		stop.abort(new Error("stopped"));
		await expect(answer).rejects.toThrow("stopped");
		expect(clock.sleepers).toBe(0);
	});
});
