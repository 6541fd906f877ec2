import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { cadenceBeatsMax, cadenceOf, withOccurred } from "../../../src/core/cadence.ts";

/** Beats of which the intervals are these, in seconds. */
function beatsApart(...seconds: readonly number[]): readonly number[] {
	const beats = [1_000_000];
	for (const apart of seconds) beats.push(beats.at(-1)! + apart * 1000);
	return beats;
}

const learned = (seconds: number) => ({ tauMs: seconds * 1000, source: "learned" });
const unknown = { tauMs: null, source: "unknown" };

describe("the cadence", () => {
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
		expect(cadenceOf(beats)).toEqual(expected);
	});

	it("is not moved by lost beats, however many, while two intervals were whole", () => {
		const missed = fc.array(fc.integer({ min: 1, max: 20 }), { minLength: 1, maxLength: 6 });
		fc.assert(
			fc.property(missed, (lost) => {
				expect(cadenceOf(beatsApart(30, 30, ...lost.map((beats) => 30 * (beats + 1))))).toEqual(learned(30));
			}),
		);
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
