import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Failure } from "./failures.ts";
import type { Fault } from "./faults.ts";
import { clockText } from "./units.ts";
import { type Sabotage, World } from "./world.ts";

export interface PlayOptions {
	readonly seed: number;
	readonly hours: number;
	readonly runs: number;
	/** Every kind of trouble, instead of those that the seed draws. */
	readonly wild: boolean;
	/** Null: one seed in ten. */
	readonly onFiles: boolean | null;
	readonly sabotage?: Sabotage;
	/** Instead of those that chance draws. */
	readonly faults?: readonly Fault[];
}

export interface Played {
	readonly seed: number;
	readonly failure: Failure | null;
	/** What is printed of a failure, line by line; of anything else nothing. */
	readonly report: readonly string[];
	/** Of the whole story: two plays of a seed have the same. */
	readonly digest: string;
	readonly lines: number;
	readonly lives: number;
	readonly deliveries: number;
	readonly debtsPaid: number;
	readonly excused: Readonly<Record<string, number>>;
}

const reportLinesMax = 30;

/** Plays one seed from beginning to end, or to the first rule that is broken. */
export async function play({ seed, hours, runs, wild, onFiles, sabotage = {}, faults }: PlayOptions): Promise<Played> {
	const usesFiles = onFiles ?? seed % 10 === 0;
	const folder = usesFiles ? mkdtempSync(join(tmpdir(), "zombied-sim-")) : null;
	try {
		const world = new World({ seed, hours, runs, wild, folder, sabotage, faults: faults ?? null });
		await world.play();
		const { story, failures, verdicts, deliveries, debts, lives } = world;
		const failure = failures.first;
		const report = failure === null ? [] : reportOf(seed, failure, story.last(failure.runId, reportLinesMax));
		if (failure !== null)
			report.push(`replay: npm run sim -- --seed ${seed} --hours ${hours} --runs ${runs}${wild ? " --wild" : ""}`);
		return {
			seed,
			failure,
			report,
			digest: story.digest(),
			lines: story.lines,
			lives,
			deliveries: deliveries.count,
			debtsPaid: debts.paid,
			excused: Object.fromEntries(verdicts.excused),
		};
	} finally {
		if (folder !== null) rmSync(folder, { recursive: true, force: true });
	}
}

function reportOf(seed: number, { rule, words, runId, atMs }: Failure, lines: readonly string[]): string[] {
	return [
		`seed ${seed} fails at ${clockText(atMs)}: ${rule}`,
		`  ${words}${runId === null ? "" : ` (run ${runId})`}`,
		...lines.map((line) => `  ${line}`),
	];
}
