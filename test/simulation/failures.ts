/** A rule that was broken: the first one ends the play. */
export interface Failure {
	readonly rule: string;
	readonly words: string;
	readonly runId: string | null;
	/** The world's time. */
	readonly atMs: number;
}

export class Failures {
	readonly #nowMs: () => number;
	first: Failure | null = null;

	constructor(nowMs: () => number) {
		this.#nowMs = nowMs;
	}

	report(rule: string, runId: string | null, words: string): void {
		this.first ??= { rule, words, runId, atMs: this.#nowMs() };
	}
}
