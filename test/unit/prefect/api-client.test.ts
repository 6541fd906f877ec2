import { randomUUID } from "node:crypto";
import { describe, expect, test } from "vitest";
import type { Inquiry } from "../../../src/core/input.ts";
import type { RunView } from "../../../src/core/run.ts";
import { pageTokenOf } from "../../../src/prefect/event-pages.ts";
import { ClientUnderTest, collected } from "../../_util/prefect-client.ts";
import { heartbeat, isoMicros, someDeployment, someFlow, stateEvent } from "../../_util/prefect-events.ts";
import { PrefectStub } from "../../_util/prefect-stub.ts";

const hourMs = 3_600_000;

function inquiryAbout(runId: string, beatsSinceMs = Date.now() - hourMs): Inquiry {
	return {
		runId,
		stage: "due",
		condition: "zombie",
		isUnheard: false,
		parentTaskRunId: null,
		basis: { attempt: 1, stateId: null, aliveAtMonoMs: null },
		beatsSinceMs,
	};
}

async function listed(client: ClientUnderTest): Promise<readonly RunView[]> {
	return await collected(client.api.listLiveRuns(client.signal));
}

describe("the listing of live runs", () => {
	test("has every state that a run may go on from, and no other", async () => {
		await using stub = await PrefectStub.start();
		await using client = new ClientUnderTest(stub.url);
		const live = ["PENDING", "RUNNING", "CANCELLING", "PAUSED"].map((type) => stub.addRun({ type }));
		live.push(stub.addRun({ type: "SCHEDULED", stateName: "AwaitingRetry" }));
		stub.addRun({ type: "SCHEDULED" });
		stub.addRun({ type: "SCHEDULED", stateName: "Late" });
		for (const type of ["COMPLETED", "FAILED", "CRASHED", "CANCELLED"]) {
			stub.addRun({ type });
		}
		stub.addRun({ type: "COMPLETED", stateName: "AwaitingRetry" });
		const ids = (await listed(client)).map((view) => view.runId);
		expect(new Set(ids)).toEqual(new Set(live.map((run) => run.id)));
		expect(ids).toHaveLength(live.length);
	});

	test("tells state, run count, ids and names", async () => {
		await using stub = await PrefectStub.start();
		await using client = new ClientUnderTest(stub.url);
		const run = stub.addRun({ atMs: Date.UTC(2026, 10, 1) + 0.123, runCount: 2, deployed: true });
		expect(await listed(client)).toEqual([
			{
				runId: run.id,
				attempt: 2,
				state: {
					id: run.state.id,
					type: "RUNNING",
					name: "Running",
					timestampMs: Date.UTC(2026, 10, 1) + 0.123,
					scheduledTimeMs: null,
					fromRest: true,
				},
				beat: null,
				labels: {
					name: "brave-newt",
					flowId: someFlow.id,
					flowName: "etl",
					deploymentId: someDeployment.id,
					deploymentName: "nightly",
					workPool: null,
					clientVersion: null,
					parentTaskRunId: null,
					parentRunId: null,
					tags: [],
				},
			},
		]);
		await listed(client);
		expect(stub.requestsTo("/flows/filter")).toHaveLength(1);
		expect(stub.requestsTo("/deployments/filter")).toHaveLength(1);
	});

	test("goes on without names when those cannot be had", async () => {
		await using stub = await PrefectStub.start();
		await using client = new ClientUnderTest(stub.url);
		stub.addRun();
		stub.planAnswer({ path: /flows\/filter/u, status: 500 });
		expect(await listed(client)).toMatchObject([{ labels: { flowId: someFlow.id, flowName: null } }]);
		expect(await listed(client)).toMatchObject([{ labels: { flowName: "etl" } }]);
	});

	test("spans pages of 200, each run once", async () => {
		await using stub = await PrefectStub.start();
		await using client = new ClientUnderTest(stub.url);
		for (let index = 0; index < 450; index++) {
			stub.addRun();
		}
		const ids = (await listed(client)).map((view) => view.runId);
		expect(ids).toHaveLength(450);
		expect(new Set(ids)).toEqual(new Set(stub.runs.keys()));
		expect(stub.requestsTo("/flow_runs/filter")).toHaveLength(3);
	});

	test("runs that end while pages are read hide no others", async () => {
		await using stub = await PrefectStub.start();
		await using client = new ClientUnderTest(stub.url);
		for (let index = 0; index < 250; index++) {
			stub.addRun();
		}
		const stay = new Set(stub.runs.keys());
		const seen = new Set<string>();
		for await (const page of client.api.listLiveRuns(client.signal)) {
			for (const view of page) {
				seen.add(view.runId);
			}
			for (const view of page.slice(0, 10)) {
				stub.runs.delete(view.runId);
			}
		}
		expect(seen).toEqual(stay);
	});

	test.each([150, 60, 7, 1])("C11: a server that allows %i a page is adapted to, and stays so", async (most) => {
		await using stub = await PrefectStub.start();
		await using client = new ClientUnderTest(stub.url);
		stub.pageRowsMax = most;
		for (let index = 0; index < 20; index++) {
			stub.addRun();
		}
		expect(await listed(client)).toHaveLength(20);
		expect(await listed(client)).toHaveLength(20);
		expect(stub.requestsTo("/flow_runs/filter").filter((request) => request.status === 422)).toHaveLength(1);
		expect(client.failures).toBe(0);
	});

	test("C11: a server that does not say how many it allows is tried downwards; none at all is a failure", async () => {
		await using stub = await PrefectStub.start();
		await using client = new ClientUnderTest(stub.url);
		const refusal = { path: /flow_runs/u, status: 422, body: { detail: "bad limit" } };
		stub.planAnswer({ ...refusal, times: 2 });
		stub.addRun();
		expect(await listed(client)).toHaveLength(1);
		expect(stub.requestsTo("/flow_runs/filter").map((request) => request.body?.limit)).toEqual([200, 100, 50]);
		stub.planAnswer({ ...refusal, times: 100 });
		await expect(listed(client)).rejects.toMatchObject({ reason: "rejected" });
		expect(client.failures).toBe(1);
	});

	test("a server that ignores the offset does not keep us for ever", async () => {
		await using stub = await PrefectStub.start();
		await using client = new ClientUnderTest(stub.url);
		const rows = Array.from({ length: 200 }, () => stub.addRun());
		stub.planAnswer({ path: /flow_runs/u, status: 200, body: rows, times: 100 });
		expect(await listed(client)).toHaveLength(200);
		expect(stub.requestsTo("/flow_runs/filter")).toHaveLength(2);
	});

	test("a malformed row is counted and skipped, the others used", async () => {
		await using stub = await PrefectStub.start();
		await using client = new ClientUnderTest(stub.url);
		const good = stub.addRun();
		const bad = [{ ...good, id: 7 }, null, "x", { ...good, id: randomUUID(), state: { type: "ZOMBIE" } }];
		stub.planAnswer({ path: /flow_runs/u, status: 200, body: [bad[0], good, ...bad.slice(1)] });
		expect(await listed(client)).toMatchObject([{ runId: good.id }]);
		expect(client.told.told("frameRejected").map(([reason]) => reason)).toEqual(bad.map(() => "malformed_row"));
		expect(client.failures).toBe(0);
	});

	test("T9: a state whose time makes no sense is left out and told; an old one is fine", async () => {
		await using stub = await PrefectStub.start();
		await using client = new ClientUnderTest(stub.url);
		const ahead = stub.addRun({ atMs: Date.now() + 49 * hourMs });
		const old = stub.addRun({ atMs: Date.now() - 400 * 24 * hourMs });
		const views = new Map((await listed(client)).map((view) => [view.runId, view]));
		expect(views.get(ahead.id)?.state).toBeNull();
		expect(views.get(old.id)?.state?.type).toBe("RUNNING");
		expect(client.told.told("anomaly")).toMatchObject([["senseless_time", { runId: ahead.id }]]);
	});
});

