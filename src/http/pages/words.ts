import type { Standing } from "../../core/explanation.ts";
import { formatDuration } from "../../lib/duration.ts";
import { type Html, html } from "./html.ts";

/** Whole seconds. */
export function durationText(seconds: number): string {
	return formatDuration(Math.max(0, Math.round(seconds)) * 1000);
}

/** A moment, readable and exact: the browser shows the text, the attribute is for programs. */
export function momentOf(at: string | null): Html {
	if (at === null) return html`<span class="none">never</span>`;
	return html`<time datetime="${at}">${at.slice(0, 10)} ${at.slice(11, 19)} UTC</time>`;
}

export const standingWords: Readonly<Record<Standing, string>> = {
	unidentified: "not identified yet",
	idle: "idle",
	unmonitored: "unmonitored",
	beating: "beating",
	overdue: "one beat missed",
	suspect: "suspect",
	flagged: "flagged",
	ended: "ended",
	aside: "set aside",
};

export function countText(count: number, one: string, many: string): string {
	return `${count} ${count === 1 ? one : many}`;
}
