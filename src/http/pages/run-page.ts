import type { ApiEpisode, ApiRunDetail } from "../api/run-schema.ts";
import { type Html, html } from "./html.ts";
import { silenceBar } from "./silence-bar.ts";
import { timelinePicture } from "./timeline-picture.ts";
import { durationText, momentOf, standingWords } from "./words.ts";

/** One run: the verdict and its reasons, its past as a picture, and its alerts. */
export function runMain(run: ApiRunDetail, nowMs: number): Html {
	const [verdict, ...reasons] = run.explanation;
	return html`<h1>${run.name ?? run.id}</h1>
<p class="verdict ${run.condition === null ? run.standing : "flagged"}">${verdict ?? standingWords[run.standing]}</p>
<p><a href="${run.url}" rel="noreferrer">This run in Prefect</a></p>
<section aria-labelledby="timeline"><h2 id="timeline">Timeline</h2>${timelinePicture(run, nowMs)}</section>
<section aria-labelledby="why"><h2 id="why">Why</h2><ul>${reasons.map((reason) => html`<li>${reason}</li>`)}</ul>${run.watched ? null : html`<p class="none">zombied no longer watches this run; this is what it had stored.</p>`}</section>
<section aria-label="Facts"><dl class="facts">${factsOf(run)}</dl></section>
${episodesSection(run)}`;
}

function factsOf(run: ApiRunDetail): readonly Html[] {
	const facts: readonly (readonly [string, Html])[] = [
		["Id", html`<code>${run.id}</code>`],
		["State", html`${run.state_name ?? "unknown"}${run.state_type === null ? "" : ` (${run.state_type})`}`],
		["Attempt", html`${run.attempt}`],
		["Silence", silenceBar(run)],
		["Last alive", momentOf(run.last_alive_at)],
		["Beats every", html`${run.cadence_seconds === null ? "not known yet" : durationText(run.cadence_seconds)}`],
		["Flow", html`${run.flow?.name ?? run.flow?.id ?? "–"}`],
		["Deployment", html`${run.deployment?.name ?? run.deployment?.id ?? "–"}`],
		["Work pool", html`${run.work_pool ?? "–"}`],
		["Client", html`${run.client_version ?? "–"}`],
		["Tags", html`${run.tags.join(", ") || "–"}`],
	];
	return facts.map(([name, text]) => html`<div class="plain"><dt>${name}</dt><dd>${text}</dd></div>`);
}

function episodesSection({ episodes }: ApiRunDetail): Html {
	if (episodes.length === 0)
		return html`<section aria-labelledby="alerts"><h2 id="alerts">Alerts</h2><p class="none">None.</p></section>`;
	const rows = episodes.map(
		(episode) =>
			html`<tr><th scope="row">${episode.condition}</th><td>${momentOf(episode.raised_at)}</td><td>${episode.outcome ?? "open"}</td><td>${episode.reason}${surroundingsOf(episode)}</td><td><code>${episode.alert_id}</code></td></tr>`,
	);
	return html`<section aria-labelledby="alerts"><h2 id="alerts">Alerts</h2><div class="wide"><table><thead><tr><th scope="col">Condition</th><th scope="col">Raised</th><th scope="col">Outcome</th><th scope="col">Why</th><th scope="col">Alert</th></tr></thead><tbody>${rows}</tbody></table></div></section>`;
}

/** What the run may have died of, and what it kept from others. Of an open alert the reasons above say it. */
function surroundingsOf({ outcome, likely_cause: cause, impact }: ApiEpisode): readonly Html[] {
	if (outcome === null) return [];
	return [
		...(cause === null ? [] : [html`<br>Likely cause: ${cause}`]),
		...(impact === null ? [] : [html`<br>Blast radius: ${impact.text}`]),
	];
}
