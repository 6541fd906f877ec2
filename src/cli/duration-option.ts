import { formatDuration, parseDuration } from "../lib/duration.ts";
import { OperatorError } from "../lib/errors.ts";

/** @throws OperatorError when it is no duration, or beyond the bounds, which are allowed themselves */
export function durationOption(
	flag: string,
	text: string,
	{ minMs, maxMs }: { readonly minMs: number; readonly maxMs: number },
): number {
	const ms = parseDuration(text);
	if (ms !== null && ms >= minMs && ms <= maxMs) return ms;
	throw new OperatorError(
		`${flag} ${JSON.stringify(text.slice(0, 50))}: expected a duration like 90s, 10m or 1h30m, from ${formatDuration(minMs)} to ${formatDuration(maxMs)}`,
	);
}
