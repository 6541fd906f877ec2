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
	const wholeMs = Date.UTC(Number(year), Number(month) - 1, Number(day), Number(hour), Number(minute), Number(second));
	// Date.UTC carries what is too much over: a 31st of April into May, an hour 24 into the next day.
	const carried = new Date(wholeMs);
	const isCalendarTime =
		carried.getUTCMonth() + 1 === Number(month) &&
		carried.getUTCDate() === Number(day) &&
		carried.getUTCHours() === Number(hour) &&
		carried.getUTCMinutes() === Number(minute);
	if (!isCalendarTime) {
		return null;
	}
	const zoneMs = (Number(zoneHours) * 60 + Number(zoneMinutes)) * 60_000 * (sign === "-" ? -1 : 1);
	const micros = Number(fraction.slice(0, 6).padEnd(6, "0"));
	// Whole milliseconds first: the same instant gives the same number in whatever zone it was written.
	return saneMs(wholeMs - zoneMs + micros / 1000);
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
	if (ms === null || receivedMs === null) {
		return ms;
	}
	return ms >= receivedMs - heldBackMsMax && ms <= receivedMs + aheadMsMax ? ms : null;
}

/** An `until` that never comes: the server's default, now, hides live events, and events of workers whose clock is fast. */
export const farFuture = "2100-01-01T00:00:00Z";
