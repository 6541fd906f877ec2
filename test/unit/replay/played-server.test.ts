import { describe, expect, test } from "vitest";
import { PlayedServer } from "../../../src/replay/played-server.ts";

const runId = "0f8fad5b-d9cb-469f-a165-70867728950e";
const related = [{ "prefect.resource.id": `prefect.flow-run.${runId}`, "prefect.resource.role": "flow-run" }];
const occurred = "2026-05-13T05:01:00.000Z";

function storedEvent(id: string, event: string, more: object): Readonly<Record<string, unknown>> {
	return { id, event, occurred, received: occurred, resource: { "prefect.resource.id": `resource ${id}` }, ...more };
}

describe("what surrounds a run, in a replay", () => {
	const server = new PlayedServer({ runsFromEvents: false, opening: [] });
	for (const event of [
		storedEvent("mine", "prefect.kubernetes.pod.failed", { related }),
		storedEvent("other's", "prefect.kubernetes.pod.failed", { related: [{ "prefect.resource.id": "x" }, null] }),
		storedEvent("nobody's", "prefect.kubernetes.pod.failed", {}),
		storedEvent("its own", "prefect.flow-run.heartbeat", { related }),
	]) {
		server.learn({ at: 0, store: event });
	}

	test("is what the incident has of its pods", () => {
		const filter = {
			event: { prefix: ["prefect.kubernetes.pod."] },
			related: { id: [`prefect.flow-run.${runId}`] },
			order: "DESC",
		};
		expect(server.answer("/events/filter", { filter, limit: 50 })).toMatchObject({ events: [{ id: "mine" }] });
	});

	test.each([
		"/work_pools/filter",
		"/v2/concurrency_limits/filter",
		"/deployments/filter",
		"/work_pools/k8s/workers/filter",
	])("is nothing else: %s", (path) => expect(server.answer(path, { limit: 50 })).toEqual([]));

	test("is nobody who waits", () => {
		expect(server.answer("/flow_runs/count", {})).toBe(0);
	});
});
