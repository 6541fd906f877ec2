import { setImmediate as nextTurn } from "node:timers/promises";
import type { Condition } from "../../core/episode.ts";
import type { Answers, RunSource } from "../api/api.ts";
import type { ApiRun } from "../api/run-schema.ts";
import type { RunsQuery } from "../api/schemas.ts";
import type { Overview } from "./overview-page.ts";

/** Of one condition, and of suspects: what is more has a page of its own. */
const rowsShownMax = 100;
const recentMax = 25;

/** What the overview shows, with as few looks at the runs as it takes. */
export async function readOverview(answers: Answers): Promise<Overview> {
	const status = answers.status();
	const source = answers.source();
	const open = Object.keys(status.open_by_condition) as Condition[];
	const flagged: ApiRun[] = [];
	for (const condition of open) {
		flagged.push(...(await readRuns(source, { condition, limit: rowsShownMax, from: 0 })).runs);
	}
	const suspects = await readRuns(source, { standing: "suspect", limit: rowsShownMax, from: 0 });
	const coverage = await source.coverage();
	const { episodes } = await source.episodes({ state: "any", limit: recentMax });
	return { status, flagged, suspects: suspects.runs, coverage, recent: episodes };
}

/** As many as are wanted, where there are so many: an answer of the source may hold fewer. */
export async function readRuns(
	source: RunSource,
	query: RunsQuery,
): Promise<{ readonly runs: readonly ApiRun[]; readonly next: number | null }> {
	const runs: ApiRun[] = [];
	let next: number | null = query.from;
	while (next !== null && runs.length < query.limit) {
		const part: Awaited<ReturnType<RunSource["runs"]>> = await source.runs({
			...query,
			limit: query.limit - runs.length,
			from: next,
		});
		runs.push(...part.runs);
		next = part.next;
		// Inputs have their turn between two parts.
		await nextTurn();
	}
	return { runs, next };
}
