/**
 * The candidate that `word` was most likely meant to be: at most a third of its letters off; null when nothing is near.
 * Case does not count.
 */
export function nearest(word: string, candidates: readonly string[]): string | null {
	let best: { readonly candidate: string; readonly edits: number } | null = null;
	for (const candidate of candidates) {
		const edits = editsBetween(word.toLowerCase(), candidate.toLowerCase());
		if (edits <= Math.max(1, Math.floor(candidate.length / 3)) && edits < (best?.edits ?? Number.POSITIVE_INFINITY)) {
			best = { candidate, edits };
		}
	}
	return best?.candidate ?? null;
}

/** Levenshtein's distance. */
function editsBetween(a: string, b: string): number {
	// A key this much longer is no slip of the finger, and the table below is quadratic.
	if (Math.abs(a.length - b.length) > b.length) return Number.POSITIVE_INFINITY;
	let previous = Array.from({ length: b.length + 1 }, (_, index) => index);
	for (let row = 1; row <= a.length; row++) {
		const current = [row];
		for (let column = 1; column <= b.length; column++) {
			const substituted = (previous[column - 1] ?? 0) + (a[row - 1] === b[column - 1] ? 0 : 1);
			current.push(Math.min(substituted, (previous[column] ?? 0) + 1, (current[column - 1] ?? 0) + 1));
		}
		previous = current;
	}
	return previous[b.length] ?? 0;
}