describe("answers about runs", () => {
	test("are state and newest stored heartbeat, or that there is no such run", async () => {
		await using stub = await PrefectStub.start();
		await using client = new ClientUnderTest(stub.url);
		const beating = stub.addRun();
		const silent = stub.addRun({ type: "PENDING" });
		const nowMs = Date.now();
		const newest = heartbeat({ runId: beating.id, occurredMs: nowMs - 1_000 });
		stub.store(heartbeat({ runId: beating.id, occurredMs: nowMs - 31_000 }), newest);
		stub.store(stateEvent({ runId: silent.id, type: "PENDING", atMs: nowMs - 500 }));
		const asked = [beating.id, silent.id, randomUUID()].map((id) => inquiryAbout(id));
		const { answers, unanswered } = await client.api.answer(asked, client.signal);
		expect(unanswered).toEqual([]);
		expect(answers).toMatchObject([
			{
				inquiry: asked[0],
				view: { runId: beating.id, state: { type: "RUNNING" } },
				newestBeat: { eventId: newest.id },
			},
			{ inquiry: asked[1], view: { runId: silent.id, state: { type: "PENDING" } }, newestBeat: null },
			{ inquiry: asked[2], view: null, newestBeat: null },
		]);
	});

	test("see the beats of a worker whose clock is a day fast, and none older than asked for", async () => {
		await using stub = await PrefectStub.start();
		await using client = new ClientUnderTest(stub.url);
		const [fast, old] = [stub.addRun(), stub.addRun()];
		stub.store(
			heartbeat({ runId: fast.id, occurredMs: Date.now() + 24 * hourMs, receivedMs: Date.now() }),
			heartbeat({ runId: old.id, occurredMs: Date.now() - 2 * hourMs }),
		);
		const { answers } = await client.api.answer([inquiryAbout(fast.id), inquiryAbout(old.id)], client.signal);
		expect(answers.map((answer) => answer.newestBeat !== null)).toEqual([true, false]);
	});

	test.each(["2099-01-01T00:00:00Z", "9999-01-01T00:00:00Z"])(
		"T9: a beat of %s does not hide the others",
		async (occurred) => {
			await using stub = await PrefectStub.start();
			await using client = new ClientUnderTest(stub.url);
			const run = stub.addRun();
			const sound = heartbeat({ runId: run.id, occurredMs: Date.now() });
			stub.store(sound, { ...heartbeat({ runId: run.id, occurredMs: Date.now() }), occurred });
			const { answers } = await client.api.answer([inquiryAbout(run.id)], client.signal);
			expect(answers).toMatchObject([{ newestBeat: { eventId: sound.id } }]);
		},
	);

	test("C16: the server's clock, hours ahead of ours, hides no beat", async () => {
		await using stub = await PrefectStub.start();
		await using client = new ClientUnderTest(stub.url);
		stub.moveClock(30 * 24 * hourMs);
		const run = stub.addRun();
		stub.store(heartbeat({ runId: run.id, occurredMs: stub.nowMs() }));
		const { answers } = await client.api.answer([inquiryAbout(run.id)], client.signal);
		expect(answers).toMatchObject([
			{ view: { state: { type: "RUNNING" } }, newestBeat: { eventId: expect.any(String) } },
		]);
	});

	test.each([
		[200, 50, 2],
		[20, 50, 4],
		[200, 7, 2],
	])("C11: 80 at once where %i runs and %i events a page are allowed", async (pageRows, eventRows, calls) => {
		await using stub = await PrefectStub.start();
		await using client = new ClientUnderTest(stub.url);
		stub.pageRowsMax = pageRows;
		stub.eventsPageRowsMax = eventRows;
		const runs = Array.from({ length: 80 }, () => stub.addRun());
		stub.store(...runs.map((run) => heartbeat({ runId: run.id, occurredMs: Date.now() })));
		const { answers, unanswered } = await client.api.answer(
			runs.map((run) => inquiryAbout(run.id)),
			client.signal,
		);
		expect(unanswered).toEqual([]);
		expect(answers.map((answer) => answer.view?.runId)).toEqual(runs.map((run) => run.id));
		expect(answers.every((answer) => answer.newestBeat !== null)).toBe(true);
		const asked = stub.requestsTo("/flow_runs/filter").filter((request) => request.status === 200);
		expect(asked).toHaveLength(calls);
	});

	test("a row that cannot be read leaves its run unanswered, never deleted, and costs no other", async () => {
		await using stub = await PrefectStub.start();
		await using client = new ClientUnderTest(stub.url);
		const [good, badRow, badBeat] = [stub.addRun(), stub.addRun(), stub.addRun()];
		stub.planAnswer({ path: /flow_runs/u, status: 200, body: [good, { ...badRow, run_count: "1" }, badBeat] });
		stub.store(heartbeat({ runId: good.id, occurredMs: Date.now() }), {
			...heartbeat({ runId: badBeat.id, occurredMs: Date.now() }),
			id: "no uuid",
		});
		const asked = [good, badRow, badBeat].map((run) => inquiryAbout(run.id));
		const { answers, unanswered } = await client.api.answer(asked, client.signal);
		expect(answers).toMatchObject([{ view: { runId: good.id }, newestBeat: { eventId: expect.any(String) } }]);
		expect(unanswered).toEqual([asked[1], asked[2]]);
		expect(client.told.told("frameRejected")).toHaveLength(2);
	});

	test("a question about no run asks nobody", async () => {
		await using stub = await PrefectStub.start();
		await using client = new ClientUnderTest(stub.url);
		expect(await client.api.answer([], client.signal)).toEqual({ answers: [], unanswered: [] });
		expect(stub.requests).toEqual([]);
	});

	test("the beats asked for are named, filtered and bounded as Prefect needs it", async () => {
		await using stub = await PrefectStub.start();
		await using client = new ClientUnderTest(stub.url);
		const [first, second] = [stub.addRun(), stub.addRun()];
		const sinceMs = Date.now() - 90_000;
		await client.api.answer([inquiryAbout(first.id), inquiryAbout(second.id, sinceMs - hourMs)], client.signal);
		expect(stub.requestsTo("/events/filter")[0]?.body).toMatchObject({
			filter: {
				event: { name: ["prefect.flow-run.heartbeat"] },
				resource: { id: [`prefect.flow-run.${first.id}`, `prefect.flow-run.${second.id}`], distinct: true },
				occurred: { since: isoMicros(sinceMs - hourMs).replace("000Z", "Z") },
				order: "DESC",
			},
			limit: 50,
		});
	});
});

