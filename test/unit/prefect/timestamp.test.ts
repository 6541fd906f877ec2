import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { aheadMsMax, heldBackMsMax, plausibleMs, timestampMs } from "../../../src/prefect/timestamp.ts";
import { isoMicros } from "../../_util/prefect-events.ts";

const noonMs = Date.UTC(2026, 10, 22, 12);

describe("timestamps", () => {
	test.each([
		["2026-11-22T12:00:00Z", noonMs],
		["2026-11-22T12:00:00.5Z", noonMs + 500],
		["2026-11-22T12:00:00.000123Z", noonMs + 0.123],
		["2026-11-22T12:00:00.000123456Z", noonMs + 0.123],
		["2026-11-22T13:30:00+01:30", noonMs],
		["2026-11-22T10:30:00-0130", noonMs],
		["2026-11-22 12:00:00+00:00", noonMs],
		["2000-01-01T00:00:00Z", Date.UTC(2000, 0, 1)],
		["2099-12-31T23:59:59.999Z", Date.UTC(2100, 0, 1) - 1],
	])("%s is understood", (text, ms) => {
		expect(timestampMs(text)).toBe(ms);
	});

	test.each([
		"2026-11-22T12:00:00",
		"2026-11-22",
		"1970-01-01T00:00:00Z",
		"1999-12-31T23:59:59.999Z",
		"2100-01-01T00:00:00Z",
		"9999-12-31T23:59:59Z",
		"2026-13-01T00:00:00Z",
		"2026-04-31T00:00:00Z",
		"2026-04-30T24:00:00Z",
		"2026-04-30T23:60:00Z",
		"2026-04-30T23:59:60Z",
		"2026-00-30T00:00:00Z",
		"yesterday",
		"NaN",
		"",
		Number.NaN,
		noonMs,
		null,
		undefined,
		{},
		["2026-11-22T12:00:00Z"],
	])("T9: %j makes no sense", (value) => {
		expect(timestampMs(value)).toBeNull();
	});

	test("microseconds survive, and the zone it is written in does not matter", () => {
		fc.assert(
			fc.property(fc.integer({ min: 0, max: 999_999 }), fc.integer({ min: -14, max: 14 }), (micros, hours) => {
				const ms = noonMs + micros / 1000;
				const zone = `${hours < 0 ? "-" : "+"}${String(Math.abs(hours)).padStart(2, "0")}:00`;
				const elsewhere = isoMicros(ms + hours * 3_600_000).replace("Z", zone);
				expect(timestampMs(isoMicros(ms))).toBe(timestampMs(elsewhere));
				expect(Math.round((timestampMs(elsewhere) ?? 0) * 1000)).toBe(noonMs * 1000 + micros);
			}),
		);
	});

	test.each([
		[noonMs - heldBackMsMax, true],
		[noonMs - heldBackMsMax - 1, false],
		[noonMs + aheadMsMax, true],
		[noonMs + aheadMsMax + 1, false],
	])("beside its receipt: %#", (ms, isPlausible) => {
		expect(plausibleMs(isoMicros(ms), noonMs)).toBe(isPlausible ? ms : null);
	});

	test("without a receipt any sane year will do", () => {
		expect(plausibleMs("2001-01-01T00:00:00Z", null)).toBe(Date.UTC(2001, 0, 1));
		expect(plausibleMs("9999-01-01T00:00:00Z", null)).toBeNull();
	});
});
