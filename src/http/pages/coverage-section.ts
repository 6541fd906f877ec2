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
	const head = html`<h2 id="coverage">Coverage</h2><p class="meaning">an unmonitored run has never sent a heartbeat: its client is older than 3.6.22, or has them switched off, or is too young</p>`;
	if (rows.length === 0)
		return html`<section aria-labelledby="coverage">${head}<p class="none">No live runs.</p></section>`;
	const shown = rows.slice(0, shownRowsMax);
	const used = columns.filter((standing) => shown.some(({ standings }) => (standings[standing] ?? 0) > 0));
	const heads = used.map((standing) => html`<th scope="col">${standingWords[standing]}</th>`);
	const lines = shown.map(
		({ deployment, flow_name: flow, client_version: version, standings }) =>
			html`<tr><th scope="row">${deployment?.name ?? deployment?.id ?? flow ?? "no deployment"}</th><td>${version ?? "–"}</td>${used.map((standing) => html`<td class="figure">${standings[standing] ?? 0}</td>`)}</tr>`,
	);
	const rest = rows.length - shown.length + more;
	const note =
		rest === 0 ? null : html`<p class="none">${rest} more rows: <a href="/api/v1/coverage">all of them</a>.</p>`;
	return html`<section aria-labelledby="coverage">${head}<div class="wide"><table><thead><tr><th scope="col">Deployment</th><th scope="col">Client</th>${heads}</tr></thead><tbody>${lines}</tbody></table></div>${note}</section>`;
}
