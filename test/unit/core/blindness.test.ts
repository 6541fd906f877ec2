import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type BlindCause, type BlindSpan, blindMs, withSpan } from "../../../src/core/blindness.ts";

function span(fromMonoMs: number, untilMonoMs: number, cause: BlindCause = "lag"): BlindSpan {
	return { fromMonoMs, untilMonoMs, cause };
}

function gathered(spans: readonly BlindSpan[]): readonly BlindSpan[] {
	return spans.reduce<readonly BlindSpan[]>(withSpan, []);
}

describe("blind time within a silence", () => {
	it.each([
		{ rule: "is none without spans", spans: [], from: 0, now: 100, expected: 0 },
		{ rule: "is the span within it", spans: [span(10, 30)], from: 0, now: 100, expected: 20 },
		{ rule: "begins with the silence", spans: [span(10, 30)], from: 20, now: 100, expected: 10 },
		{ rule: "ends now", spans: [span(10, 30)], from: 0, now: 15, expected: 5 },
		{ rule: "leaves out a span before it", spans: [span(10, 30)], from: 30, now: 100, expected: 0 },
		{ rule: "leaves out a span after it", spans: [span(10, 30)], from: 0, now: 10, expected: 0 },
		{ rule: "counts an overlap once", spans: [span(10, 30), span(20, 40)], from: 0, now: 100, expected: 30 },
		{
			rule: "counts what lies within another once",
			spans: [span(10, 50), span(20, 30)],
			from: 0,
			now: 100,
			expected: 40,
		},
		{ rule: "adds what is apart", spans: [span(10, 20), span(30, 40)], from: 0, now: 100, expected: 20 },
		{
			rule: "lasts a cadence longer after an outage",
			spans: [span(10, 20, "server_outage")],
			from: 0,
			now: 100,
			expected: 17,
		},
		{
			rule: "lasts no longer than now all the same",
			spans: [span(10, 20, "server_outage")],
			from: 0,
			now: 25,
			expected: 15,
		},
		{
			rule: "is prolonged into a silence that began after the outage",
			spans: [span(10, 20, "server_outage")],
			from: 22,
			now: 100,
			expected: 5,
		},
		{
			rule: "does not count the cadence twice",
			spans: [span(10, 20, "server_outage"), span(25, 30)],
			from: 0,
			now: 100,
			expected: 20,
		},
	])("$rule", ({ spans, from, now, expected }) => {
		expect(blindMs(gathered(spans), from, now, 7)).toBe(expected);
	});

	it("is the length of the union, and never more than the silence", () => {
		const causes = fc.constantFrom<BlindCause>("socket", "own_pause", "silent_stream", "lag", "server_outage");
		const anySpan = fc.record({ fromMonoMs: fc.nat(200), lengthMs: fc.integer({ min: -5, max: 60 }), cause: causes });
		fc.assert(
			fc.property(fc.array(anySpan, { maxLength: 20 }), fc.nat(200), fc.nat(200), (drawn, from, lengthMs) => {
				const spans = drawn.map((one) => span(one.fromMonoMs, one.fromMonoMs + one.lengthMs, one.cause));
				const isBlind = (ms: number) =>
					spans.some(({ fromMonoMs, untilMonoMs, cause }) => {
						const extraMs = cause === "server_outage" && untilMonoMs > fromMonoMs ? 7 : 0;
						return fromMonoMs <= ms && ms < untilMonoMs + extraMs;
					});
				const milliseconds = Array.from({ length: lengthMs }, (_, index) => from + index);
				expect(blindMs(gathered(spans), from, from + lengthMs, 7)).toBe(milliseconds.filter(isBlind).length);
			}),
		);
	});
});

describe("the spans kept", () => {
	it("are in order of beginning, and never empty", () => {
		const spans = gathered([span(30, 40), span(10, 20)]);
		expect(spans).toEqual([span(10, 20), span(30, 40)]);
		expect(withSpan(spans, span(50, 50))).toBe(spans);
		expect(withSpan(spans, span(50, 49))).toBe(spans);
	});

	it("are 64 at most; beyond them the two oldest become one that covers both", () => {
		const many = Array.from({ length: 64 }, (_, index) => span(100 * index, 100 * index + 10));
		expect(gathered(many)).toHaveLength(64);
		const more = withSpan(gathered(many), span(100_000, 100_010));
		expect(more).toHaveLength(64);
		expect(more[0]).toEqual(span(0, 110));
		expect(more.at(-1)).toEqual(span(100_000, 100_010));
	});

	it("never tell of less blindness for being bounded", () => {
		const starts = fc.array(fc.record({ at: fc.nat(5_000), forMs: fc.integer({ min: 1, max: 300 }) }), {
			maxLength: 120,
		});
		fc.assert(
			fc.property(starts, (drawn) => {
				const spans = drawn.map(({ at, forMs }) => span(at, at + forMs)).sort((a, b) => a.fromMonoMs - b.fromMonoMs);
				expect(gathered(spans).length).toBeLessThanOrEqual(64);
				expect(blindMs(gathered(spans), 0, 10_000, 0)).toBeGreaterThanOrEqual(blindMs(spans, 0, 10_000, 0));
			}),
		);
	});
});
