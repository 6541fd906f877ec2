import type { ApiRun } from "../api/run-schema.ts";
import { type Html, html } from "./html.ts";
import { silenceBar } from "./silence-bar.ts";
import { momentOf, standingWords } from "./words.ts";

/** What a table of runs is about: the silence of those that should beat, or why they were flagged. */
export type TableOf = "silence" | "reason";

/** Runs, one a row: what is wrong with it, since when, where it runs, and the ways to more. */
export function runTable(runs: readonly ApiRun[], about: TableOf): Html {
	const second = about === "silence" ? "Silence" : "Why";
	return html`<div class="wide"><table><thead><tr><th scope="col">Flow run</th><th scope="col">Condition</th><th scope="col">${second}</th><th scope="col" class="minor">State</th><th scope="col" class="minor">Deployment</th><th scope="col" class="minor">Work pool</th><th scope="col" class="minor">Last alive</th><th scope="col">Prefect</th></tr></thead><tbody>${runs.map((run) => rowOf(run, about))}</tbody></table></div>`;
}

function rowOf(run: ApiRun, about: TableOf): Html {
	const what = about === "silence" ? silenceBar(run) : html`${run.reason ?? "–"}`;
	return html`<tr><th scope="row">${runLink(run)}</th><td>${run.condition ?? standingWords[run.standing]}</td><td class="what">${what}${surroundingsOf(run)}</td><td class="minor">${run.state_name ?? run.state_type ?? "unknown"}</td><td class="minor">${run.deployment?.name ?? run.deployment?.id ?? run.flow?.name ?? "–"}</td><td class="minor">${run.work_pool ?? "–"}</td><td class="minor">${momentOf(run.last_alive_at)}</td><td><a href="${run.url}" rel="noreferrer" aria-label="open ${run.name ?? run.id} in Prefect">open</a></td></tr>`;
}

/** What it may have died of, whom it is in the way of, and who has it in hand: that decides who is helped first. */
function surroundingsOf({ likely_cause: cause, impact, acknowledged }: ApiRun): readonly Html[] {
	return [cause, impact, acknowledged === null ? null : `in hand: ${acknowledged}`].flatMap((text) =>
		text === null ? [] : [html`<br><span class="soft">${text}</span>`],
	);
}

export function runLink({ id, name }: Pick<ApiRun, "id" | "name">): Html {
	return html`<a href="/runs/${id}">${name ?? id}</a>`;
}
