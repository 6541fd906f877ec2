import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type Learned, Learning } from "../../../src/core/learning.ts";
import { Priors } from "../../../src/core/priors.ts";

const version = "3.8.8";

/** What the runs of one deployment have said: cadence in seconds, and from how many intervals. */
function priorsOf(...runs: readonly (readonly [seconds: number, intervals: number])[]): Priors {
	const priors = new Priors();
	for (const [index, [seconds, intervals]] of runs.entries()) {
		priors.learn("etl", version, { runId: `run-${index}`, tauMs: seconds * 1000, intervals });
	}
	return priors;
}

function beatsEvery(seconds: number, beats: number): readonly number[] {
	return Array.from({ length: beats }, (_, index) => 1_000_000 + index * seconds * 1000);
}

describe("a prior", () => {
	it.each([
		{
			rule: "is firm from three runs with ten intervals in all",
			runs: [
				[180, 4],
				[180, 3],
				[180, 3],
			],
			firm: 180,
		},
		{
			rule: "is not firm from two runs, however many intervals",
			runs: [
				[180, 8],
				[180, 8],
			],
			firm: null,
		},
		{
			rule: "is not firm from nine intervals",
			runs: [
				[180, 3],
				[180, 3],
				[180, 3],
			],
			firm: null,
		},
		{ rule: "is firm from ten runs of one interval each", runs: Array.from({ length: 10 }, () => [30, 1]), firm: 30 },
		{
			rule: "is the median",
			runs: [
				[104, 8],
				[100, 8],
				[101, 8],
			],
			firm: 101,
		},
		{
			rule: "is the upper median of an even number",
			runs: [
				[100, 8],
				[103, 8],
				[101, 8],
				[102, 8],
			],
			firm: 102,
		},
		{
			rule: "is firm where runs are 5 % of the median apart",
			runs: [
				[95, 8],
				[100, 8],
				[100, 8],
			],
			firm: 100,
		},
		{
			rule: "is not firm where they are further apart",
			runs: [
				[94.999, 8],
				[100, 8],
				[100, 8],
			],
			firm: null,
		},
		{
			rule: "is not firm where one run has only lost beats to show",
			runs: [
				[30, 8],
				[30, 8],
				[30, 8],
				[60, 1],
			],
			firm: null,
		},
	] as readonly { rule: string; runs: readonly [number, number][]; firm: number | null }[])(
		"$rule",
		({ runs, firm }) => {
			expect(priorsOf(...runs).firmPrior("etl", version, "new")).toBe(firm === null ? null : firm * 1000);
		},
	);

	it("is of one deployment and one client version", () => {
		const priors = priorsOf([30, 8], [30, 8], [30, 8]);
		expect(priors.firmPrior("etl", version, "new")).toBe(30_000);
		expect(priors.firmPrior("other", version, "new")).toBeNull();
		expect(priors.firmPrior("etl", "3.8.9", "new")).toBeNull();
	});

	it("is never firm for a run without a deployment or a client version", () => {
		const priors = new Priors();
		for (const runId of ["a", "b", "c"]) {
			priors.learn(null, version, { runId, tauMs: 30_000, intervals: 8 });
			priors.learn("etl", null, { runId, tauMs: 30_000, intervals: 8 });
		}
		expect(priors.firmPrior(null, version, "new")).toBeNull();
		expect(priors.firmPrior("etl", null, "new")).toBeNull();
		expect(priors.takeChanged()).toEqual([]);
	});

	it("is not what the asking run itself has said", () => {
		const three = priorsOf([30, 8], [30, 8], [30, 8]);
		expect(three.firmPrior("etl", version, "run-0")).toBeNull();
		const disagreeing = priorsOf([60, 1], [30, 8], [30, 8], [30, 8]);
		expect(disagreeing.firmPrior("etl", version, "run-0")).toBe(30_000);
		expect(disagreeing.firmPrior("etl", version, "run-1")).toBeNull();
		expect(priorsOf([30, 8]).firmPrior("etl", version, "run-0")).toBeNull();
	});

	it("counts a run once, with what it said last", () => {
		const priors = priorsOf([30, 8], [30, 1]);
		for (let again = 0; again < 5; again += 1)
			priors.learn("etl", version, { runId: "run-1", tauMs: 30_000, intervals: 1 });
		expect(priors.firmPrior("etl", version, "new")).toBeNull();
		priors.learn("etl", version, { runId: "run-2", tauMs: 60_000, intervals: 1 });
		expect(priors.firmPrior("etl", version, "new")).toBeNull();
		priors.learn("etl", version, { runId: "run-2", tauMs: 30_000, intervals: 3 });
		expect(priors.firmPrior("etl", version, "new")).toBe(30_000);
	});

	it("comes out the same whatever order its runs were learned in", () => {
		const runs = [31_000, 30_000, 30_500, 30_200].map((tauMs, index) => ({ runId: `${index}`, tauMs, intervals: 3 }));
		fc.assert(
			fc.property(fc.shuffledSubarray(runs, { minLength: 4 }), (shuffled) => {
				const priors = new Priors();
				for (const run of [...shuffled, ...shuffled]) priors.learn("etl", version, run);
				expect(priors.firmPrior("etl", version, "new")).toBe(30_500);
			}),
		);
	});

	it("forgets a changed cadence after sixteen runs", () => {
		const priors = priorsOf([180, 8], ...Array.from({ length: 15 }, () => [30, 8] as const));
		expect(priors.firmPrior("etl", version, "new")).toBeNull();
		priors.learn("etl", version, { runId: "run-16", tauMs: 30_000, intervals: 8 });
		expect(priors.firmPrior("etl", version, "new")).toBe(30_000);
	});
});

