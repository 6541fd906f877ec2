import { conditions } from "../../core/episode.ts";
import { standings } from "../../core/explanation.ts";
import { textOf } from "../api/plain.ts";
import type { ApiRun } from "../api/run-schema.ts";
import type { RunsQuery } from "../api/schemas.ts";
import { type Html, html } from "./html.ts";
import { runTable } from "./run-table.ts";
import { standingWords } from "./words.ts";

/** A part of the runs, as they were asked for. */
export interface RunList {
	readonly query: RunsQuery;
	readonly runs: readonly ApiRun[];
	/** Where the next part begins; null: that was all. */
	readonly next: number | null;
}

/** All runs in memory, or those that were asked for, a part at a time. */
export function runsMain({ query, runs, next }: RunList): Html {
	const body = runs.length === 0 ? html`<p class="none">No such runs.</p>` : runTable(runs, "silence");
	const first = query.from === 0 ? null : html`<a href="${pathOf(query, 0)}">first page</a> `;
	const further = next === null ? null : html`<a rel="next" href="${pathOf(query, next)}">next page</a>`;
	return html`<h1>${titleOf(query)}</h1>${filterLinks()}${body}<p>${first}${further}</p>`;
}

export function titleOf({ standing, condition, deployment, work_pool: pool, name }: RunsQuery): string {
	const parts = [
		condition ?? (standing === undefined ? null : standingWords[standing]),
		name === undefined ? null : `named ${textOf(name)}`,
		deployment === undefined ? null : `deployment ${textOf(deployment)}`,
		pool === undefined ? null : `work pool ${textOf(pool)}`,
	].filter((part) => part !== null);
	return parts.length === 0 ? "All runs" : `Runs: ${parts.join(", ")}`;
}

function filterLinks(): Html {
	const shown = standings.filter((standing) => standing !== "unidentified" && standing !== "aside");
	const links = [
		html`<a href="/runs">all</a>`,
		...shown.map((standing) => html` <a href="/runs?standing=${standing}">${standingWords[standing]}</a>`),
	];
	const byCondition = conditions.map((condition) => html` <a href="/runs?condition=${condition}">${condition}</a>`);
	return html`<nav class="filters" aria-label="Which runs"><p>How they stand: ${links}</p><p>Open alert: ${byCondition}</p></nav>`;
}

/** As many a page as before. */
function pathOf(query: RunsQuery, from: number): string {
	const asked = Object.entries({ ...query, from }).flatMap(([name, value]) =>
		value === undefined ? [] : [[name, String(value)]],
	);
	return `/runs?${new URLSearchParams(asked).toString()}`;
}
