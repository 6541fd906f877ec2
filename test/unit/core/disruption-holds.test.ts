import { describe, expect, it } from "vitest";
import { at, Fleet, minute, quietPipe, second } from "../../_util/disruption-fleet.ts";

const hold = 345 * second;
const longHold = 15 * minute;

describe("a tripped group holds the verdicts on its runs", () => {
	function tripped(): { fleet: Fleet; ids: readonly string[] } {
		const fleet = new Fleet();
		const ids = fleet.add("run", 5, { workPool: "k8s" });
		fleet.add("elsewhere", 30);
		fleet.lapse(ids.slice(0, 3));
		fleet.sweep(100 * second);
		return { fleet, ids };
	}

	it("for 345 s from when it tripped, also of those that lapse later", () => {
		const { fleet, ids } = tripped();
		expect(fleet.heldUntil(ids[0]!)).toBe(100 * second + hold);
		fleet.lapse(ids.slice(3, 4));
		fleet.sweep(400 * second);
		expect(fleet.heldUntil(ids[3]!)).toBe(100 * second + hold);
		expect(fleet.heldUntil(ids[0]!)).toBe(100 * second + hold);
		expect(fleet.heldUntil(ids[4]!)).toBeNull();
	});

	it("but not of a run that lapses when the hold is over", () => {
		const { fleet, ids } = tripped();
		fleet.lapse(ids.slice(3, 4));
		fleet.sweep(100 * second + hold);
		expect(fleet.heldUntil(ids[3]!)).toBeNull();
	});

	it("and yet of one that lapses just before", () => {
		const { fleet, ids } = tripped();
		fleet.lapse(ids.slice(3, 4));
		fleet.sweep(100 * second + hold - 1);
		expect(fleet.heldUntil(ids[3]!)).toBe(100 * second + hold);
	});

	it("and not of a later silence of the same run, nor of an unknown one", () => {
		const { fleet, ids } = tripped();
		expect(fleet.disruption.heldUntil(ids[0]!, 5_000)).toBe(100 * second + hold);
		expect(fleet.disruption.heldUntil(ids[0]!, 5_001)).toBeNull();
		expect(fleet.disruption.heldUntil("nobody", 0)).toBeNull();
	});

	it("and of nobody else's", () => {
		const { fleet } = tripped();
		fleet.lapse(["elsewhere-00"]);
		fleet.sweep(101 * second);
		expect(fleet.heldUntil("elsewhere-00")).toBeNull();
	});

	it("once: a second trip does not hold the same silence again", () => {
		const fleet = new Fleet();
		const ids = fleet.add("run", 4);
		const others = fleet.add("other", 16);
		fleet.lapse(ids);
		fleet.sweep(100 * second);
		fleet.sweep(100 * second + hold);
		// A second wave, in which everything is silent: the first four have had their hold.
		fleet.lapse(others);
		const { opened, closed } = fleet.sweep(500 * second);
		expect(closed).toMatchObject([{ closed: { outcome: "ended", atMs: at(500_000).wallMs } }]);
		expect(opened).toMatchObject([{ extent: "full", runsTotal: 20 }]);
		expect(opened[0]?.groupId).not.toBe(closed[0]?.groupId);
		expect(fleet.heldUntil(ids[0]!)).toBe(100 * second + hold);
		expect(fleet.heldUntil(others[0]!)).toBe(500 * second + longHold);
	});

	it.each([
		{ rule: "a second wave has to be over the line by itself", wave: 3, waits: 4, atMs: 500 * second, opened: 0 },
		{ rule: "a second wave over the line trips anew", wave: 4, waits: 4, atMs: 500 * second, opened: 1 },
		{ rule: "but not before the first hold is over", wave: 4, waits: 4, atMs: 100 * second + hold - 1, opened: 0 },
		{ rule: "and from then on", wave: 4, waits: 4, atMs: 100 * second + hold, opened: 1 },
	])("$rule", ({ wave, waits, atMs, opened }) => {
		const fleet = new Fleet();
		const ids = fleet.add("run", 20);
		fleet.lapse(ids.slice(0, waits));
		fleet.sweep(100 * second);
		fleet.lapse(ids.slice(waits, waits + wave));
		expect(fleet.sweep(atMs).opened).toHaveLength(opened);
	});

	it("by the most specific one's time: the last of a dying fifth of the fleet do not prolong it", () => {
		const fleet = new Fleet();
		const ids = fleet.add("run", 20, { workPool: "k8s" });
		fleet.add("elsewhere", 80, { workPool: "ecs" });
		fleet.lapse(ids.slice(0, 4));
		expect(fleet.sweep(100 * second).opened).toMatchObject([{ groupKind: "work_pool" }]);
		fleet.lapse(ids);
		expect(fleet.sweep(200 * second).opened).toEqual([]);
		expect(fleet.heldUntil(ids[0]!)).toBe(100 * second + hold);
		expect(fleet.heldUntil(ids[19]!)).toBe(100 * second + hold);
		// A lone run elsewhere is held by everything, which has tripped untold.
		fleet.lapse(["elsewhere-00"]);
		fleet.sweep(201 * second);
		expect(fleet.heldUntil("elsewhere-00")).toBe(200 * second + hold);
	});
});

