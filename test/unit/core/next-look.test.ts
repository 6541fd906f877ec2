import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Confirmation } from "../../../src/core/confirmation.ts";
import { Episodes } from "../../../src/core/episodes.ts";
import { Family } from "../../../src/core/family.ts";
import { GroupWatch } from "../../../src/core/group-watch.ts";
import { Learning } from "../../../src/core/learning.ts";
import { Looks } from "../../../src/core/looks.ts";
import { Observation } from "../../../src/core/observation.ts";
import { newRun, type Run } from "../../../src/core/run.ts";
import { RunTable } from "../../../src/core/run-table.ts";
import type { DetectorSettings } from "../../../src/core/settings.ts";
import { isEvictable, type Slot } from "../../../src/core/slot.ts";
import { UnconfirmedRuns } from "../../../src/core/unconfirmed-runs.ts";
import { Witnesses } from "../../../src/core/witnesses.ts";
import { Yardstick } from "../../../src/core/yardstick.ts";
import { anyRun, serverZeroMs } from "../../_util/core-runs.ts";
import { uuid } from "../../_util/core-server.ts";
import { defaultSettings } from "../../_util/core-world.ts";
import { sampleTransition } from "../../_util/sample-episode.ts";

const second = 1_000;
const minute = 60 * second;
const hour = 60 * minute;
const at = (monoMs: number) => ({ monoMs, wallMs: serverZeroMs + monoMs });

/** What a tracker is made of, as far as it looks at runs. */
class Stage {
	readonly live: { current: DetectorSettings };
	readonly observation = new Observation(at(0));
	readonly learning = new Learning();
	readonly table = new RunTable();
	readonly yardstick: Yardstick;
	readonly looks: Looks;
	readonly confirmation: Confirmation;
	readonly episodes: Episodes;
	readonly closed: string[] = [];

	constructor(settings: Partial<DetectorSettings> = {}, looksMax = 1_000, knowsClock = true) {
		this.live = { current: { ...defaultSettings, ...settings } };
		const { observation, learning, table, live } = this;
		this.yardstick = new Yardstick({ live, observation, learning });
		const unconfirmed = new UnconfirmedRuns({ table, live });
		const known = { namespace: "n", workspace: "w", table, learning, observation, unconfirmed };
		const parts = { ...known, yardstick: this.yardstick };
		this.looks = new Looks({ ...parts, looksMax });
		const groups = new GroupWatch({ ...parts, holds: true });
		this.confirmation = new Confirmation({ ...parts, family: new Family(), groups, witnesses: new Witnesses() });
		this.episodes = new Episodes({ ...parts, onTransition: ({ episode }) => this.closed.push(episode.runId) });
		if (knowsClock) observation.restAnswered(at(0), serverZeroMs);
		observation.streamOpened();
		observation.caughtUp(at(0));
		this.refresh(0);
	}

	refresh(monoMs: number): void {
		this.yardstick.refresh(at(monoMs).wallMs);
		this.looks.refresh();
	}

	/** Is there anything to be done about the run? */
	calls(slot: Slot, monoMs: number): boolean {
		const closedBefore = this.closed.length;
		this.episodes.closeWithTime(slot, at(monoMs));
		const isOver = this.closed.length > closedBefore;
		return isOver || this.confirmation.questionOf(slot, at(monoMs)) !== null || isEvictable(slot, monoMs);
	}

	due(monoMs: number): readonly string[] {
		return Array.from(this.looks.due(monoMs), (slot) => slot.run.runId);
	}
}

const anySettings = fc
	.record({
		k: fc.integer({ min: 2, max: 6 }),
		thresholdMs: fc.constantFrom(null, null, 50 * second, 5 * minute, 2 * hour),
		overrunMs: fc.constantFrom(null, hour),
		stuckScheduledMs: fc.constantFrom(null, 10 * minute),
		off: fc.subarray(["zombie", "deaf", "stale", "overrun", "never_beat"] as const, { maxLength: 2 }),
	})
	.map(({ k, thresholdMs, overrunMs, stuckScheduledMs, off }) => {
		const rule = { match: { workPool: "p*" }, k: null, thresholdMs, overrunMs: null, off };
		return { k, overrunMs, stuckScheduledMs, rules: [rule] };
	});

const anyWatching = fc.record({
	passed: fc.constantFrom("nothing", "nothing", "missed", "suspect", "eve", "due"),
	asking: fc.nat(5),
	doubtful: fc.nat(5),
	askAgainMonoMs: fc.constantFrom(Number.NEGATIVE_INFINITY, hour),
	touchedMonoMs: fc.integer({ min: 0, max: hour }),
	condition: fc.constantFrom(null, null, null, "zombie", "deaf", "stale", "undead", "overrun"),
});

