import { describe, expect, it } from "vitest";
import { silenceAnchorMs } from "../../../src/core/group-incident.ts";
import { at, Fleet, minute, quietPipe, second } from "../../_util/disruption-fleet.ts";

/** Of 20 runs in the pool 5 have lapsed at 100 s; 100 more live elsewhere. */
function tripped(): { fleet: Fleet; ids: readonly string[]; silent: readonly string[] } {
	const fleet = new Fleet();
	const ids = fleet.add("run", 20, { workPool: "k8s" });
	fleet.add("elsewhere", 100);
	const silent = ids.slice(0, 5);
	fleet.lapse(silent);
	fleet.sweep(100 * second);
	return { fleet, ids, silent };
}

describe("a group is left", () => {
	it("when beats bring the lapsed under the line: every run of it starts afresh", () => {
		const { fleet, ids, silent } = tripped();
		fleet.beat(silent.slice(0, 2), 200 * second);
		const { closed, resetRuns, opened } = fleet.sweep(200 * second);
		expect(closed).toMatchObject([
			{ group: "k8s", runsTotal: 5, runIds: silent, closed: { outcome: "recovered", atMs: at(200_000).wallMs } },
		]);
		expect(resetRuns).toEqual(ids);
		expect(opened).toEqual([]);
		expect(fleet.disruption.open).toEqual([]);
		expect(ids.map((id) => fleet.heldUntil(id))).toEqual(ids.map(() => null));
	});

	it("not while the lapsed are still on the line", () => {
		const { fleet, silent } = tripped();
		fleet.beat(silent.slice(0, 1), 200 * second);
		expect(fleet.sweep(200 * second)).toEqual({ opened: [], closed: [], resetRuns: [] });
	});

	it("not by verdicts: judged runs count as lapsed and as members", () => {
		const { fleet, silent } = tripped();
		fleet.judge(silent.slice(0, 3));
		fleet.beat(silent.slice(3, 4), 500 * second);
		expect(fleet.sweep(500 * second)).toEqual({ opened: [], closed: [], resetRuns: [] });
		expect(fleet.disruption.open).toHaveLength(1);
	});

	it("when beats resolve verdicts, leaving the runs that are still judged as they are", () => {
		const { fleet, ids, silent } = tripped();
		fleet.judge(silent);
		fleet.set(silent.slice(0, 1), { hasOpenEpisode: false });
		fleet.sweep(500 * second);
		fleet.beat(silent.slice(1, 3), 510 * second);
		const { closed, resetRuns } = fleet.sweep(510 * second);
		expect(closed).toMatchObject([{ closed: { outcome: "recovered" } }]);
		expect(resetRuns).toEqual(ids.filter((id) => !silent.slice(3).includes(id)));
	});

	it("counting a judged run that is no longer silent as a member that lives", () => {
		const { fleet, silent } = tripped();
		fleet.judge(silent.slice(0, 4));
		fleet.beat(silent.slice(4), 500 * second);
		fleet.set(silent.slice(0, 1), { lapsed: false });
		// 3 of 15 armed and 4 judged: under the line; with the fourth it was 4 of 19.
		expect(fleet.sweep(500 * second).closed).toMatchObject([{ closed: { outcome: "recovered" } }]);
	});

	it("not by runs that end, nor by new ones", () => {
		const { fleet, silent } = tripped();
		fleet.end(silent.slice(0, 3));
		fleet.add("new", 30, { workPool: "k8s" });
		expect(fleet.sweep(200 * second)).toEqual({ opened: [], closed: [], resetRuns: [] });
		// The first beat of one of them tells that it was not only that.
		fleet.beat(silent.slice(3, 4), 201 * second);
		expect(fleet.sweep(201 * second).closed).toMatchObject([{ closed: { outcome: "recovered" } }]);
	});

	it("not because a lapse is taken back, as by blind time that is found later", () => {
		const { fleet, silent } = tripped();
		fleet.set(silent, { lapsed: false });
		expect(fleet.sweep(200 * second)).toEqual({ opened: [], closed: [], resetRuns: [] });
		expect(fleet.heldUntil(silent[0]!)).toBe(100 * second + 345 * second);
	});

	it("not by leaving another group: A := now is no sign of life", () => {
		const fleet = new Fleet();
		const pool = fleet.add("pool", 12, { workPool: "k8s", clientVersion: "1" });
		const both = fleet.add("both", 3, { workPool: "k8s", clientVersion: "2" });
		const version = fleet.add("version", 12, { clientVersion: "2" });
		fleet.add("elsewhere", 100);
		fleet.lapse([...pool.slice(0, 2), ...both.slice(0, 1), ...version.slice(0, 2)]);
		fleet.sweep(100 * second);
		fleet.beat(pool.slice(0, 1), 200 * second);
		expect(fleet.sweep(200 * second).resetRuns).toEqual([...pool, ...both]);
		// Of the version 2 of 15 are still silent, under the line, and none of its own runs has been heard.
		expect(fleet.sweep(201 * second)).toEqual({ opened: [], closed: [], resetRuns: [] });
		expect(fleet.disruption.groupRows((ms) => ms)).toMatchObject([{ kind: "client_version", recovered: false }]);
		fleet.beat(version.slice(0, 1), 202 * second);
		expect(fleet.sweep(202 * second).resetRuns).toEqual([...both, ...version]);
	});

	it("by a run of its own: the end of a hold is not leaving", () => {
		const { fleet, silent } = tripped();
		expect(fleet.sweep(100 * second + 345 * second)).toEqual({ opened: [], closed: [], resetRuns: [] });
		expect(fleet.runs.get(silent[0]!)?.aliveAtMonoMs).toBe(0);
	});

	it("not by a run that had been judged before the group tripped", () => {
		const fleet = new Fleet();
		const old = fleet.add("old", 5, { workPool: "k8s" });
		const ids = fleet.add("run", 15, { workPool: "k8s" });
		fleet.add("elsewhere", 200);
		fleet.lapse(old);
		fleet.sweep(100 * second);
		fleet.judge(old);
		expect(fleet.sweep(500 * second).closed).toMatchObject([{ closed: { outcome: "ended" } }]);
		fleet.lapse(ids.slice(0, 4));
		expect(fleet.sweep(600 * second).opened).toMatchObject([{ runsTotal: 4, runIds: ids.slice(0, 4) }]);
		fleet.beat(old.slice(0, 1), 601 * second);
		fleet.set(ids.slice(3, 4), { lapsed: false });
		expect(fleet.sweep(601 * second)).toEqual({ opened: [], closed: [], resetRuns: [] });
		// Were the five old ones still members, 4 + 2 of 19 would be on the line.
		fleet.beat(ids.slice(2, 4), 602 * second);
		expect(fleet.sweep(602 * second).closed).toMatchObject([{ closed: { outcome: "recovered" } }]);
	});
});

