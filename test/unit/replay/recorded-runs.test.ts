import { randomUUID } from "node:crypto";
import { describe, expect, test } from "vitest";
import { OpeningRuns } from "../../../src/replay/recorded-runs.ts";
import { heartbeat, someFlow, stateEvent } from "../../_util/prefect-events.ts";

const runId = "a0000000-0000-4000-8000-000000000001";
const startsMs = Date.UTC(2026, 7, 1);
const deploymentId = "d0000000-0000-4000-8000-000000000001";

function openingOf(...events: readonly unknown[]) {
	const opening = new OpeningRuns();
	for (const event of events) opening.learn(event);
	return opening.runsAt(startsMs);
}

const beat = (minute: number) =>
	heartbeat({ runId, occurredMs: startsMs + minute * 60_000, deploymentId, tags: ["nightly"] });
const state = (type: string, minute: number, runCount = 1) =>
	stateEvent({ runId, type, atMs: startsMs + minute * 60_000, runCount });

describe("a run was under way before a recording", () => {
	test("when it beats twice before any state: RUNNING, with what its heartbeats name", () => {
		expect(openingOf(beat(1), beat(2), beat(3))).toEqual([
			{
				id: runId,
				name: "brave-newt",
				flow_id: someFlow.id,
				deployment_id: deploymentId,
				work_pool_name: null,
				tags: ["nightly"],
				run_count: 1,
				state_id: expect.stringMatching(/^[0-9a-f-]{36}$/u),
				state_type: "RUNNING",
				state_name: "Running",
				state_timestamp: "2026-08-01T00:00:00.000Z",
				scheduled_time: null,
			},
		]);
	});

	test.each(["COMPLETED", "CRASHED", "CANCELLING", "SCHEDULED"])(
		"when it beats and then goes on to %s, in the attempt that this state names",
		(type) => {
			expect(openingOf(beat(1), state(type, 2, 3))).toMatchObject([{ state_type: "RUNNING", run_count: 3 }]);
		},
	);

	test.each([
		["a lone heartbeat, which may be the last of a run that has ended", [beat(1)]],
		["the same heartbeat twice", [beat(1)].flatMap((one) => [one, one])],
		["a heartbeat that came ahead of RUNNING", [beat(1), state("RUNNING", 1), beat(2)]],
		["one that begins in it", [state("PENDING", 0), state("RUNNING", 1), beat(1), beat(2)]],
		["one that ends and then beats", [state("COMPLETED", 0), beat(1), beat(2)]],
		["what is no event of a run", [{ id: randomUUID(), event: "prefect.work-queue.ready" }, "text", null]],
	])("not by %s", (_what, events) => {
		expect(openingOf(...events)).toEqual([]);
	});
});