/** Of deployment d1 and client 3.7: what other runs have taught. */
function teach(stage: Stage, runs: number, tauMs: number): void {
	teachCadences(
		stage,
		Array.from({ length: runs }, () => tauMs),
	);
	for (let run = 0; run < runs; run += 1) stage.learning.habits.learn("d1", uuid(9, run), true);
}

function teachCadences({ learning }: Stage, tausMs: readonly number[]): void {
	for (const [run, tauMs] of tausMs.entries()) {
		learning.priors.learn("d1", "3.7", { runId: uuid(9, run), tauMs, intervals: 8 });
	}
}

const state = { id: uuid(2, 1), type: "RUNNING", name: "Running", scheduledTimeMs: null, fromRest: true } as const;

/** Nearly all of them of the form that has a short way. */
const anyBeatingRun = fc.record({ run: anyRun, type: fc.constantFrom("RUNNING", "CANCELLING") }).map(
	({ run, type }): Run => ({
		...run,
		state: { ...state, type, timestampMs: serverZeroMs },
		endedAtMs: null,
		afterEnd: null,
		beatAtMonoMs: run.aliveAtMonoMs,
		labels: { ...run.labels, parentTaskRunId: null },
	}),
);

describe("the next look", () => {
	it("is never after a question, an end that comes with time, or the run's leaving", { timeout: 60_000 }, () => {
		const instants = fc.array(fc.nat(6 * hour), { minLength: 5, maxLength: 30 });
		const taught = fc.record({
			runs: fc.constantFrom(0, 2, 3, 6),
			others: fc.array(fc.constantFrom(40 * second, 70 * second, 41 * second), { maxLength: 4 }),
		});
		fc.assert(
			fc.property(anyRun, anyWatching, anySettings, taught, instants, (run, watching, settings, known, others) => {
				const stage = new Stage(settings);
				teach(stage, known.runs, 40 * second);
				teachCadences(stage, known.others);
				const slot = stage.table.add(run, 0);
				slot.passed = watching.passed as Slot["passed"];
				slot.asking = watching.asking === 0;
				slot.doubtful = watching.doubtful === 0;
				slot.askAgainMonoMs = watching.askAgainMonoMs;
				slot.touchedMonoMs = watching.touchedMonoMs;
				const { condition } = watching;
				if (condition !== null) slot.episode = sampleTransition({ runId: run.runId, condition }).episode;
				stage.episodes.closeWithTime(slot, at(0));
				stage.looks.settle(slot);
				const nextMs = slot.nextLookMonoMs;
				// Our own troubles lengthen deadlines, and none of them shortens one.
				for (const monoMs of [...others, nextMs - 1, nextMs - second].filter(Number.isFinite)) {
					if (monoMs < nextMs) expect(stage.calls(slot, monoMs)).toBe(false);
				}
			}),
			{ numRuns: 1_000 },
		);
	});

	it("of a row of the usual form is told from its columns: the same, or earlier", () => {
		let [same, wholes] = [0, 0];
		fc.assert(
			fc.property(anyBeatingRun, anySettings, fc.nat(hour), (run, settings, nowMs) => {
				const stage = new Stage(settings);
				teach(stage, 6, 40 * second);
				const slot = stage.table.add(run, 0);
				stage.looks.settle(slot);
				const nextMs = slot.nextLookMonoMs;
				slot.nextLookMonoMs = Number.NEGATIVE_INFINITY;
				stage.looks.putOffUsual(nowMs);
				expect(slot.nextLookMonoMs).toBeLessThanOrEqual(nextMs);
				if (slot.nextLookMonoMs === Number.NEGATIVE_INFINITY) wholes += 1;
				else if (slot.nextLookMonoMs === nextMs) same += 1;
			}),
			{ numRuns: 2_000 },
		);
		expect([same > 20, wholes > 20]).toEqual([true, true]);
	});

	it("of a run that beats needs no look, and of one that was asked about it does", () => {
		const stage = new Stage();
		const slot = stage.table.add(beating, 0);
		stage.looks.putOffUsual(0);
		expect(stage.due(0)).toEqual([]);
		expect(slot.nextLookMonoMs).toBeCloseTo(4 * minute + 45 * second - 1);
		slot.passed = "missed";
		stage.looks.putOffUsual(0);
		expect(stage.due(0)).toEqual([beating.runId]);
	});

	it("is not put off: a run that beats is left alone until its next beat has been missed", () => {
		const stage = new Stage();
		const slot = stage.table.add(beating, 0);
		expect(stage.due(0)).toEqual([beating.runId]);
		stage.looks.settle(slot);
		expect(slot.nextLookMonoMs).toBeCloseTo(4 * minute + 45 * second - 1);
		expect(stage.due(slot.nextLookMonoMs - 1)).toEqual([]);
		expect(stage.due(slot.nextLookMonoMs)).toEqual([beating.runId]);
		slot.passed = "missed";
		expect(stage.due(0)).toEqual([beating.runId]);
	});
});