describe("a group ends, and resets nothing,", () => {
	it("when all its lapsed runs have been judged", () => {
		const { fleet, silent } = tripped();
		fleet.judge(silent.slice(0, 4));
		expect(fleet.sweep(450 * second).closed).toEqual([]);
		fleet.judge(silent);
		expect(fleet.sweep(451 * second)).toMatchObject({ closed: [{ closed: { outcome: "ended" } }], resetRuns: [] });
		expect(fleet.sweep(452 * second)).toEqual({ opened: [], closed: [], resetRuns: [] });
	});

	it("when they have been judged or have ended", () => {
		const { fleet, silent } = tripped();
		fleet.end(silent.slice(0, 2));
		fleet.judge(silent.slice(2));
		expect(fleet.sweep(450 * second)).toMatchObject({ closed: [{ closed: { outcome: "ended" } }], resetRuns: [] });
	});

	it("when its last run has ended", () => {
		const { fleet, ids } = tripped();
		fleet.end(ids);
		expect(fleet.sweep(450 * second)).toMatchObject({ closed: [{ closed: { outcome: "ended" } }], resetRuns: [] });
	});

	it("though some have recovered, as long as the judged ones are on the line", () => {
		const { fleet, silent } = tripped();
		fleet.judge(silent.slice(0, 4));
		fleet.beat(silent.slice(4), 450 * second);
		expect(fleet.sweep(450 * second)).toMatchObject({ closed: [{ closed: { outcome: "ended" } }], resetRuns: [] });
	});
});

describe("a run's group id, for its alert,", () => {
	it("is that of the incident it lapsed in, also after that has ended", () => {
		const { fleet, ids, silent } = tripped();
		const { groupId } = fleet.disruption.open[0]!;
		fleet.sweep(101 * second);
		fleet.judge(silent);
		fleet.sweep(450 * second);
		expect(fleet.disruption.groupIdOf(silent[0]!, 0)).toBe(groupId);
		expect(fleet.disruption.groupIdOf(silent[0]!, 6_000)).toBeNull();
		expect(fleet.disruption.groupIdOf(ids[9]!, 0)).toBeNull();
	});

	it("stays that of the first incident", () => {
		const fleet = new Fleet();
		const version = fleet.add("version", 10, { workPool: "k8s", clientVersion: "2" });
		const pool = fleet.add("pool", 20, { workPool: "k8s", clientVersion: "1" });
		fleet.add("elsewhere", 200);
		fleet.set(version.slice(5), { workPool: "ecs" });
		fleet.lapse(version);
		expect(fleet.sweep(100 * second).opened).toMatchObject([{ group: "2" }]);
		fleet.sweep(101 * second);
		const groupId = fleet.disruption.groupIdOf(version[0]!, 0);
		fleet.lapse(pool);
		expect(fleet.sweep(102 * second).opened).toMatchObject([{ group: "k8s" }]);
		fleet.sweep(103 * second);
		expect(fleet.disruption.groupIdOf(version[0]!, 0)).toBe(groupId);
		expect(fleet.disruption.groupIdOf(pool[0]!, 0)).not.toBe(groupId);
	});

	it("is null while the run is only held by a group that is not told", () => {
		const fleet = new Fleet();
		const ids = fleet.add("run", 20, { workPool: "k8s" });
		fleet.add("elsewhere", 60);
		fleet.lapse([...ids, "elsewhere-00"]);
		fleet.sweep(100 * second);
		fleet.sweep(101 * second);
		expect(fleet.heldUntil("elsewhere-00")).toBe(445 * second);
		expect(fleet.disruption.groupIdOf("elsewhere-00", 0)).toBeNull();
	});
});