describe("stored events", () => {
	test("C12: come page by page in ascending order from our address, whatever host next_page names", async () => {
		await using stub = await PrefectStub.start();
		await using client = new ClientUnderTest(stub.url);
		const runId = randomUUID();
		const startMs = Date.now() - 1_000_000;
		const events = Array.from({ length: 120 }, (_, index) => heartbeat({ runId, occurredMs: startMs + index * 1_000 }));
		stub.store(...events.toReversed());
		stub.store({ ...heartbeat({ runId, occurredMs: startMs + 1 }), event: "prefect.task-run.Running" });
		const pages = [];
		for await (const page of client.api.storedEvents({ sinceMs: startMs, pagesMax: 10 }, client.signal)) {
			pages.push(page);
		}
		expect(pages.map((page) => [page.events, page.truncated])).toEqual([
			[50, false],
			[50, false],
			[20, false],
		]);
		const seen = pages.flatMap((page) => page.views.map((view) => view.beat?.eventId));
		expect(seen).toEqual(events.map((event) => event.id));
		expect(stub.requests.map((request) => request.path)).toEqual([
			"/api/events/filter",
			"/api/events/filter/next",
			"/api/events/filter/next",
		]);
	});

	test.each([
		[1, 1, true],
		[2, 2, true],
		[3, 3, false],
		[4, 3, false],
	])("with at most %i pages of 3, %i are read (cut short: %s)", async (pagesMax, pagesRead, truncated) => {
		await using stub = await PrefectStub.start();
		await using client = new ClientUnderTest(stub.url);
		const startMs = Date.now() - 1_000_000;
		for (let index = 0; index < 130; index++) {
			stub.store(heartbeat({ runId: randomUUID(), occurredMs: startMs + index }));
		}
		const pages = [];
		for await (const page of client.api.storedEvents({ sinceMs: startMs, pagesMax }, client.signal)) {
			pages.push(page.truncated);
		}
		expect(pages).toHaveLength(pagesRead);
		expect(pages.at(-1)).toBe(truncated);
		expect(pages.slice(0, -1).every((cut) => !cut)).toBe(true);
	});

	test("states, beats and others are told apart, bad rows counted, senseless times told", async () => {
		await using stub = await PrefectStub.start();
		await using client = new ClientUnderTest(stub.url);
		const runId = randomUUID();
		const nowMs = Date.now();
		stub.store(
			heartbeat({ runId, occurredMs: nowMs - 5 }),
			stateEvent({ runId, type: "RUNNING", atMs: nowMs - 4, receivedMs: nowMs + 40 * 24 * hourMs }),
			{ ...heartbeat({ runId, occurredMs: nowMs - 3 }), event: "prefect.flow-run.pull-step.executed" },
			{ ...heartbeat({ runId, occurredMs: nowMs - 2 }), id: "no uuid" },
		);
		const pages = [];
		for await (const page of client.api.storedEvents({ sinceMs: nowMs - 1_000, pagesMax: 9 }, client.signal)) {
			pages.push(page);
		}
		expect(pages).toMatchObject([{ events: 4, views: [{ beat: { occurredMs: nowMs - 5 } }, { state: null }] }]);
		expect(client.told.told("frameRejected")).toHaveLength(1);
		expect(client.told.told("anomaly")).toMatchObject([["senseless_time", { runId }]]);
	});

	test("C11: a server with smaller pages is adapted to", async () => {
		await using stub = await PrefectStub.start();
		await using client = new ClientUnderTest(stub.url);
		stub.eventsPageRowsMax = 20;
		const startMs = Date.now() - 1_000;
		stub.store(...Array.from({ length: 45 }, () => heartbeat({ runId: randomUUID(), occurredMs: startMs })));
		const views = await collected(viewPages(client, startMs - 1));
		expect(views).toHaveLength(45);
		expect(stub.requests.map((request) => request.status)).toEqual([422, 200, 200, 200]);
	});

	test.each([
		["http://elsewhere.example/api/events/filter/next?page-token=YWJj", "YWJj"],
		["/next?x=1&page-token=a+b/c==#end", "a+b/c=="],
		["/next?page-token=a%2Bb%3D", "a+b="],
		["/next?page-token=%zz", "%zz"],
		["/next?token=1", null],
		["", null],
		[null, null],
	])("the token in %j is %j", (nextPage, token) => {
		expect(pageTokenOf(nextPage)).toBe(token);
	});
});

