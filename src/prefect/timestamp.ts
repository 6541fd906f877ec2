/** Earlier or later than this no Prefect event, state or server clock can be: the senders' clock is broken. */
const earliestMs = Date.UTC(2000, 0, 1);
const latestMs = Date.UTC(2100, 0, 1);

const pattern = /^(\d{4})-(\d{2})-(\d{2})[T ](\d{2}):(\d{2}):(\d{2})(?:\.(\d{1,9}))?(?:(Z)|([+-])(\d{2}):?(\d{2}))$/u;

/**
 * Milliseconds since the epoch, with microseconds as the fraction, of an RFC 3339 time. Null: not a time, without a
 * zone (whose midnight?), no such day, or outside the years 2000 to 2099.
 */
export function timestampMs(value: unknown): number | null {
	const match = typeof value === "string" ? pattern.exec(value) : null;
	if (match === null) {
		return null;
	}
	const [, year, month, day, hour, minute, second, fraction = "", , sign, zoneHours = "0", zoneMinutes = "0"] = match;
	const wholeMs = calendarMs(Number(year), Number(month), Number(day), Number(hour), Number(minute), Number(second));
	const zoneMs = (Number(zoneHours) * 60 + Number(zoneMinutes)) * 60_000 * (sign === "-" ? -1 : 1);
	const micros = Number(fraction.slice(0, 6).padEnd(6, "0"));
	// Whole milliseconds first: the same instant gives the same number in whatever zone it was written.
	return wholeMs === null ? null : saneMs(wholeMs - zoneMs + micros / 1000);
}

/** Null: there is no such day, or no such time of day. */
function calendarMs(
	year: number,
	month: number,
	day: number,
	hour: number,
	minute: number,
	second: number,
): number | null {
	const isTime = hour < 24 && minute < 60 && second < 60;
	return isTime && day > 0 && day <= daysIn(year, month) ? Date.UTC(year, month - 1, day, hour, minute, second) : null;
}

/** 0 for what is no month. */
function daysIn(year: number, month: number): number {
	if (month < 1 || month > 12) return 0;
	if (month === 2) return year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0) ? 29 : 28;
	return month === 4 || month === 6 || month === 9 || month === 11 ? 30 : 31;
}

/** Prefect's own way of writing a time, which `scanTimestamp` reads; 0 stands for any digit. */
const prefectTime = "0000-00-00T00:00:00.000000Z";
export const prefectTimeBytes: number = prefectTime.length;
const [dash, timeMark, colon, dot, zoneMark] = [0x2d, 0x54, 0x3a, 0x2e, 0x5a];

/** The day that was read last: nearly every time is of the same one as the time before. */
export class DateMemory {
	#date = 0;
	#midnightMs: number | null = null;

	/** @param date its eight digits as one number */
	midnightMs(date: number): number | null {
		if (date === this.#date) return this.#midnightMs;
		this.#date = date;
		this.#midnightMs = calendarMs(Math.floor(date / 10_000), Math.floor(date / 100) % 100, date % 100, 0, 0, 0);
		return this.#midnightMs;
	}
}

/**
 * The same as `timestampMs` of the text that begins at `from`, when it is one that Prefect writes
 * (`2026-11-22T18:17:57.758303Z`). Null for any other, be it a time in another form.
 */
export function scanTimestamp(bytes: Uint8Array, from: number, dates: DateMemory): number | null {
	if (!isPunctuated(bytes, from)) return null;
	const century = pairAt(bytes, from);
	const year = pairAt(bytes, from + 2);
	const month = pairAt(bytes, from + 5);
	const day = pairAt(bytes, from + 8);
	const hour = pairAt(bytes, from + 11);
	const minute = pairAt(bytes, from + 14);
	const second = pairAt(bytes, from + 17);
	const [high, middle, low] = [pairAt(bytes, from + 20), pairAt(bytes, from + 22), pairAt(bytes, from + 24)];
	const signs = century | year | month | day | hour | minute | second | high | middle | low;
	if (signs < 0 || hour >= 24 || minute >= 60 || second >= 60) return null;
	const midnightMs = dates.midnightMs((century * 100 + year) * 10_000 + month * 100 + day);
	if (midnightMs === null) return null;
	const micros = high * 10_000 + middle * 100 + low;
	// Whole milliseconds first, as above: the same instant gives the same number.
	return saneMs(midnightMs + ((hour * 60 + minute) * 60 + second) * 1000 + micros / 1000);
}

function isPunctuated(bytes: Uint8Array, from: number): boolean {
	return (
		bytes[from + 4] === dash &&
		bytes[from + 7] === dash &&
		bytes[from + 10] === timeMark &&
		bytes[from + 13] === colon &&
		bytes[from + 16] === colon &&
		bytes[from + 19] === dot &&
		bytes[from + 26] === zoneMark
	);
}

/** Two digits; negative when one of them is none. */
function pairAt(bytes: Uint8Array, at: number): number {
	const tens = ((bytes[at] ?? 0) - 0x30) | 0;
	const ones = ((bytes[at + 1] ?? 0) - 0x30) | 0;
	return tens < 0 || tens > 9 || ones < 0 || ones > 9 ? -1 : tens * 10 + ones;
}

function saneMs(ms: number): number | null {
	return ms >= earliestMs && ms < latestMs ? ms : null;
}

/** Clients hold events while a server is away, at most for days: far more than 30 days is a broken clock. */
export const heldBackMsMax = 30 * 86_400_000;
/** Workers' clocks are skewed by up to a day either way, and zones are mistaken: 2 days leave room. */
export const aheadMsMax = 2 * 86_400_000;

/**
 * The time, if it makes sense beside the moment at which the server received it (null: unknown, then any sane year
 * does). The bounds themselves make sense.
 */
export function plausibleMs(value: unknown, receivedMs: number | null): number | null {
	const ms = timestampMs(value);
	return ms === null || receivedMs === null || isPlausible(ms, receivedMs) ? ms : null;
}

export function isPlausible(ms: number, receivedMs: number): boolean {
	return ms >= receivedMs - heldBackMsMax && ms <= receivedMs + aheadMsMax;
}

/** An `until` that never comes: the server's default, now, hides live events, and events of workers whose clock is fast. */
export const farFuture = "2100-01-01T00:00:00Z";
