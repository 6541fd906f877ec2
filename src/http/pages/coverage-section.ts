import type { Standing } from "../../core/explanation.ts";
import type { ApiCoverage } from "../api/schemas.ts";
import { type Html, html } from "./html.ts";
import { standingWords } from "./words.ts";

/** The API has them all. */
const shownRowsMax = 50;
const watched: readonly Standing[] = ["beating", "overdue", "suspect", "flagged"];
const columns: readonly Standing[] = [...watched, "unmonitored", "idle", "unidentified", "aside"];

/** What is watched, and what is not: an unmonitored run can die unseen. */
export function coverageSection({ rows, more }: ApiCoverage): Html {
	const head = html`<h2 id="coverage">Coverage</h2><p class="meaning">An unmonitored run has never sent a heartbeat, and can die unseen: its client is older than 3.6.22, has heartbeats switched off, or has only just begun.</p>`;
	if (rows.length === 0)
		return html`<section aria-labelledby="coverage">${head}<p class="none">No live runs are known.</p></section>`;
	const shown = rows.slice(0, shownRowsMax);
	const used = columns.filter((standing) => shown.some(({ standings }) => (standings[standing] ?? 0) > 0));
	const heads = used.map((standing) => html`<th scope="col">${standingWords[standing]}</th>`);
	const lines = shown.map(
		({ deployment, flow_name: flow, client_version: version, standings }) =>
			html`<tr><th scope="row">${placeOf(deployment, flow)}</th><td>${version ?? "not told"}</td>${used.map((standing) => html`<td class="figure">${standings[standing] ?? 0}</td>`)}</tr>`,
	);
	const rest = rows.length - shown.length + more;
	const note =
		rest === 0 ? null : html`<p class="none">and ${rest} more rows: <a href="/api/v1/coverage">as JSON</a></p>`;
	return html`<section aria-labelledby="coverage">${head}<div class="wide"><table><thead><tr><th scope="col">Deployment</th><th scope="col">Client</th>${heads}</tr></thead><tbody>${lines}</tbody></table></div>${note}</section>`;
}

/** A deployment leads to its runs. */
function placeOf(deployment: ApiCoverage["rows"][number]["deployment"], flow: string | null): Html {
	if (deployment === null) return html`${flow ?? "no deployment"}`;
	return html`<a href="/runs?deployment=${deployment.id}">${deployment.name ?? deployment.id}</a>`;
}
