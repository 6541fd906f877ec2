import type { ApiRun } from "../api/run-schema.ts";
import { type Html, html } from "./html.ts";
import { durationText } from "./words.ts";

const widthPx = 160;
const heightPx = 12;
/** The limit stands here, so that what is beyond it can be seen. */
const limitAtPx = 120;

/** The silence against the limit: the bar grows to the right, the upright line is the limit. */
export function silenceBar({ silence_seconds: silence, limit_seconds: limit }: ApiRun): Html {
	if (silence === null) return html`<span class="none">no heartbeats expected</span>`;
	const filledPx = Math.min(widthPx, Math.round((silence / limit) * limitAtPx));
	const said = `silent for ${durationText(silence)} of ${durationText(limit)}`;
	return html`<svg class="${silence >= limit ? "bar over" : "bar"}" role="img" aria-label="${said}" width="${widthPx}" height="${heightPx}" viewBox="0 0 ${widthPx} ${heightPx}"><rect class="rail" width="${widthPx}" height="${heightPx}" rx="2"/><rect class="fill" width="${filledPx}" height="${heightPx}" rx="2"/><line class="limit" x1="${limitAtPx}" x2="${limitAtPx}" y1="0" y2="${heightPx}"/></svg> <span class="number">${durationText(silence)} <span class="of">of ${durationText(limit)}</span></span>`;
}
