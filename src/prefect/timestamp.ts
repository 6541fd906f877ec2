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
const prefectTime = Buffer.from("0000-00-00T00:00:00.000000Z");
export const prefectTimeBytes: number = prefectTime.length;
const digitZero = 0x30;

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
	for (let index = 0; index < prefectTimeBytes; index += 1) {
		const wanted = prefectTime[index];
		const byte = bytes[from + index] ?? 0;
		if (wanted === digitZero ? byte < digitZero || byte > digitZero + 9 : byte !== wanted) return null;
	}
	const year = twoDigits(bytes, from) * 100 + twoDigits(bytes, from + 2);
	const midnightMs = dates.midnightMs(year * 10_000 + twoDigits(bytes, from + 5) * 100 + twoDigits(bytes, from + 8));
	const hour = twoDigits(bytes, from + 11);
	const minute = twoDigits(bytes, from + 14);
	const second = twoDigits(bytes, from + 17);
	if (midnightMs === null || hour >= 24 || minute >= 60 || second >= 60) return null;
	const micros = twoDigits(bytes, from + 20) * 10_000 + twoDigits(bytes, from + 22) * 100 + twoDigits(bytes, from + 24);
	// Whole milliseconds first, as above: the same instant gives the same number.
	return saneMs(midnightMs + ((hour * 60 + minute) * 60 + second) * 1000 + micros / 1000);
}

function twoDigits(bytes: Uint8Array, at: number): number {
	return ((bytes[at] ?? 0) - digitZero) * 10 + (bytes[at + 1] ?? 0) - digitZero;
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
