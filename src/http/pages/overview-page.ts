import type { Condition } from "../../core/episode.ts";
import type { ApiEpisode, ApiRun } from "../api/run-schema.ts";
import type { ApiCoverage, ApiEpisodes, ApiStatus } from "../api/schemas.ts";
import { coverageSection } from "./coverage-section.ts";
import { healthSection } from "./health-section.ts";
import { type Html, html } from "./html.ts";
import { runLink, runTable, type TableOf } from "./run-table.ts";
import { countText, durationText, momentOf } from "./words.ts";

export interface Overview {
	readonly status: ApiStatus;
	/** With an open episode, of each condition the first hundred. */
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
	readonly about: TableOf;
}

/** The worst first. */
const kinds: readonly Kind[] = [
	{
		title: "Zombies",
		conditions: ["zombie"],
		meaning: "Dead: no heartbeats, and Prefect still says that they run.",
		about: "silence",
	},
	{
		title: "Stuck",
		conditions: ["stuck_pending", "stuck_retry", "stuck_cancelling", "stuck_scheduled"],
		meaning: "In a state that should be over.",
		about: "reason",
	},
	{
		title: "Undead",
		conditions: ["undead"],
		meaning: "Prefect says that they have ended, and their process beats on.",
		about: "reason",
	},
	{
		title: "Deaf",
		conditions: ["deaf"],
		meaning: "No heartbeats, yet alive: they write logs or change task runs.",
		about: "silence",
	},
	{
		title: "Others",
		conditions: ["never_beat", "overrun", "stale"],
		meaning: "Never beat although others of their deployment do, run for too long, or show no sign of life.",
		about: "reason",
	},
];

/** Everything that one on call asks first: does zombied itself see, what is dead, what may be, what is watched at all. */
export function overviewMain({ status, flagged, suspects, coverage, recent }: Overview): Html {
	return html`<h1>${titleOf(status)}</h1>
${healthSection(status)}${groupsSection(status)}${kinds.map((kind) => kindSection(kind, flagged, status))}${suspectsSection(suspects, status)}${silencesSection(status)}${recentSection(recent)}${coverageSection(coverage)}`;
}

export function titleOf({ open_episodes: open, suspects, blind, ready }: ApiStatus): string {
	if (open > 0) return countText(open, "run needs you", "runs need you");
	if (!ready) return "No alerts, and no new ones now: zombied is not ready";
	if (blind) return "No alerts, and no new ones now: verdicts are on hold";
	return suspects > 0 ? `No alerts, ${countText(suspects, "suspect", "suspects")}` : "No alerts";
}

function groupsSection({ group_incidents: groups }: ApiStatus): Html | null {
	if (groups.length === 0) return null;
	const rows = groups.map(
		({ kind, group, extent, runs, raised_at: raisedAt, held_until: until }) =>
			html`<tr><th scope="row">${kind === "everything" ? "everything" : `${kind === "work_pool" ? "work pool" : "client version"} ${group}`}</th><td>${countText(runs, "run", "runs")} (${extent})</td><td>${momentOf(raisedAt)}</td><td>${momentOf(until)}</td></tr>`,
	);
	return html`<section class="alarm" aria-labelledby="groups"><h2 id="groups">Fell silent together</h2><p class="meaning">One incident each. Verdicts on these runs wait: perhaps the way of their heartbeats is cut, and not they are dead.</p>
<div class="wide" tabindex="0" role="region" aria-label="Group incidents"><table><thead><tr><th scope="col">Group</th><th scope="col">Silent</th><th scope="col">Since</th><th scope="col">Held until at most</th></tr></thead><tbody>${rows}</tbody></table></div></section>`;
}

