import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { SimEvent } from "../../_util/core-server.ts";
import { hour, minute, second, World } from "../../_util/core-world.ts";

/** What becomes of one event on its way: how often it is delivered, and how late. */
interface Fate {
	readonly delaysMs: readonly number[];
}

const prompt = fc.constant<Fate>({ delaysMs: [20] });
const reordered = fc.integer({ min: 0, max: 120 * second }).map((ms): Fate => ({ delaysMs: [ms] }));
const duplicated = fc
	.tuple(fc.integer({ min: 0, max: 120 * second }), fc.integer({ min: 0, max: 120 * second }))
	.map((delaysMs): Fate => ({ delaysMs }));
const late = fc.integer({ min: 120 * second, max: 2 * hour }).map((ms): Fate => ({ delaysMs: [ms] }));
const fates = fc.array(
	fc.oneof(
		{ arbitrary: prompt, weight: 60 },
		{ arbitrary: reordered, weight: 33 },
		{ arbitrary: duplicated, weight: 5 },
		{ arbitrary: late, weight: 2 },
	),
	{ minLength: 60, maxLength: 60 },
);

/** Runs of each kind, over before the lateness ends: the same log every time, whatever its delivery. */
function played(fateOf: (event: SimEvent, index: number) => Fate): World {
	const world = new World({ tickMs: 5 * second });
	let index = 0;
	world.transit = (event) => {
		index += 1;
		return fateOf(event, index).delaysMs;
	};
	world.run(20 * second);
	const start = (name: string, cadenceMs = 30 * second) => world.server.start(world.nowMs, { name, cadenceMs });
	const { server } = world;
	const killed = start("killed");
	const cancelling = start("cancelling");
	const completed = start("completed");
	const retried = start("retried");
	const resumed = start("resumed");
	const overwritten = start("overwritten");
	world.at(3 * minute, () => {
		server.kill(killed);
		server.setState(cancelling, world.nowMs, "CANCELLING");
		server.kill(cancelling);
		server.awaitRetry(retried, world.nowMs);
		server.pause(resumed, world.nowMs);
		server.end(overwritten, world.nowMs, "CRASHED");
	});
	world.at(4 * minute, () => {
		server.run(retried, world.nowMs);
		server.resume(resumed, world.nowMs);
		server.end(overwritten, world.nowMs, "COMPLETED");
		server.end(completed, world.nowMs, "FAILED", "Running");
	});
	world.at(6 * minute, () => {
		server.end(resumed, world.nowMs, "COMPLETED");
		server.kill(retried);
	});
	world.run(2 * hour + 15 * minute);
	return world;
}

/**
 * Without what a stronger condition took over: a run whose silence could not be heard for a while is truly stuck in
 * CANCELLING before it is known to be dead, and whether it comes to that is a matter of when, not of what.
 */
function lastingOf(world: World): World["told"] {
	const superseded = new Set(
		world.told.flatMap(({ transition: { episode } }) =>
			episode.closed?.outcome === "superseded" ? episode.alertId : [],
		),
	);
	return world.told.filter(({ transition }) => !superseded.has(transition.episode.alertId));
}

function outcomeOf(world: World): unknown {
	return {
		runs: [...world.server.runs.values()].map((run) => {
			// An ended run may have left memory; then the store's row stands.
			const row = world.tracker.stored.takeRun(run.id, world.now)?.row ?? world.storedRow(run.id);
			return { name: run.labels.name, state: row?.state?.id, attempt: row?.attempt, endedAtMs: row?.endedAtMs };
		}),
		verdicts: lastingOf(world)
			.map(({ name, what, transition }) => `${name} ${what} ${transition.key}`)
			.toSorted(),
	};
}

describe("duplicates, reordering up to 120 s and lateness up to 2 h (T11)", () => {
	const ordered = outcomeOf(played(() => ({ delaysMs: [20] })));

	it("the ordered log itself has the verdicts that it should", () => {
		const world = played(() => ({ delaysMs: [20] }));
		expect(world.story.toSorted()).toEqual(["cancelling raised", "killed raised", "retried raised"]);
		expect(outcomeOf(world)).toEqual(ordered);
	});

	it("end in the state, attempt and verdicts of the ordered log", { timeout: 300_000 }, () => {
		fc.assert(
			fc.property(fates, (drawn) => {
				expect(outcomeOf(played((_, index) => drawn[index % drawn.length]!))).toEqual(ordered);
			}),
			{ numRuns: 1_000 },
		);
	});
});
