import { causeText } from "../../core/explanation-text.ts";
import type { ApiStatus } from "../api/schemas.ts";
import { type Html, html } from "./html.ts";
import { momentOf } from "./words.ts";

/** Is zombied itself well: without this, "no alerts" says nothing. */
export function healthSection(status: ApiStatus): Html {
	const facts: readonly (readonly [string, Html, "good" | "bad" | null])[] = [
		["zombied", html`${status.ready ? "at work" : `not ready: ${status.reason ?? ""}`}`, status.ready ? "good" : "bad"],
		["Verdicts", html`${verdictsText(status)}`, status.blind ? "bad" : "good"],
		["Events", html`${streamText(status)}`, status.stream_connected ? "good" : "bad"],
		["Last event", momentOf(status.last_event_at), null],
		["Last sweep", momentOf(status.last_sweep_at), null],
		[
			"Own health",
			html`${status.own_health === 0 ? "well" : `${status.own_health} of 7: limits are longer`}`,
			status.own_health === 0 ? "good" : "bad",
		],
		["Owed to receivers", html`${status.outbox_pending}`, null],
		[
			"Runs",
			html`${status.runs.beating} beating, ${status.runs.unmonitored} unmonitored, ${status.runs.idle} idle`,
			null,
		],
		["Watched", html`${status.prefect}`, null],
	];
	const rows = facts.map(
		([name, text, mood]) => html`<div class="${mood ?? "plain"}"><dt>${name}</dt><dd>${text}</dd></div>`,
	);
	return html`<section aria-label="How zombied itself is"><dl class="facts">${rows}</dl></section>`;
}

function verdictsText({ blind, blind_causes: causes }: ApiStatus): string {
	if (!blind) return "as usual";
	return `on hold: ${causes.map(causeText).join("; ") || "what was missed is being read"}`;
}

function streamText({ stream_connected: connected, over_rest_alone: overRest }: ApiStatus): string {
	if (connected) return "connected";
	return overRest ? "not connected: reading over REST instead" : "not connected";
}