const ring = [0, 1, 2, 3, 4].map((beat) => serverZeroMs + beat * minute - 30 * beat * second);
const beating: Run = {
	...newRun(uuid(1, 1)),
	state: { ...state, timestampMs: serverZeroMs },
	aliveAtMonoMs: 4 * minute,
	beatAtMonoMs: 4 * minute,
	lastBeat: { eventId: uuid(3, 1), occurredMs: ring[4]!, receivedMs: ring[4]! },
	occurredMs: ring,
};

describe("what may bring forward the deadlines of many makes their looks due", () => {
	const young: Run = {
		...beating,
		runId: uuid(1, 2),
		occurredMs: [],
		lastBeat: { ...beating.lastBeat!, eventId: uuid(3, 2) },
	};
	const unheard: Run = { ...newRun(uuid(1, 3)), state: { ...state, timestampMs: serverZeroMs + 3.5 * minute } };
	const ofDeployment = (run: Run): Run => ({
		...run,
		labels: { ...run.labels, deploymentId: "d1", clientVersion: "3.7" },
	});
	const all = [beating, young, unheard].map(ofDeployment);

	function settled(): Stage {
		const stage = new Stage();
		for (const run of all) {
			const slot = stage.table.add(run, 4 * minute);
			slot.doubtful = false;
			stage.looks.settle(slot);
		}
		stage.refresh(4 * minute);
		expect(stage.due(4 * minute)).toEqual([]);
		return stage;
	}
	const ids = all.map(({ runId }) => runId);

	it.each<{ rule: string; act: (stage: Stage) => void; due: readonly string[] }>([
		{ rule: "nothing does not", act: () => {}, due: [] },
		{ rule: "other settings: all", act: ({ live }) => (live.current = { ...live.current }), due: ids },
		{
			rule: "a server's clock that was set forward: all",
			act: ({ observation }) => observation.restAnswered(at(4 * minute), serverZeroMs + hour),
			due: ids,
		},
		{
			rule: "a server's clock that wavers: nobody",
			act: ({ observation }) => observation.restAnswered(at(4 * minute), serverZeroMs + 4 * minute + second),
			due: [],
		},
		{
			rule: "a shorter prior, or a new habit: those whose own beats do not tell",
			act: (stage) => teach(stage, 6, 40 * second),
			due: ids.slice(1),
		},
		{
			rule: "a shorter prior alone: the same",
			act: (stage) =>
				teachCadences(
					stage,
					[40, 40, 40].map((tauSeconds) => tauSeconds * second),
				),
			due: ids.slice(1),
		},
		{ rule: "priors that are none yet: nobody", act: (stage) => teach(stage, 2, 40 * second), due: [] },
	])("$rule", ({ act, due }) => {
		const stage = settled();
		act(stage);
		stage.refresh(4 * minute);
		expect(stage.due(4 * minute)).toEqual(due);
	});

	it("a prior moves on by little: nobody is looked at again for that", () => {
		const stage = settled();
		teach(stage, 6, 40 * second);
		stage.refresh(4 * minute);
		for (const slot of stage.table.values()) stage.looks.settle(slot);
		expect(stage.due(4 * minute)).toEqual([]);
		teach(stage, 6, 39.9 * second);
		stage.refresh(4 * minute);
		expect(stage.due(4 * minute)).toEqual([]);
	});

	it("the server's clock is heard for the first time: all, since nothing was due by it before", () => {
		const stage = new Stage({}, 1_000, false);
		const slot = stage.table.add({ ...unheard, state: { ...state, type: "PENDING", timestampMs: serverZeroMs } }, 0);
		stage.looks.settle(slot);
		stage.refresh(hour);
		expect(stage.due(hour)).toEqual([]);
		stage.observation.restAnswered(at(hour), serverZeroMs + hour);
		stage.refresh(hour);
		expect(stage.due(hour)).toEqual([unheard.runId]);
	});

	it("learned of another deployment: nobody", () => {
		const stage = settled();
		for (let run = 0; run < 6; run += 1) {
			stage.learning.priors.learn("d2", "3.7", { runId: uuid(9, run), tauMs: 40 * second, intervals: 8 });
			stage.learning.habits.learn("d2", uuid(9, run), true);
		}
		stage.refresh(4 * minute);
		expect(stage.due(4 * minute)).toEqual([]);
	});
});

describe("more runs than may be looked at in a sweep", () => {
	it("have their turn in one of the next, in the order of the table", () => {
		const stage = new Stage({}, 2);
		for (let run = 1; run <= 5; run += 1) stage.table.add(newRun(uuid(1, run)), 0);
		const turns = [stage.due(0), stage.due(0), stage.due(0)].flat();
		expect(turns).toEqual([1, 2, 3, 4, 5, 1].map((run) => uuid(1, run)));
		stage.table.remove(uuid(1, 5));
		stage.table.remove(uuid(1, 3));
		expect(stage.due(0)).toHaveLength(2);
	});
});