async function* viewPages(client: ClientUnderTest, sinceMs: number): AsyncGenerator<readonly RunView[]> {
	for await (const page of client.api.storedEvents({ sinceMs, pagesMax: 100 }, client.signal)) {
		yield page.views;
	}
}

describe("names", () => {
	test("are asked for once, unknown ids too", async () => {
		await using stub = await PrefectStub.start();
		await using client = new ClientUnderTest(stub.url);
		const ids = { flowIds: [someFlow.id, randomUUID()], deploymentIds: [someDeployment.id] };
		for (let time = 0; time < 2; time++) {
			const names = await client.api.describe(ids, client.signal);
			expect([...names.flowNames]).toEqual([[someFlow.id, "etl"]]);
			expect([...names.deploymentNames]).toEqual([[someDeployment.id, "nightly"]]);
		}
		expect(stub.requests).toHaveLength(2);
	});

	test("more than a page of ids are asked for page by page", async () => {
		await using stub = await PrefectStub.start();
		await using client = new ClientUnderTest(stub.url);
		stub.pageRowsMax = 30;
		const flowIds = Array.from({ length: 70 }, () => randomUUID());
		for (const id of flowIds) {
			stub.flows.set(id, `flow ${id}`);
		}
		const names = await client.api.describe({ flowIds, deploymentIds: [] }, client.signal);
		expect(names.flowNames.size).toBe(70);
	});
});

