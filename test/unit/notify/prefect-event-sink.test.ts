import { describe, expect, test } from "vitest";
import { type Episode, groupTransitionOf, type Transition } from "../../../src/core/episode.ts";
import { alertLineSchema } from "../../../src/notify/alert-line.ts";
import { toPrefectEvent, workPoolOf } from "../../../src/notify/prefect-event/prefect-event.ts";
import { PrefectEventSink } from "../../../src/notify/prefect-event/prefect-event-sink.ts";
import { type Notice, noticeOf } from "../../../src/notify/sink.ts";
import { EventWriter } from "../../../src/prefect/event-writer.ts";
import { ClientUnderTest } from "../../_util/prefect-client.ts";
import { PrefectStub } from "../../_util/prefect-stub.ts";
import { sampleTransition } from "../../_util/sample-episode.ts";
import { groupOf } from "../../_util/store-samples.ts";

const signal = new AbortController().signal;
const context = { namespace: "prod", uiUrl: (id: string) => `http://prefect.test/runs/flow-run/${id}` };
const closed: Episode["closed"] = { outcome: "ended", atMs: Date.UTC(2026, 7, 1, 12, 9) };
const poolId = "0198a3c4-5555-7222-8333-444455556666";
const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-a[0-9a-f]{3}-[0-9a-f]{12}$/u;

function eventOf(transition: Transition, workPoolId: string | null = null) {
	return toPrefectEvent(noticeOf(transition), workPoolId, context);
}

function sinkFor(client: ClientUnderTest): PrefectEventSink {
	const prefect = new EventWriter(() => client.transport);
	return new PrefectEventSink({ ...context, name: "prefect", wants: () => true, prefect });
}

async function errorOf(sink: PrefectEventSink, ...notices: readonly [Notice, ...Notice[]]): Promise<unknown> {
	return await sink.send(notices, signal).then(
		() => null,
		(error: unknown) => error,
	);
}

describe("D7: an event for Prefect", () => {
	test("has the run as its resource, and as related what Prefect's own events of the run name", () => {
		const labels = { deploymentId: "d-1", deploymentName: "nightly", workPool: "k8s", tags: ["prod", "a\u0000b"] };
		const event = eventOf(sampleTransition({}, labels), poolId);
		expect(event).toMatchObject({
			event: "zombied.flow-run.zombie",
			occurred: "2026-08-01T12:01:50.000Z",
			resource: {
				"prefect.resource.id": "prefect.flow-run.0198a3c4-1111-7222-8333-444455556666",
				"prefect.resource.name": "calm-otter",
			},
			follows: null,
		});
		expect(event.related).toEqual([
			{ "prefect.resource.id": "prefect.flow.f-1", "prefect.resource.name": "etl", "prefect.resource.role": "flow" },
			{
				"prefect.resource.id": "prefect.deployment.d-1",
				"prefect.resource.name": "nightly",
				"prefect.resource.role": "deployment",
			},
			{
				"prefect.resource.id": `prefect.work-pool.${poolId}`,
				"prefect.resource.name": "k8s",
				"prefect.resource.role": "work-pool",
			},
			{ "prefect.resource.id": "prefect.tag.prod", "prefect.resource.role": "tag" },
			{ "prefect.resource.id": "prefect.tag.a\\u{0}b", "prefect.resource.role": "tag" },
		]);
		expect(alertLineSchema.parse(event.payload)).toMatchObject({ event: "alert.raised", tags: ["prod", "a\\u{0}b"] });
	});

	test("has no name that Prefect's own events of runs have: it would be a sign of life", () => {
		for (const transition of [sampleTransition(), groupTransitionOf(groupOf("g"), "default")])
			expect(eventOf(transition).event).not.toMatch(/^prefect\./u);
	});

	test("has one id in every retry, and another when it is over", () => {
		const raised = eventOf(sampleTransition());
		const resolved = eventOf(sampleTransition({ closed }));
		expect(eventOf(sampleTransition()).id).toBe(raised.id);
		expect(raised.id).toMatch(uuid);
		expect(resolved.id).toMatch(uuid);
		expect(resolved.id).not.toBe(raised.id);
		expect(resolved).toMatchObject({
			event: "zombied.flow-run.zombie.resolved",
			occurred: "2026-08-01T12:09:00.000Z",
			resource: raised.resource,
			payload: { event: "alert.resolved", outcome: "ended" },
		});
	});

	test("of a group has a resource of its own, and no run that an action could take for the one that is meant", () => {
		const raised = eventOf(groupTransitionOf(groupOf("g-1"), "default"), poolId);
		expect(raised).toMatchObject({
			event: "zombied.group-incident",
			resource: { "prefect.resource.id": "zombied.group-incident.g-1", "prefect.resource.name": "k8s" },
			related: [{ "prefect.resource.id": `prefect.work-pool.${poolId}`, "prefect.resource.role": "work-pool" }],
		});
		expect(JSON.stringify(raised.related)).not.toContain("flow-run");
		expect(raised.payload).toMatchObject({ event: "group.raised", run_ids: groupOf("g-1").runIds });
		const over = groupOf("g-1", { closed: { outcome: "recovered", atMs: 1_790_000_060_000 } });
		expect(eventOf(groupTransitionOf(over, "default")).event).toBe("zombied.group-incident.resolved");
		const everything = groupTransitionOf(groupOf("g-2", { groupKind: "everything", group: "everything" }), "default");
		expect(workPoolOf(noticeOf(everything))).toBeNull();
	});

	test("keeps to Prefect's bounds, whatever the texts: 100 related resources, 1.5 MB", () => {
		const long = "x".repeat(100_000);
		const tags = Array.from({ length: 1000 }, (_, n) => `${n}${long}`);
		const labels = { name: long, flowName: long, deploymentId: "d", deploymentName: long, workPool: long, tags };
		const event = eventOf(sampleTransition({ reason: long, stateName: long }, labels), poolId);
		expect(event.related).toHaveLength(93);
		expect(JSON.stringify(event).length).toBeLessThan(300_000);
	});
});

