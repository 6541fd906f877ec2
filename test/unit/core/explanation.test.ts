import { describe, expect, it } from "vitest";
import type { Explanation } from "../../../src/core/explanation.ts";
import { sentencesOf } from "../../../src/core/explanation-text.ts";
import { dies, started } from "../../_util/core-scenario.ts";
import type { SimRun } from "../../_util/core-server.ts";
import { hour, minute, second, World } from "../../_util/core-world.ts";

function explained(world: World, run: SimRun): Explanation {
	const explanation = world.tracker.inspection.explain(run.id, world.now);
	if (explanation === null) throw new Error("the run is not in memory");
	return explanation;
}

/** The explanation's sentences, and how the run stands. */
function told(world: World, run: SimRun): { readonly standing: string; readonly text: string } {
	const explanation = explained(world, run);
	return { standing: explanation.standing, text: sentencesOf(explanation, world.now.wallMs).join("\n") };
}

/** A fleet that beats on, so that one silence is one run's own. */
function withFleet(world: World, runs = 20): readonly SimRun[] {
	return Array.from({ length: runs }, (_, n) => started(world, `fleet-${n}`));
}

describe("how a run stands, and why", () => {
	it("beats: alive, with its cadence, its limit and its silence", () => {
		const world = new World();
		const run = started(world, "r");
		world.run(10 * minute + 20 * second);
		const { standing, text } = told(world, run);
		expect(standing).toBe("beating");
		expect(text).toMatch(
			/^It is alive: RUNNING, last heard of \d+s ago\.\nIt beats every 30s \(learned from its own heartbeats\)/u,
		);
		expect(text).toContain("it may be silent for 1m45s: 3 heartbeats, and 15s to spare.");
		expect(text).not.toMatch(/No verdict|not counted|Rule/u);
	});

	it("has not beaten often enough: the limit of an unknown cadence is told as that", () => {
		const world = new World();
		const run = started(world, "r", { cadenceMs: 10 * minute });
		world.run(3 * minute);
		expect(told(world, run).text).toContain(
			"How often it beats is not known yet; it may be silent for 21m: twice the slowest cadence and 1 minute",
		);
	});

	it("falls silent: overdue, suspect, flagged, and after its end ended", () => {
		const world = new World();
		withFleet(world);
		const run = started(world, "r");
		dies(world, run, 10 * minute);
		const standings = new Set<string>();
		while (world.nowMs < 13 * minute) {
			world.run(world.nowMs + second);
			standings.add(told(world, run).standing);
		}
		expect([...standings].slice(-4)).toEqual(["beating", "overdue", "suspect", "flagged"]);
		expect(told(world, run).text).toMatch(/^It is flagged as zombie: no heartbeat for \d+ s/u);
		world.server.end(run, world.nowMs, "CRASHED");
		world.run(14 * minute);
		expect(told(world, run)).toMatchObject({
			standing: "ended",
			text: expect.stringMatching(/^It has ended: CRASHED\./u),
		});
	});

	it("is suspect or has missed a beat: said in words", () => {
		const world = new World();
		withFleet(world);
		const run = started(world, "r");
		dies(world, run, 10 * minute);
		world.run(10 * minute + 25 * second);
		expect(told(world, run).text).toMatch(/^One heartbeat is missed: RUNNING, last heard of \d+s ago/u);
		world.run(10 * minute + 60 * second);
		expect(told(world, run).text).toMatch(
			/^It is suspect: RUNNING, last heard of .* ago, and may be silent for 1m45s/u,
		);
	});

	it("never beats: unmonitored, and how far it is from being stale", () => {
		const world = new World();
		const run = started(world, "r", { beats: false });
		world.run(2 * hour);
		const { standing, text } = told(world, run);
		expect(standing).toBe("unmonitored");
		expect(text).toMatch(/has never sent a heartbeat.*\nNot yet stale: 1h\d+m\d*s? of 1d\./u);
	});

	it("waits: idle, with what it may yet be accused of", () => {
		const world = new World();
		world.run(minute);
		const run = world.server.submit(world.nowMs, { name: "r" });
		world.run(11 * minute);
		expect(told(world, run)).toMatchObject({
			standing: "idle",
			text: expect.stringMatching(/^It is PENDING: no heartbeats.*\nNot yet stuck_pending: (?:10m|9m59s)\S* of 30m\./u),
		});
	});

	it("waits for too long while nobody can confirm it: due, and why it is not told", () => {
		const world = new World();
		world.run(minute);
		const run = world.server.submit(world.nowMs, { name: "r" });
		world.at(20 * minute, () => {
			world.restUp = false;
		});
		world.run(40 * minute);
		expect(told(world, run).text).toMatch(
			/No verdict now: the server's API does not answer.*\nDue as stuck_pending: 39m\d*s? of 30m; the server is asked/su,
		);
	});

	it("is gone from the server", () => {
		const world = new World();
		const run = started(world, "r");
		world.run(5 * minute);
		run.deleted = true;
		world.server.kill(run);
		world.run(20 * minute);
		expect(told(world, run)).toMatchObject({
			standing: "ended",
			text: expect.stringContaining("does not know it any more"),
		});
	});

	it("is named by a heartbeat alone: its state is being asked for", () => {
		const world = new World();
		const run = started(world, "r");
		world.restUp = false;
		world.stopDaemon();
		world.startDaemon();
		world.run(world.nowMs + 40 * second);
		expect(told(world, run)).toMatchObject({
			standing: "unidentified",
			text: expect.stringContaining("not known yet"),
		});
	});
});