describe("a pool's workers", () => {
	test.each([
		{ statuses: ["OFFLINE"], offline: true },
		{ statuses: ["OFFLINE", "OFFLINE"], offline: true },
		{ statuses: ["OFFLINE", "ONLINE"], offline: false },
		{ statuses: ["ONLINE"], offline: false },
		{ statuses: [], offline: false },
		{ statuses: ["OFFLINE", "what a later server says"], offline: false },
	])("that are $statuses are all offline: $offline", async ({ statuses, offline }) => {
		await using stub = await PrefectStub.start();
		await using client = new ClientUnderTest(stub.url);
		stub.workers.set("k8s & friends?", statuses);
		expect(await client.api.areWorkersOffline("k8s & friends?", client.signal)).toBe(offline);
		expect(client.told.told("apiAnswered")).toEqual([["workers"]]);
	});

	test.each([403, 404])(
		"of a pool about which the server answers %i prove nothing, and REST is well",
		async (status) => {
			await using stub = await PrefectStub.start();
			await using client = new ClientUnderTest(stub.url);
			stub.workers.set("p", ["OFFLINE"]);
			stub.planAnswer({ path: /work_pools/u, status, body: [{ status: "OFFLINE" }] });
			expect(await client.api.areWorkersOffline("p", client.signal)).toBe(false);
			expect(client.failures).toBe(0);
			expect(client.answers).toHaveLength(1);
			expect(await client.api.areWorkersOffline("p", client.signal)).toBe(true);
		},
	);

	test("that cannot be asked about are a failure of REST", async () => {
		await using stub = await PrefectStub.start();
		await using client = new ClientUnderTest(stub.url);
		stub.planAnswer({ path: /work_pools/u, status: 500 });
		await expect(client.api.areWorkersOffline("p", client.signal)).rejects.toThrow("500");
		expect(client.failures).toBe(1);
	});
});
