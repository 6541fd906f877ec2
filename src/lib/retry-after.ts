/**
 * How long a receiver asks to be left alone, from its `Retry-After`: seconds, or a date. Null: it does not say, or not in
 * a way that can be understood.
 *
 * @param dateMs the receiver's own clock (its `Date`), which a date is meant by
 */
export function retryAfterMs(text: string, dateMs: number, capMs: number): number | null {
	const trimmed = text.trim();
	const ms = /^\d+(?:\.\d+)?$/u.test(trimmed) ? Number(trimmed) * 1000 : Date.parse(trimmed) - dateMs;
	return Number.isNaN(ms) ? null : Math.min(capMs, Math.max(0, ms));
}