describe("priors from stored beats", () => {
	const stored = (runId: string, occurredMs: readonly number[]) => ({
		runId,
		deploymentId: "etl",
		clientVersion: version,
		occurredMs,
	});

	it("are firm where the beats are", () => {
		const priors = new Priors();
		priors.learnFromBeats([stored("a", beatsEvery(180, 5)), stored("b", beatsEvery(180, 4))]);
		expect(priors.firmPrior("etl", version, "new")).toBeNull();
		priors.learnFromBeats([stored("c", beatsEvery(180, 4))]);
		expect(priors.firmPrior("etl", version, "new")).toBe(180_000);
	});

	it("pass over beats that tell no interval, no deployment or no client version", () => {
		const priors = new Priors();
		priors.learnFromBeats([
			stored("a", beatsEvery(180, 1)),
			{ ...stored("b", beatsEvery(180, 9)), deploymentId: null },
			{ ...stored("c", beatsEvery(180, 9)), clientVersion: null },
		]);
		expect(priors.takeChanged()).toEqual([]);
	});

	it("go by the newest eight intervals of a run", () => {
		const priors = new Priors();
		const slowedDown = [
			...beatsEvery(30, 20),
			...Array.from({ length: 8 }, (_, index) => 1_570_000 + (index + 1) * 60_000),
		];
		priors.learnFromBeats([stored("a", slowedDown)]);
		const [key] = priors.takeChanged();
		expect(priors.rowOf(key!)?.runs).toEqual([{ runId: "a", tauMs: 60_000, intervals: 8 }]);
	});

	it("replace what is known of a run only with more intervals", () => {
		const priors = new Priors();
		priors.learn("etl", version, { runId: "a", tauMs: 31_000, intervals: 3 });
		const [key] = priors.takeChanged();
		priors.learnFromBeats([stored("a", beatsEvery(30, 4))]);
		expect(priors.rowOf(key!)?.runs).toEqual([{ runId: "a", tauMs: 31_000, intervals: 3 }]);
		priors.learnFromBeats([stored("a", beatsEvery(30, 5))]);
		expect(priors.rowOf(key!)?.runs).toEqual([{ runId: "a", tauMs: 30_000, intervals: 4 }]);
	});
});

describe("a prior is settled", () => {
	it("when it is firm for every run that it was learned from, and not before", () => {
		const priors = priorsOf([30, 5], [30, 5], [30, 5]);
		expect(priors.firmPrior("etl", version, "new")).toBe(30_000);
		expect(priors.isSettled("etl", version)).toBe(false);
		priors.learn("etl", version, { runId: "run-3", tauMs: 30_000, intervals: 1 });
		expect(priors.isSettled("etl", version)).toBe(true);
	});

	it("never without a deployment, a client version or a run", () => {
		const priors = priorsOf([30, 8], [30, 8], [30, 8], [30, 8]);
		expect(priors.isSettled("etl", version)).toBe(true);
		expect(priors.isSettled("etl", "3.8.9")).toBe(false);
		expect(priors.isSettled(null, version)).toBe(false);
		expect(priors.isSettled("etl", null)).toBe(false);
	});
});

describe("the lesson of stored beats", () => {
	const row = (runId: string) => ({
		runId,
		deploymentId: "etl",
		clientVersion: version,
		occurredMs: beatsEvery(180, 9),
	});
	const mark: Learned = { kind: "lesson", row: { key: "stored_beats" } };

	it("teaches cadences as it goes, and is marked once, when it is over", () => {
		const learning = new Learning();
		learning.learnStored([row("a"), row("b"), row("c")], false);
		expect(learning.priors.firmPrior("etl", version, "new")).toBe(180_000);
		expect(learning.takeChanged().map(({ kind }) => kind)).toEqual(["prior"]);
		learning.learnStored([], true);
		expect(learning.takeChanged()).toEqual([{ ...mark, key: "stored_beats" }]);
		expect(learning.takeChanged()).toEqual([]);
	});

	it("has nothing to restore", () => {
		const learning = new Learning();
		learning.restore([mark], 0);
		expect(learning.takeChanged()).toEqual([]);
	});
});

describe("the rows of priors", () => {
	it("change only when something new was said", () => {
		const priors = priorsOf([30, 8]);
		expect(priors.takeChanged()).toHaveLength(1);
		priors.learn("etl", version, { runId: "run-0", tauMs: 30_000, intervals: 8 });
		expect(priors.takeChanged()).toEqual([]);
		priors.learn("etl", version, { runId: "run-0", tauMs: 30_000, intervals: 7 });
		expect(priors.takeChanged()).toHaveLength(1);
		priors.learn("etl", version, { runId: "run-0", tauMs: 30_001, intervals: 7 });
		expect(priors.takeChanged()).toHaveLength(1);
	});

	it("bring back what was known after a restart", () => {
		const before = priorsOf([30, 8], [30, 8], [31, 8]);
		const rows = before.takeChanged().map((key) => before.rowOf(key)!);
		const after = new Priors();
		after.restore(rows);
		expect(after.firmPrior("etl", version, "new")).toBe(30_000);
		expect(after.takeChanged()).toEqual([]);
		expect(rows.map(({ key }) => after.rowOf(key))).toEqual(rows);
	});

	it("are at most 5,000: the one longest unchanged goes, and says so", () => {
		const priors = new Priors();
		const learn = (index: number) => priors.learn(`d${index}`, version, { runId: "a", tauMs: 30_000, intervals: 8 });
		for (let index = 0; index < 5_000; index += 1) learn(index);
		const keys = priors.takeChanged();
		expect(keys.filter((key) => priors.rowOf(key) === null)).toEqual([]);
		learn(5_000);
		expect(keys.filter((key) => priors.rowOf(key) === null)).toEqual([keys[0]]);
		expect(priors.takeChanged()).toContain(keys[0]);
	});
});
