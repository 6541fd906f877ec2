import { createHash, type Hash } from "node:crypto";
import { clockText } from "./units.ts";

interface Line {
	readonly order: number;
	readonly text: string;
}

const linesOfRunMax = 400;

/** What happened, line by line: hashed as a whole, so that two plays of a seed can be compared, and kept for each run. */
export class Story {
	readonly #hash: Hash = createHash("sha256");
	readonly #byRun = new Map<string, Line[]>();
	readonly #world: Line[] = [];
	#order = 0;

	/** @param runId null: it concerns everybody */
	tell(atMs: number, runId: string | null, text: string): void {
		const line = { order: this.#order++, text: `${clockText(atMs)}  ${text}` };
		this.#hash.update(`${atMs} ${runId} ${text}\n`);
		const lines = runId === null ? this.#world : (this.#byRun.get(runId) ?? []);
		lines.push(line);
		if (lines.length > 2 * linesOfRunMax) lines.splice(0, linesOfRunMax);
		if (runId !== null) this.#byRun.set(runId, lines);
	}

	/** The last lines of one run, and of what concerns everybody, in order. */
	last(runId: string | null, linesMax: number): readonly string[] {
		const lines = [...this.#world, ...(this.#byRun.get(runId ?? "") ?? [])];
		return lines
			.toSorted((a, b) => a.order - b.order)
			.slice(-linesMax)
			.map(({ text }) => text);
	}

	get lines(): number {
		return this.#order;
	}

	/** Call once, at the end. */
	digest(): string {
		return this.#hash.digest("hex");
	}
}