function kindSection(
	{ title, conditions, meaning, about }: Kind,
	flagged: readonly ApiRun[],
	{ open_by_condition: open }: ApiStatus,
): Html | null {
	const runs = flagged.filter(({ condition }) => condition !== null && conditions.includes(condition));
	const totals = conditions.map((condition) => ({ condition, total: open[condition] ?? 0 }));
	const total = Math.max(
		runs.length,
		totals.reduce((sum, one) => sum + one.total, 0),
	);
	if (total === 0 && title !== "Zombies") return null;
	const id = title.toLowerCase();
	const head = html`<h2 id="${id}">${title} <span class="count">${total}</span></h2><p class="meaning">${meaning}</p>`;
	if (runs.length === 0) return html`<section aria-labelledby="${id}">${head}<p class="none">None.</p></section>`;
	const rest = totals.map(({ condition, total: all }) => {
		const shown = runs.filter((run) => run.condition === condition).length;
		return moreNote(all - shown, `/runs?condition=${condition}`, condition);
	});
	return html`<section class="alarm" aria-labelledby="${id}">${head}${runTable(longestFirst(runs), about)}${rest}</section>`;
}

function longestFirst(runs: readonly ApiRun[]): readonly ApiRun[] {
	return runs.toSorted((one, other) => (other.silence_seconds ?? 0) - (one.silence_seconds ?? 0));
}

/** What there was no room for. */
function moreNote(count: number, path: string, what: string): Html | null {
	return count <= 0
		? null
		: html`<p class="more">and ${count} more: <a href="${path}">all runs that are ${what}</a></p>`;
}

/** Whoever looks here because nobody was told should see why. */
function silencesSection({ silences }: ApiStatus): Html | null {
	if (silences.length === 0) return null;
	const rows = silences.map(
		({ kind, id, concerns, why, until }) =>
			html`<tr><th scope="row">${kind === "silence" ? "silence" : "maintenance window"} ${id}</th><td>${concerns}</td><td>${momentOf(until)}</td><td>${why ?? "–"}</td></tr>`,
	);
	return html`<section aria-labelledby="silences"><h2 id="silences">Silences <span class="count">${silences.length}</span></h2><p class="meaning">These alerts are kept from the sinks; what is open still is told when a silence ends.</p>
<div class="wide" tabindex="0" role="region" aria-label="Silences"><table><thead><tr><th scope="col">What</th><th scope="col">Concerns</th><th scope="col">Until</th><th scope="col">Why</th></tr></thead><tbody>${rows}</tbody></table></div></section>`;
}

function suspectsSection(suspects: readonly ApiRun[], status: ApiStatus): Html {
	const total = Math.max(suspects.length, status.suspects);
	const head = html`<h2 id="suspects">Suspects <span class="count">${total}</span></h2><p class="meaning">Silent for too long; the server is asked before an alert is raised.</p>`;
	const body = suspects.length === 0 ? html`<p class="none">None.</p>` : runTable(longestFirst(suspects), "silence");
	const rest = moreNote(total - suspects.length, "/runs?standing=suspect", "suspect");
	return html`<section aria-labelledby="suspects">${head}${body}${rest}</section>`;
}

function recentSection(episodes: readonly ApiEpisode[]): Html {
	const head = html`<h2 id="recent">Recent alerts</h2>`;
	if (episodes.length === 0)
		return html`<section aria-labelledby="recent">${head}<p class="none">None yet.</p></section>`;
	const rows = episodes.map(
		(episode) =>
			html`<tr><th scope="row">${runLink({ id: episode.run_id, name: episode.run_name })}</th><td>${episode.condition}</td><td>${momentOf(episode.raised_at)}</td><td>${outcomeText(episode)}</td><td class="minor">${episode.reason}</td></tr>`,
	);
	return html`<section aria-labelledby="recent">${head}<div class="wide"><table><thead><tr><th scope="col">Flow run</th><th scope="col">Condition</th><th scope="col">Raised</th><th scope="col">Outcome</th><th scope="col" class="minor">Why</th></tr></thead><tbody>${rows}</tbody></table></div></section>`;
}

function outcomeText({ outcome, raised_at: raisedAt, resolved_at: resolvedAt }: ApiEpisode): string {
	if (outcome === null || resolvedAt === null) return "open";
	return `${outcome} after ${durationText((Date.parse(resolvedAt) - Date.parse(raisedAt)) / 1000)}`;
}
