// What can move the cursor, end a line, colour a terminal or reorder the letters on it: control characters (C0, DEL,
// C1, hence every ANSI sequence), line and paragraph separators, bidirectional controls, invisible joiners that hide
// text (zero-width space, word joiner, BOM, tag characters), interlinear marks, and halves of surrogate pairs.
const harmful =
	/[\p{Cc}\p{Zl}\p{Zp}\p{Cs}\u061c\u180e\u200b\u200e\u200f\u202a-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\u{e0000}-\u{e007f}]/gu;

const cutMark = "…";

function escaped(character: string): string {
	return `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`;
}

/**
 * A text from outside, fit for a log line or a terminal: harmful characters are shown as `\u{1b}` instead of acting,
 * and what is longer than `charsMax` (UTF-16 units) ends in "…". Idempotent; an ordinary text comes back unchanged.
 */
export function plainText(text: string, charsMax: number): string {
	// Cut before replacing, so that a megabyte of control characters costs no more than what is kept of it.
	return cut(cut(text, charsMax).replace(harmful, escaped), charsMax);
}

/** Cut to at most `charsMax` UTF-16 units, mark included, never through a surrogate pair. */
export function cut(text: string, charsMax: number): string {
	if (text.length <= charsMax) return text;
	const kept = text.slice(0, Math.max(0, charsMax - cutMark.length));
	return `${/[\ud800-\udbff]$/.test(kept) ? kept.slice(0, -1) : kept}${cutMark}`;
}

/** RFC 3339, UTC, milliseconds; null for null and for numbers that are no date. */
export function isoTime(ms: number | null): string | null {
	return ms === null || !(Math.abs(ms) <= 8.64e15) ? null : new Date(ms).toISOString();
}
