import { describe, expect, it } from "vitest";
import type { Circumstances } from "../../../src/core/circumstances.ts";
import { sentencesOf } from "../../../src/core/explanation-text.ts";
import { raisedOf, started } from "../../_util/core-scenario.ts";
import { hour, minute, World } from "../../_util/core-world.ts";

const known: Circumstances = {
	podEnd: { kind: "out_of_memory", reason: "OOMKilled", atMs: Date.UTC(2026, 7, 1, 0, 30, 7) },
	workersOffline: true,
	slots: [{ kind: "work_pool", name: "k8s", limit: 5, taken: 5 }],
	waiting: { deployment: null, workPool: 3 },
};
const cause = "pod out of memory at 00:30:07 UTC: OOMKilled";

/** One run of work pool k8s dies after half an hour, another lives. */
function worldWithADeath(circumstances: Circumstances | null): World {
	const world = new World();
	const dead = started(world, "dead", { workPool: "k8s" });
	started(world, "alive", { workPool: "k8s" });
	if (circumstances !== null) world.server.circumstances.set("dead", circumstances);
	world.at(30 * minute, () => world.server.kill(dead));
	world.run(hour);
	return world;
}

function explained(world: World): readonly string[] {
	const { runId } = raisedOf(world, "dead")[0]!.episode;
	return sentencesOf(world.tracker.inspection.explain(runId, world.now)!, world.now.wallMs);
}

describe("what surrounds a run", () => {
	it("is told with the verdict, and explained while it is flagged", () => {
		const world = worldWithADeath(known);
		const { episode } = raisedOf(world, "dead")[0]!;
		const impact = { slots: known.slots, waiting: known.waiting };
		expect(episode.evidence).toMatchObject({ likelyCause: cause, impact });
		const sentences = explained(world);
		expect(sentences).toContain(`Likely cause: ${cause}.`);
		expect(sentences).toContain(
			"Blast radius when it was flagged: it holds a slot of work pool k8s (5 of 5 taken); runs late or waiting for a slot: 3 of its work pool.",
		);
	});

	it("makes no verdict earlier or later, and is null where nothing could be had", () => {
		const [without, with_] = [worldWithADeath(null), worldWithADeath(known)];
		expect(raisedOf(without, "dead").map(({ atMs }) => atMs)).toEqual(raisedOf(with_, "dead").map(({ atMs }) => atMs));
		expect(raisedOf(without, "dead")[0]!.episode.evidence).toMatchObject({ likelyCause: null, impact: null });
		expect(explained(without).join()).not.toMatch(/Likely cause|Blast radius/u);
	});

	it("is the company of the pool's other dead of the hour, when nothing closer is known", () => {
		const world = new World();
		const dying = ["first", "second", "third"].map((name) => started(world, name, { workPool: "k8s" }));
		// So that three dead are no mass lapse.
		for (let n = 0; n < 20; n++) started(world, `alive ${n}`, { workPool: "k8s" });
		for (const [n, run] of dying.entries()) world.at((30 + 10 * n) * minute, () => world.server.kill(run));
		world.run(hour);
		const causes = ["first", "second", "third"].map((name) => raisedOf(world, name)[0]!.episode.evidence.likelyCause);
		expect(causes).toEqual([null, null, "2 other runs of work pool k8s fell silent within an hour of it"]);
	});

	it("is the company of the group incident that it fell silent in", () => {
		const world = new World();
		const dying = Array.from({ length: 4 }, (_, n) => started(world, `dead ${n}`, { workPool: "k8s" }));
		for (let n = 0; n < 8; n++) started(world, `alive ${n}`, { workPool: `other ${n}` });
		world.at(30 * minute, () => {
			for (const run of dying) world.server.kill(run);
		});
		world.run(hour);
		const causes = dying.map(({ labels }) => raisedOf(world, labels.name!)[0]!.episode.evidence.likelyCause);
		expect(new Set(causes)).toEqual(new Set(["3 other runs of work pool k8s fell silent together with it"]));
	});
});
