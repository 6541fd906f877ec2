import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { formatDuration, parseDuration } from "../../../src/lib/duration.ts";

describe("durations", () => {
	test.each([
		["90s", 90_000],
		["9m", 540_000],
		["1h30m", 5_400_000],
		["7d", 604_800_000],
		["500ms", 500],
		["0s", 0],
		["1d2h3m4s5ms", 93_784_005],
		["1m5ms", 60_005],
		["9999999d", 9_999_999 * 86_400_000],
	])("%s is %d ms", (text, ms) => {
		expect(parseDuration(text)).toBe(ms);
	});

	test.each([
		"",
		"60",
		"1.5h",
		"30m1h",
		"5 m",
		" 5m",
		"-5s",
		"5M",
		"1h1h",
		"ms",
		"1234567890s",
		"12345678d",
		"5s\n",
		"１s",
	])("%j is no duration", (text) => {
		expect(parseDuration(text)).toBeNull();
	});

	test("what is written is read back as the same number", () => {
		fc.assert(
			fc.property(fc.integer({ min: 0, max: 999_999_999 * 1000 }), (ms) => {
				expect(parseDuration(formatDuration(ms))).toBe(ms);
			}),
		);
	});

	test("any text gives null or a safe number, never an exception", () => {
		const unit = fc.constantFrom("d", "h", "m", "s", "ms", "", "x");
		const text = fc.array(fc.tuple(fc.nat(), unit)).map((parts) => parts.flat().join(""));
		fc.assert(
			fc.property(fc.oneof(text, fc.string()), (anything) => {
				const ms = parseDuration(anything);
				expect(ms === null || Number.isSafeInteger(ms)).toBe(true);
			}),
		);
	});

	test("the shortest form is written", () => {
		expect(formatDuration(90_000)).toBe("1m30s");
		expect(formatDuration(3_600_000)).toBe("1h");
		expect(formatDuration(0)).toBe("0s");
		expect(formatDuration(0.4)).toBe("0s");
	});
});