describe("while everything is silent in full", () => {
	/** All lapsed; the last beat of all came at 40 s, the fastest cadence is 30 s: the silence is under way from 70 s. */
	function silentFleet(): { fleet: Fleet; ids: readonly string[] } {
		const fleet = new Fleet();
		const ids = [...fleet.add("run", 3, { workPool: "k8s" }), ...fleet.add("slow", 2, { cadenceMs: 180 * second })];
		fleet.set(ids.slice(1, 2), { aliveAtMonoMs: 40 * second });
		fleet.lapse(ids);
		fleet.sweep(120 * second);
		return { fleet, ids };
	}

	it("verdicts are held for 15 minutes", () => {
		const { fleet, ids } = silentFleet();
		for (const id of ids) expect(fleet.heldUntil(id)).toBe(120 * second + longHold);
	});

	it("two runs are held by nobody", () => {
		const fleet = new Fleet();
		const ids = fleet.add("run", 2);
		fleet.lapse(ids);
		fleet.sweep(120 * second);
		expect(fleet.heldUntil(ids[0]!)).toBeNull();
	});

	it.each([
		{ rule: "an event one cadence after the last beat proves nothing", eventMs: 70 * second, until: longHold },
		{ rule: "one just after does: 345 s", eventMs: 70 * second + 1, until: hold },
		{ rule: "no event yet", eventMs: null, until: longHold },
	])("$rule", ({ eventMs, until }) => {
		const { fleet, ids } = silentFleet();
		fleet.pipe = { ...quietPipe, lastOtherEventMonoMs: eventMs };
		fleet.sweep(121 * second);
		for (const id of ids) expect(fleet.heldUntil(id)).toBe(120 * second + until);
	});

	it("a late proof leaves a run's own beat the time to come, within the 15 minutes", () => {
		const { fleet, ids } = silentFleet();
		fleet.pipe = { ...quietPipe, lastOtherEventMonoMs: 700 * second };
		fleet.sweep(700 * second);
		expect(fleet.heldUntil(ids[0]!)).toBe(745 * second);
		expect(fleet.heldUntil(ids[4]!)).toBe(895 * second);
		fleet.set(ids.slice(3), { cadenceMs: 600 * second });
		fleet.sweep(701 * second);
		expect(fleet.heldUntil(ids[4]!)).toBe(120 * second + longHold);
		// The first proof stays the proof.
		fleet.pipe = { ...quietPipe, lastOtherEventMonoMs: 730 * second };
		fleet.sweep(730 * second);
		expect(fleet.heldUntil(ids[0]!)).toBe(745 * second);
	});

	it.each([
		{
			rule: "a stored event that never came, found after the proof, takes it back",
			lossMs: 100 * second,
			until: longHold,
		},
		{ rule: "found before, it does not", lossMs: 99 * second, until: hold },
	])("$rule", ({ lossMs, until }) => {
		const { fleet, ids } = silentFleet();
		fleet.pipe = { ...quietPipe, lastOtherEventMonoMs: 100 * second };
		fleet.sweep(121 * second);
		fleet.pipe = { ...fleet.pipe, lastLossMonoMs: lossMs };
		fleet.sweep(122 * second);
		expect(fleet.heldUntil(ids[0]!)).toBe(120 * second + until);
	});

	it("a pool whose workers are all OFFLINE is held for 345 s; runs of no pool, or of another, are not affected", () => {
		const { fleet, ids } = silentFleet();
		fleet.pipe = { ...quietPipe, offlinePools: new Set(["k8s"]) };
		fleet.sweep(121 * second);
		expect(fleet.heldUntil(ids[0]!)).toBe(120 * second + hold);
		expect(fleet.heldUntil(ids[3]!)).toBe(120 * second + longHold);
		fleet.pipe = { ...quietPipe, offlinePools: new Set(["ecs"]) };
		fleet.sweep(122 * second);
		expect(fleet.heldUntil(ids[0]!)).toBe(120 * second + longHold);
	});

	it("a hold once over stays over, even when the proof is taken back", () => {
		const { fleet, ids } = silentFleet();
		fleet.pipe = { ...quietPipe, offlinePools: new Set(["k8s"]) };
		fleet.sweep(600 * second);
		fleet.pipe = quietPipe;
		fleet.sweep(601 * second);
		expect(fleet.heldUntil(ids[0]!)).toBe(120 * second + hold);
		expect(fleet.heldUntil(ids[3]!)).toBe(120 * second + longHold);
	});

	it("the first beat back proves nothing: the others' are still on their way", () => {
		const { fleet, ids } = silentFleet();
		fleet.beat(ids.slice(0, 1), 600 * second);
		expect(fleet.sweep(600 * second).closed).toEqual([]);
		expect(fleet.heldUntil(ids[3]!)).toBe(120 * second + longHold);
	});

	it("a group that was partly silent before is held for 15 minutes from when it tripped", () => {
		const fleet = new Fleet();
		const ids = fleet.add("run", 5);
		fleet.lapse(ids.slice(0, 3));
		fleet.sweep(100 * second);
		expect(fleet.heldUntil(ids[0]!)).toBe(100 * second + hold);
		fleet.lapse(ids);
		fleet.sweep(100 * second + hold - 1);
		expect(fleet.heldUntil(ids[0]!)).toBe(100 * second + longHold);
		expect(fleet.heldUntil(ids[4]!)).toBe(100 * second + longHold);
	});

	it("no run is held for more than 15 minutes in all, whatever trips after it was first held", () => {
		const fleet = new Fleet();
		const ids = fleet.add("run", 5, { workPool: "k8s" });
		const others = fleet.add("elsewhere", 45);
		fleet.lapse(ids.slice(0, 3));
		fleet.sweep(100 * second);
		fleet.lapse([...ids, ...others]);
		fleet.sweep(400 * second);
		expect(fleet.heldUntil(ids[0]!)).toBe(100 * second + longHold);
		expect(fleet.heldUntil(ids[4]!)).toBe(400 * second + longHold);
		expect(fleet.heldUntil(others[0]!)).toBe(400 * second + longHold);
	});

	it("a new wave of the unheld waits for 15 minutes of its own only while nothing has been proven", () => {
		const { fleet, ids } = silentFleet();
		fleet.pipe = { ...quietPipe, lastOtherEventMonoMs: 100 * second };
		const late = fleet.add("late", 5, { aliveAtMonoMs: 300 * second });
		fleet.sweep(120 * second + hold);
		fleet.lapse(late);
		// Proven, hence its hold is over: the wave trips it anew, and the proof is older than the new silence.
		expect(fleet.sweep(500 * second).opened).toMatchObject([{ runsTotal: 10 }]);
		expect(fleet.heldUntil(late[0]!)).toBe(500 * second + longHold);
		expect(fleet.heldUntil(ids[0]!)).toBe(120 * second + hold);
	});

	it("a new wave within the 15 minutes joins the old", () => {
		const { fleet } = silentFleet();
		const late = fleet.add("late", 5, { aliveAtMonoMs: 300 * second });
		fleet.lapse(late);
		expect(fleet.sweep(120 * second + longHold - 1).opened).toEqual([]);
		expect(fleet.heldUntil(late[0]!)).toBe(120 * second + longHold);
	});
});
