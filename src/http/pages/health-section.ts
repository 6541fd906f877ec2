import type { ApiStatus } from "../api/schemas.ts";
import { blindText } from "../blind-text.ts";
import { type Html, html } from "./html.ts";
import { countText, durationText, momentOf } from "./words.ts";

type Mood = "good" | "bad" | "plain";

/** Is zombied itself well: without this, "no alerts" says nothing. */
export function healthSection(status: ApiStatus): Html {
	const { ready, reason, blind, prefect_answers: answers, own_health: health, runs } = status;
	const facts: readonly (readonly [string, Html, Mood])[] = [
		["zombied", html`${ready ? "at work" : `not ready: ${reason ?? ""}`}`, ready ? "good" : "bad"],
		["Verdicts", html`${verdictsText(status)}`, blind ? "bad" : "good"],
		["Prefect's API", html`${answers ? "answers" : "does not answer"}`, answers ? "good" : "bad"],
		["Events", html`${streamText(status)}`, status.stream_connected ? "good" : "bad"],
		["Blind in the last hour", html`${durationText(status.blind_seconds_last_hour)}`, "plain"],
		["Last event", momentOf(status.last_event_at), "plain"],
		["Last sweep", momentOf(status.last_sweep_at), "plain"],
		["Own health", html`${health === 0 ? "well" : `${health} of 7: limits are longer`}`, health === 0 ? "good" : "bad"],
		["Alerts to be delivered", html`${outboxText(status)}`, "plain"],
		["Remedies", html`${remedyText(status)}`, "plain"],
		["Runs", html`${runs.beating} beating, ${runs.unmonitored} unmonitored, ${runs.idle} idle`, "plain"],
		["Watched", html`${status.prefect}`, "plain"],
	];
	const rows = facts.map(([name, text, mood]) => html`<div class="${mood}"><dt>${name}</dt><dd>${text}</dd></div>`);
	return html`<section aria-label="How zombied itself is"><dl class="facts">${rows}</dl></section>`;
}

function verdictsText({ blind, blind_causes: causes }: ApiStatus): string {
	if (!blind) return "as usual";
	return `on hold: ${causes.map(blindText).join("; ") || "what was missed is still being read"}`;
}

/** Those that wait, and whom they wait for. */
function outboxText({ outbox_pending: pending, sinks }: ApiStatus): string {
	const waiting = sinks.flatMap(({ name, pending: rows }) => (rows === 0 ? [] : [`${rows} for ${name}`]));
	const held = sinks.reduce((sum, { held: rows }) => sum + rows, 0);
	return [waiting.join(", ") || `${pending}`, ...(held === 0 ? [] : [`${held} held`])].join("; ");
}

/** What zombied does to dead runs, beside telling of them. */
function remedyText({ remedy: { mode, scopes } }: ApiStatus): string {
	const texts = { off: "off", "dry-run": "dry run: only told", on: "on" } as const;
	if (scopes === 0) return texts[mode];
	return `${texts[mode]}, otherwise for ${countText(scopes, "kind of runs", "kinds of runs")}`;
}

function streamText({
	stream_connected: connected,
	over_rest_alone: overRest,
	catching_up: catchingUp,
}: ApiStatus): string {
	if (connected) return catchingUp ? "connected: reading what was missed" : "connected, all caught up";
	return overRest ? "not connected: stored events are read over REST instead" : "not connected";
}