describe("what keeps a verdict back", () => {
	function silentSince(world: World, atMs: number): SimRun {
		withFleet(world);
		const run = started(world, "r");
		dies(world, run, atMs);
		return run;
	}

	it("the socket: blind time is not counted, and its cause is named", () => {
		const world = new World();
		const run = silentSince(world, 10 * minute);
		world.at(10 * minute + 30 * second, () => {
			world.socketUp = false;
			world.restUp = false;
		});
		world.run(13 * minute);
		const { text } = told(world, run);
		expect(text).toMatch(/Silent for \d+m\d*s?, \S+ of it not counted: /u);
		expect(explained(world, run).blindSpans.length).toBeGreaterThan(0);
		world.run(14 * minute);
		world.at(14 * minute, () => {
			world.restUp = true;
		});
		expect(explained(world, run).episode).toBeNull();
	});

	it("REST: without it nothing is told", () => {
		const world = new World();
		const run = silentSince(world, 10 * minute);
		world.at(10 * minute, () => {
			world.restUp = false;
		});
		world.run(13 * minute);
		expect(told(world, run).text).toContain("No verdict now: the server's API does not answer");
	});

	it("a mass lapse: until when it is held, and in which group", () => {
		const world = new World();
		const fleet = withFleet(world, 10);
		for (const run of fleet.slice(0, 6)) dies(world, run, 10 * minute);
		world.run(13 * minute);
		const { text } = told(world, fleet[0]!);
		expect(text).toMatch(
			/No verdict for another \d+m?\d*s?: it fell silent together with others \(group incident \w+\)/u,
		);
		expect(world.tracker.inspection.openGroups.length).toBeGreaterThan(0);
		expect(told(world, fleet[9]!).text).not.toContain("No verdict");
	});

	it("a subflow that is watched: of a dead branch the deepest is told first", () => {
		const world = new World();
		withFleet(world);
		const parent = started(world, "parent");
		const child = started(world, "child", { parent });
		for (const run of [parent, child]) dies(world, run, 10 * minute);
		world.run(13 * minute);
		expect(told(world, parent).text).toContain("No verdict now: a subflow of it is watched");
		expect(told(world, child).standing).toBe("flagged");
	});

	it("over REST alone the silence of everybody else", () => {
		const world = new World();
		const run = started(world, "r");
		world.at(5 * minute, () => {
			world.socketUp = false;
		});
		dies(world, run, 10 * minute);
		world.run(20 * minute);
		expect(told(world, run).text).toContain("works over REST alone, and nobody else has been heard");
	});
});