describe("the sink of Prefect events", () => {
	test("posts through the daemon's own connection: credentials, CSRF token, one request for many", async () => {
		await using stub = await PrefectStub.start({ authString: "admin:pw", csrf: true });
		stub.planAnswer({ path: /\/work_pools\/k8s%20a$/u, status: 200, body: { id: poolId } });
		await using client = new ClientUnderTest(stub.url, {}, { authString: "admin:pw" });
		const sink = sinkFor(client);
		const pooled = { workPool: "k8s a" };
		await sink.send([noticeOf(sampleTransition({}, pooled)), noticeOf(sampleTransition({ closed }, pooled))], signal);
		await sink.send([noticeOf(sampleTransition({ closed }, pooled))], signal);
		const posts = stub.requestsTo("/events").filter(({ status }) => status === 204);
		expect(posts.map(({ body }) => (body as unknown as { event: string }[]).map(({ event }) => event))).toEqual([
			["zombied.flow-run.zombie", "zombied.flow-run.zombie.resolved"],
			["zombied.flow-run.zombie.resolved"],
		]);
		expect(JSON.stringify(posts[1]?.body)).toContain(`prefect.work-pool.${poolId}`);
		expect(stub.requestsTo("/work_pools/k8s%20a")).toHaveLength(1);
	});

	test("leaves a work pool out that the server does not know", async () => {
		await using stub = await PrefectStub.start();
		await using client = new ClientUnderTest(stub.url);
		expect(await errorOf(sinkFor(client), noticeOf(sampleTransition({}, { workPool: "gone" })))).toBeNull();
		expect(JSON.stringify(stub.requestsTo("/events")[0]?.body)).not.toContain("prefect.work-pool");
	});

	test.each([
		[503, true],
		[429, true],
		[422, false],
		[404, false],
	])("is tried again by its rules alone: %i may pass: %s, and says nothing about REST", async (status, retryable) => {
		await using stub = await PrefectStub.start();
		stub.planAnswer({ path: /\/events$/u, status, body: { detail: "limit of 3" } });
		await using client = new ClientUnderTest(stub.url);
		expect(await errorOf(sinkFor(client), noticeOf(sampleTransition()))).toMatchObject({ name: "ApiError", retryable });
		expect(stub.requestsTo("/events")).toHaveLength(1);
		expect(client.failures).toBe(0);
	});
});
