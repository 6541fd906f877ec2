import type { Condition } from "../../core/episode.ts";
import type { ApiEpisode, ApiRun } from "../api/run-schema.ts";
import type { ApiCoverage, ApiEpisodes, ApiStatus } from "../api/schemas.ts";
import { coverageSection } from "./coverage-section.ts";
import { healthSection } from "./health-section.ts";
import { type Html, html } from "./html.ts";
import { silenceBar } from "./silence-bar.ts";
import { countText, durationText, momentOf } from "./words.ts";

/** Of one table: more is for the API. */
export const pageRunsMax = 1_000;

export interface Overview {
	readonly status: ApiStatus;
	/** With an open episode, at most `pageRunsMax`. */
	readonly flagged: readonly ApiRun[];
	/** Past the line of suspicion, and not told. */
	readonly suspects: readonly ApiRun[];
	readonly coverage: ApiCoverage;
	readonly recent: ApiEpisodes["episodes"];
}

interface Kind {
	readonly title: string;
	readonly conditions: readonly Condition[];
	readonly meaning: string;
}

/** The worst first. */
const kinds: readonly Kind[] = [
	{ title: "Zombies", conditions: ["zombie"], meaning: "dead, although Prefect says that they run" },
	{
		title: "Stuck",
		conditions: ["stuck_pending", "stuck_retry", "stuck_cancelling", "stuck_scheduled"],
		meaning: "in a state for too long",
	},
	{ title: "Undead", conditions: ["undead"], meaning: "ended, although their process goes on beating" },
	{ title: "Deaf", conditions: ["deaf"], meaning: "no heartbeats, yet alive by their logs or task runs" },
	{
		title: "Others",
		conditions: ["never_beat", "overrun", "stale"],
		meaning: "never beat, run too long, or show no sign of life",
	},
];

/** Everything that one on call asks first: does zombied itself see, what is dead, what may be, what is watched at all. */
export function overviewMain({ status, flagged, suspects, coverage, recent }: Overview): Html {
	return html`<h1>${titleOf(status, flagged.length)}</h1>
${healthSection(status)}${groupsSection(status)}${kinds.map((kind) => kindSection(kind, flagged))}${suspectsSection(suspects, status)}${recentSection(recent)}${coverageSection(coverage)}`;
}

export function titleOf({ open_episodes: open, suspects, blind }: ApiStatus, flagged: number): string {
	const count = Math.max(open, flagged);
	if (count > 0) return countText(count, "run needs you", "runs need you");
	if (blind) return "Verdicts are on hold";
	return suspects > 0 ? `No alerts, ${countText(suspects, "suspect", "suspects")}` : "No alerts";
}

function groupsSection({ group_incidents: groups }: ApiStatus): Html | null {
	if (groups.length === 0) return null;
	const rows = groups.map(
		({ kind, group, extent, runs, raised_at: raisedAt, held_until: until }) =>
			html`<tr><th scope="row">${kind === "everything" ? "everything" : `${kind === "work_pool" ? "work pool" : "client version"} ${group}`}</th><td>${countText(runs, "run", "runs")} (${extent})</td><td>${momentOf(raisedAt)}</td><td>${momentOf(until)}</td></tr>`,
	);
	return html`<section class="alarm" aria-labelledby="groups"><h2 id="groups">Fell silent together</h2><p class="meaning">One incident each; verdicts on their runs wait, for it may be the way of the events and not the runs.</p>
<div class="wide"><table><thead><tr><th scope="col">Group</th><th scope="col">Silent</th><th scope="col">Since</th><th scope="col">Held until at most</th></tr></thead><tbody>${rows}</tbody></table></div></section>`;
}

function kindSection({ title, conditions, meaning }: Kind, flagged: readonly ApiRun[]): Html | null {
	const runs = flagged.filter(({ condition }) => condition !== null && conditions.includes(condition));
	if (runs.length === 0 && title !== "Zombies") return null;
	const id = title.toLowerCase();
	const head = html`<h2 id="${id}">${title} <span class="count">${runs.length}</span></h2><p class="meaning">${meaning}</p>`;
	if (runs.length === 0) return html`<section aria-labelledby="${id}">${head}<p class="none">None.</p></section>`;
	return html`<section class="alarm" aria-labelledby="${id}">${head}${runTable(runs)}</section>`;
}

function suspectsSection(suspects: readonly ApiRun[], status: ApiStatus): Html {
	const head = html`<h2 id="suspects">Suspects <span class="count">${Math.max(suspects.length, status.suspects)}</span></h2><p class="meaning">silent for longer than they should be; the server is asked before anything is told</p>`;
	const body = suspects.length === 0 ? html`<p class="none">None.</p>` : runTable(suspects);
	return html`<section aria-labelledby="suspects">${head}${body}</section>`;
}

function runTable(runs: readonly ApiRun[]): Html {
	const rows = runs.map(
		(run) =>
			html`<tr><th scope="row">${runLink(run)}</th><td>${run.condition ?? run.standing}</td><td>${silenceBar(run)}</td><td>${run.state_name ?? run.state_type ?? "unknown"}</td><td>${run.deployment?.name ?? run.flow?.name ?? "–"}</td><td>${run.work_pool ?? "–"}</td><td>${momentOf(run.last_alive_at)}</td><td><a href="${run.url}" rel="noreferrer">Prefect</a></td></tr>`,
	);
	return html`<div class="wide"><table><thead><tr><th scope="col">Flow run</th><th scope="col">Condition</th><th scope="col">Silence</th><th scope="col">State</th><th scope="col">Deployment</th><th scope="col">Work pool</th><th scope="col">Last alive</th><th scope="col">Look</th></tr></thead><tbody>${rows}</tbody></table></div>`;
}

function runLink({ id, name }: Pick<ApiRun, "id" | "name">): Html {
	return html`<a href="/runs/${id}">${name ?? id}</a>`;
}

function recentSection(episodes: readonly ApiEpisode[]): Html {
	const head = html`<h2 id="recent">Recent alerts</h2>`;
	if (episodes.length === 0)
		return html`<section aria-labelledby="recent">${head}<p class="none">None yet.</p></section>`;
	const rows = episodes.map(
		(episode) =>
			html`<tr><th scope="row">${runLink({ id: episode.run_id, name: episode.run_name })}</th><td>${episode.condition}</td><td>${momentOf(episode.raised_at)}</td><td>${outcomeText(episode)}</td><td>${episode.reason}</td></tr>`,
	);
	return html`<section aria-labelledby="recent">${head}<div class="wide"><table><thead><tr><th scope="col">Flow run</th><th scope="col">Condition</th><th scope="col">Raised</th><th scope="col">Outcome</th><th scope="col">Why</th></tr></thead><tbody>${rows}</tbody></table></div></section>`;
}

function outcomeText({ outcome, raised_at: raisedAt, resolved_at: resolvedAt }: ApiEpisode): string {
	if (outcome === null || resolvedAt === null) return "open";
	return `${outcome} after ${durationText((Date.parse(resolvedAt) - Date.parse(raisedAt)) / 1000)}`;
}
