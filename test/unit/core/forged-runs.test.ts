import { describe, expect, it } from "vitest";
import type { Inquiry } from "../../../src/core/input.ts";
import { noLabels, type RunLabels, type RunView } from "../../../src/core/run.ts";
import { expectOnTime, raisedOf, started } from "../../_util/core-scenario.ts";
import { epochMs, uuid } from "../../_util/core-server.ts";
import { minute, second, World } from "../../_util/core-world.ts";
import { timesOf } from "../../robustness/extent.ts";

/** In the soak a million in ten minutes; otherwise the limit is as much smaller as the flood. */
const runsMax = timesOf({ short: 2_000, long: 100_000 });
const idsASecond = timesOf({ short: 100, long: 1_667 });
const floodSeconds = 600;

/** A heartbeat of a run that there is not. */
function madeUpBeat(world: World, id: number, labels: Partial<RunLabels> = {}): RunView {
	const atMs = epochMs + world.nowMs;
	const beat = { eventId: uuid(8, id), occurredMs: atMs, receivedMs: atMs };
	return { runId: uuid(7, id), attempt: null, state: null, beat, labels: { ...noLabels, ...labels } };
}

/** That it has begun to run. */
function madeUpStart(world: World, id: number): RunView {
	const when = { timestampMs: epochMs + world.nowMs, scheduledTimeMs: null, fromRest: false };
	const state = { id: uuid(6, id), type: "RUNNING", name: "Running", ...when } as const;
	return { ...madeUpBeat(world, id), attempt: 1, state, beat: null };
}

/** Whoever may emit events has sent these. */
function forge(world: World, views: Iterable<RunView>): void {
	for (const view of views) {
		world.tracker.apply({ kind: "event", at: world.now, view, receivedMs: epochMs + world.nowMs });
	}
	world.apply({ kind: "stream_heard", at: world.now });
}

/** New ids for so long, from now on. @returns how many there were so far */
function flood(world: World, seconds: number, viewOf: (id: number) => RunView): () => number {
	let ids = 0;
	for (let turn = 1; turn <= seconds; turn += 1) {
		world.at(world.nowMs + turn * second, () => {
			const views = Array.from({ length: idsASecond }, (_, index) => viewOf(ids + index));
			ids += idsASecond;
			forge(world, views);
		});
	}
	return () => ids;
}

const isMadeUp = ({ runId }: Inquiry): boolean => runId.startsWith("00000007");

describe("R10: of ids that are made up by the million", () => {
	it.each([
		{ what: "heartbeats", viewOf: madeUpBeat },
		{ what: "beginnings", viewOf: madeUpStart },
	])(
		"$what take bounded room, and real runs among them keep their verdicts",
		({ viewOf }) => {
			const world = new World({ settings: { unconfirmedRunsMax: runsMax } });
			started(world, "healthy");
			const doomed = started(world, "doomed");
			const ids = flood(world, floodSeconds, (id) => viewOf(world, id));
			const beginMs = world.nowMs;
			world.at(beginMs + 2 * minute, () => world.server.start(world.nowMs, { name: "late" }));
			world.at(beginMs + 4 * minute, () => world.server.kill(doomed));
			let most = 0;
			while (world.nowMs < beginMs + floodSeconds * second) {
				world.run(world.nowMs + 10 * second);
				most = Math.max(most, world.tracker.unconfirmedRuns);
			}
			expect(most).toBe(runsMax);
			expect(world.dropped).toBeGreaterThan(ids() / 4);
			expectOnTime(raisedOf(world, "doomed")[0]?.episode);
			expect(world.tracker.census.beating).toBe(3);
			// The server is asked about them, and knows none.
			expect(world.asked.filter(({ inquiry }) => isMadeUp(inquiry)).length).toBeGreaterThan(20 * floodSeconds);
			world.run(world.nowMs + 10 * minute);
			expect(world.story).toEqual(["doomed raised"]);
		},
		600_000,
	);

	it("one that is heard of comes back, and one that REST has told of is none", () => {
		const world = new World({ settings: { unconfirmedRunsMax: 2 } });
		world.run(minute);
		forge(
			world,
			[1, 2].map((id) => madeUpBeat(world, id)),
		);
		expect([world.tracker.unconfirmedRuns, world.dropped]).toEqual([2, 0]);
		world.run(world.nowMs + second);
		// The first is heard of again, so that the second goes.
		forge(
			world,
			[1, 3].map((id) => madeUpBeat(world, id)),
		);
		expect([world.tracker.unconfirmedRuns, world.evicted]).toEqual([2, [uuid(7, 2)]]);
		const real = Array.from({ length: 10 }, (_, run) => world.server.start(world.nowMs, { name: `real${run}` }));
		world.run(world.nowMs + 2 * minute);
		expect(world.tracker.census.beating).toBe(real.length);
		expect(world.story).toEqual([]);
	});

	it("those with endless labels leave sooner", () => {
		const world = new World();
		world.run(minute);
		const tags = Array.from({ length: 100 }, (_, tag) => `${tag}`.padEnd(512, "x"));
		const views = Array.from({ length: 1_400 }, (_, id) => madeUpBeat(world, id, { tags }));
		forge(world, views.slice(0, 1_300));
		expect(world.dropped).toBe(0);
		forge(world, views.slice(1_300));
		expect(world.dropped).toBeGreaterThan(50);
	});
});
