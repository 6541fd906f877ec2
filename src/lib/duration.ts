const unitsMs = [
	["d", 86_400_000],
	["h", 3_600_000],
	["m", 60_000],
	["s", 1000],
	["ms", 1],
] as const;

// Seven digits of days and nine of every other unit keep the sum a safe integer, whatever is written.
const pattern = /^(?:(\d{1,7})d)?(?:(\d{1,9})h)?(?:(\d{1,9})m)?(?:(\d{1,9})s)?(?:(\d{1,9})ms)?$/u;

/**
 * Milliseconds of `90s`, `9m`, `1h30m`, `7d`, `500ms`: whole numbers, the greatest unit first, each unit once.
 * Null for anything else; a bare number is not a duration, because nobody can tell its unit.
 */
export function parseDuration(text: string): number | null {
	const match = text === "" ? null : pattern.exec(text);
	if (match === null) return null;
	return unitsMs.reduce((sum, [, unitMs], index) => sum + Number(match[index + 1] ?? 0) * unitMs, 0);
}

/**
 * The shortest text that `parseDuration` reads back as the same number.
 *
 * @param ms 0 or more, rounded to whole milliseconds
 */
export function formatDuration(ms: number): string {
	let restMs = Math.round(ms);
	let text = "";
	for (const [unit, unitMs] of unitsMs) {
		const count = Math.floor(restMs / unitMs);
		if (count > 0) text += `${count}${unit}`;
		restMs -= count * unitMs;
	}
	return text === "" ? "0s" : text;
}
