import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { cadenceBeatsMax, cadenceOf, ownCadence, settledCadence, withOccurred } from "../../../src/core/cadence.ts";

/** Beats of which the intervals are these, in seconds. */
function beatsApart(...seconds: readonly number[]): readonly number[] {
	const beats = [1_000_000];
	for (const apart of seconds) beats.push(beats.at(-1)! + apart * 1000);
	return beats;
}

const learned = (seconds: number) => ({ tauMs: seconds * 1000, source: "learned" });
const prior = (seconds: number) => ({ tauMs: seconds * 1000, source: "prior" });
const unknown = { tauMs: null, source: "unknown" };

describe("the cadence without a prior", () => {
	it.each([
		{ rule: "is unknown without beats", beats: [], expected: unknown },
		{ rule: "is unknown after one beat", beats: beatsApart(), expected: unknown },
		{ rule: "is the only interval of two beats", beats: beatsApart(30), expected: learned(30) },
		{ rule: "is the smaller of two intervals", beats: beatsApart(60, 30), expected: learned(30) },
		{ rule: "is the second smallest of three", beats: beatsApart(90, 30, 31), expected: learned(31) },
		{
			rule: "is the second smallest of eight",
			beats: beatsApart(40, 39, 38, 37, 36, 35, 34, 33),
			expected: learned(34),
		},
		{ rule: "leaves out an interval just under 25 s", beats: beatsApart(24.999), expected: unknown },
		{ rule: "takes an interval of 25 s", beats: beatsApart(25), expected: learned(25) },
		{ rule: "counts only intervals of 25 s and more", beats: beatsApart(2, 60, 30), expected: learned(30) },
	])("$rule", ({ beats, expected }) => {
		expect(cadenceOf(beats, null)).toEqual(expected);
	});

	it("is not moved by lost beats, however many, while two intervals were whole", () => {
		const missed = fc.array(fc.integer({ min: 1, max: 20 }), { minLength: 1, maxLength: 6 });
		fc.assert(
			fc.property(missed, (lost) => {
				expect(cadenceOf(beatsApart(30, 30, ...lost.map((beats) => 30 * (beats + 1))), null)).toEqual(learned(30));
			}),
		);
	});
});

describe("the cadence with a firm prior of 100 s", () => {
	it.each([
		{ rule: "is the prior without beats", intervals: null, expected: prior(100) },
		{ rule: "is the prior after one beat", intervals: [], expected: prior(100) },
		{ rule: "is the prior when no interval reaches 25 s", intervals: [24.999], expected: prior(100) },
		{ rule: "is the prior when the interval equals it", intervals: [100], expected: prior(100) },
		{ rule: "is the prior, not an interval 5 % longer", intervals: [105], expected: prior(100) },
		{ rule: "is an interval that is longer by just over 5 %", intervals: [105.001], expected: learned(105.001) },
		{ rule: "is the prior, not an interval 5 % shorter", intervals: [95], expected: prior(100) },
		{ rule: "is the prior when the interval is far shorter: it is the longer", intervals: [30], expected: prior(100) },
		{ rule: "is an interval just under 5 % short of twice it", intervals: [189.999], expected: learned(189.999) },
		{ rule: "is the prior from 5 % short of twice it", intervals: [190], expected: prior(100) },
		{ rule: "is the prior up to 5 % over twice it", intervals: [210], expected: prior(100) },
		{ rule: "is an interval just over 5 % beyond twice it", intervals: [210.001], expected: learned(210.001) },
		{ rule: "is an interval just under 5 % short of thrice it", intervals: [284.999], expected: learned(284.999) },
		{ rule: "is the prior from 5 % short of thrice it", intervals: [285], expected: prior(100) },
		{ rule: "is the prior up to 5 % over thrice it", intervals: [315], expected: prior(100) },
		{ rule: "is an interval just over 5 % beyond thrice it", intervals: [315.001], expected: learned(315.001) },
		{ rule: "is an interval of four times it", intervals: [400], expected: learned(400) },
		{ rule: "goes by the smaller of two intervals", intervals: [400, 200], expected: prior(100) },
		{ rule: "goes by the smaller of two intervals, both longer", intervals: [400, 150], expected: learned(150) },
		{ rule: "is the run's own from three intervals on", intervals: [30, 31, 32], expected: learned(31) },
		{
			rule: "is not the run's own at three intervals of which one is too short",
			intervals: [2, 30, 30],
			expected: prior(100),
		},
		{
			rule: "is the run's own from three on, though it be twice the prior",
			intervals: [200, 200, 200],
			expected: learned(200),
		},
	])("$rule", ({ intervals, expected }) => {
		expect(cadenceOf(intervals === null ? [] : beatsApart(...intervals), 100_000)).toEqual(expected);
	});
});

describe("what a run's own beats say", () => {
	it("comes with the number of intervals it was taken from", () => {
		expect(ownCadence([])).toBeNull();
		expect(ownCadence(beatsApart(24.999))).toBeNull();
		expect(ownCadence(beatsApart(60, 30))).toEqual({ tauMs: 30_000, intervals: 2 });
		expect(ownCadence(beatsApart(2, 60, 30, 31))).toEqual({ tauMs: 31_000, intervals: 3 });
	});
});

describe("the ring of beats", () => {
	const beats = fc.array(fc.integer({ min: 0, max: 10_000 }), { maxLength: 40 });

	it("holds the newest distinct beats in order, whatever order they came in and how often", () => {
		fc.assert(
			fc.property(beats, (came) => {
				const newest = [...new Set(came)].sort((a, b) => a - b).slice(-cadenceBeatsMax);
				expect(came.reduce<readonly number[]>(withOccurred, [])).toEqual(newest);
				expect([...came, ...came].reduce<readonly number[]>(withOccurred, [])).toEqual(newest);
			}),
		);
	});

	it("stays the same object when a beat brings nothing", () => {
		const full = Array.from({ length: cadenceBeatsMax }, (_, index) => 100 + index);
		expect(withOccurred(full, 104)).toBe(full);
		expect(withOccurred(full, 99)).toBe(full);
		expect(withOccurred(full.slice(1), 99)).toEqual([99, ...full.slice(1)]);
		expect(withOccurred(full, 200)).toEqual([...full.slice(1), 200]);
	});
});

it("from three intervals on the cadence is settled, and no prior changes it", () => {
	expect(settledCadence(beatsApart(30, 30))).toBeNull();
	const settled = settledCadence(beatsApart(30, 30, 60));
	expect(settled).toEqual(learned(30));
	expect(cadenceOf(beatsApart(30, 30, 60), 100_000)).toEqual(settled);
});