describe("what a limit is made of", () => {
	it("the operator's threshold, and the rule that it stands in", () => {
		const rules = [{ match: { flow: "nobody" }, k: null, thresholdMs: null, overrunMs: null, off: [] }];
		const own = {
			match: { tag: "sim", flow: undefined },
			k: null,
			thresholdMs: 5 * minute,
			overrunMs: null,
			off: ["deaf" as const],
		};
		const world = new World({ settings: { rules: [...rules, own] } });
		const run = started(world, "r");
		world.run(10 * minute);
		const { text } = told(world, run);
		expect(text).toContain("it may be silent for 5m: the threshold of rule 2.");
		expect(text).toContain("Rule 2 (tag sim) applies, which switches off deaf.");
	});

	it("a threshold that is too short is not what it is made of", () => {
		const own = { match: { tag: "sim" }, k: null, thresholdMs: minute, overrunMs: null, off: [] };
		const world = new World({ settings: { rules: [own] } });
		const run = started(world, "r", { cadenceMs: 40 * second });
		world.run(10 * minute);
		expect(explained(world, run).limit.thresholdMs).toBeNull();
		expect(told(world, run).text).toMatch(/3 heartbeats, and 15s to spare.*Rule 1 \(tag sim\) applies\.$/su);
	});

	it("heartbeats more, when verdicts on the deployment have recovered", () => {
		const world = new World();
		withFleet(world);
		const run = started(world, "r", { deploymentId: "d" });
		world.at(10 * minute, () => world.server.freeze(run));
		world.at(14 * minute, () => world.server.thaw(run, world.nowMs));
		world.run(20 * minute);
		expect(world.story).toEqual(["r raised", "r recovered"]);
		expect(told(world, run).text).toContain(
			"4 heartbeats, 1 of them learned from verdicts that recovered, and 15s to spare",
		);
	});
});

describe("looking at many", () => {
	const any = { standing: null, condition: null, deployment: null, workPool: null, name: null };

	function fleet(): { readonly world: World; readonly runs: readonly SimRun[] } {
		const world = new World();
		const runs = [
			...withFleet(world, 20),
			started(world, "deployed", { deploymentId: "d", workPool: "k8s" }),
			started(world, "mute", { beats: false, deploymentId: "d", workPool: "k8s" }),
		];
		dies(world, runs[0]!, 10 * minute);
		world.run(15 * minute);
		return { world, runs };
	}

	it("pages hold what was asked for, and go on where the one before ended", () => {
		const { world, runs } = fleet();
		const { inspection } = world.tracker;
		const ids = (filter: object, from = 0, most = 100) => {
			const { runs: found, next } = inspection.page({ ...any, ...filter }, from, most, world.now);
			return { ids: found.map(({ run }) => run.runId), next };
		};
		expect(ids({}).ids).toHaveLength(runs.length);
		expect(ids({ condition: "zombie" })).toEqual({ ids: [runs[0]!.id], next: null });
		expect(ids({ standing: "unmonitored" }).ids).toEqual([runs[21]!.id]);
		expect(ids({ deployment: "d" }).ids).toEqual([runs[20]!.id, runs[21]!.id]);
		expect(ids({ workPool: "k8s" }).ids).toEqual([runs[20]!.id, runs[21]!.id]);
		expect(ids({ deployment: "nightly" }).ids).toEqual([]);
		const first = ids({}, 0, 15);
		const second = ids({}, first.next ?? 0, 15);
		expect([first.ids.length, second.ids.length, second.next]).toEqual([15, 7, null]);
		expect(new Set([...first.ids, ...second.ids]).size).toBe(runs.length);
	});

	it("coverage counts live runs by deployment and version, and leaves out what has ended", () => {
		const { world, runs } = fleet();
		world.server.end(runs[1]!, world.nowMs, "COMPLETED");
		world.run(16 * minute);
		const count = world.tracker.inspection.coverage();
		expect(count.countPart(world.now)).toBe(false);
		const counts = count.rows.map(({ deploymentId, standings }) => ({ deploymentId, ...standings }));
		expect(counts).toEqual([
			{ deploymentId: null, beating: 18, flagged: 1 },
			{ deploymentId: "d", beating: 1, unmonitored: 1 },
		]);
	});

	it("a run that is not in memory has no explanation", () => {
		const { world } = fleet();
		expect(world.tracker.inspection.explain("00000000-0000-4000-8000-000000000000", world.now)).toBeNull();
	});
});