describe("a run that vanishes and comes back to its silence", () => {
	function heldAgainAfter(awayMs: number): boolean {
		const { fleet, silent } = tripped();
		const gone = silent.map((id) => ({ ...fleet.runs.get(id)! }));
		fleet.judge(silent);
		fleet.sweep(500 * second);
		fleet.end(silent);
		fleet.sweep(500 * second + awayMs);
		for (const run of gone) fleet.runs.set(run.runId, run);
		const { opened } = fleet.sweep(501 * second + awayMs);
		return opened.length > 0;
	}

	it("is not held again for two hours", () => {
		expect(heldAgainAfter(120 * minute)).toBe(false);
	});

	it("is forgotten then", () => {
		expect(heldAgainAfter(120 * minute + 1)).toBe(true);
	});

	it("is looked after once a minute while no group is tripped", () => {
		const { fleet, silent } = tripped();
		fleet.judge(silent);
		fleet.sweep(500 * second);
		for (let ms = 559; ms < 560 + 3 * 3600; ms += 1) fleet.sweep(ms * second);
		expect(fleet.heldUntil(silent[0]!)).toBe(445 * second);
		fleet.beat(silent, 12_000 * second);
		fleet.sweep(12_000 * second);
		expect(fleet.disk.silences.size).toBe(0);
	});
});

describe("after a restart, from what was written as JSON,", () => {
	it("an incident goes on under its id, with its holds, and is not told again", () => {
		const { fleet, silent } = tripped();
		const before = fleet.disruption.open;
		fleet.restart(-77 * second, 50 * second);
		expect(fleet.disruption.open).toEqual(before);
		expect(fleet.sweep(50 * second)).toEqual({ opened: [], closed: [], resetRuns: [] });
		expect(fleet.heldUntil(silent[0]!)).toBe((100 + 345 - 77) * second);
		fleet.beat(silent.slice(0, 2), 60 * second);
		expect(fleet.sweep(60 * second).closed).toMatchObject([
			{ groupId: before[0]?.groupId, closed: { outcome: "recovered" } },
		]);
	});

	it.each([
		{ rule: "a fleet silent in full stays held for 15 minutes", otherMs: null, untilMs: 1_000 * second },
		{ rule: "one with a proof that came early for 345 s", otherMs: 90 * second, untilMs: 445 * second },
	])("$rule", ({ otherMs, untilMs }) => {
		const fleet = new Fleet();
		const ids = fleet.add("run", 5);
		fleet.lapse(ids);
		fleet.pipe = { ...quietPipe, lastOtherEventMonoMs: otherMs };
		fleet.sweep(100 * second);
		fleet.restart(-77 * second, 50 * second);
		fleet.pipe = quietPipe;
		fleet.sweep(50 * second);
		expect(fleet.heldUntil(ids[0]!)).toBe(untilMs - 77 * second);
	});

	it("a silence that no hold was left for is still fresh", () => {
		const { fleet, ids } = tripped();
		const late = ids.slice(5, 9);
		fleet.lapse(late.slice(0, 2));
		fleet.sweep(450 * second);
		fleet.restart(0, 460 * second);
		fleet.lapse(late);
		expect(fleet.sweep(460 * second).opened).toHaveLength(1);
		expect(fleet.heldUntil(late[0]!)).toBe(805 * second);
	});
});

describe("the anchor of a silence", () => {
	it.each([
		{ rule: "is the newest heartbeat's received, exactly", received: 7_000.25, alive: 12_000.25, anchor: 7_000.25 },
		{ rule: "also when A lies before it", received: 7_000.25, alive: 2_000.25, anchor: 7_000.25 },
		{ rule: "or A, to the second, when it is another's", received: 7_000.25, alive: 12_000.5, anchor: 12_000 },
		{ rule: "or when the beat has none", received: null, alive: 12_499, anchor: 12_000 },
	])("$rule", ({ received, alive, anchor }) => {
		expect(silenceAnchorMs(received, alive)).toBe(anchor);
	});
});
