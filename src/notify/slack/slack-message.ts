import { isOfEpisode, isRaise } from "../../core/episode.ts";
import type { GroupIncident } from "../../core/group-incident.ts";
import { cut } from "../../observe/plain-text.ts";
import { type AlertLine, toAlertLine } from "../alert-line.ts";
import type { AlertLineContext, TextLimits } from "../line-parts.ts";
import type { Notice } from "../sink.ts";

/** Of a section's text, which is the narrowest of Slack's bounds. */
const textCharsMax = 3000;
/** Of one alert among several: more of them fit, and its page says the rest. */
const entryCharsMax = 400;
/** Of a group incident: the page has the rest. */
const runLinksMax = 10;
/** Of a run's id the end, since those of runs that began together begin alike. */
const idCharsShown = 12;
const limits: TextLimits = { textCharsMax: 1500, tagsMax: 10, relatedRunsMax: 10 };

/** The body of a request to an incoming webhook of Slack (docs.slack.dev, "Sending messages using incoming webhooks"). */
export interface SlackMessage {
	/** In Slack's own markup, at most 3000 characters. */
	readonly text: string;
	/** Links to flow runs are no reason to show a preview of Prefect's login page. */
	readonly unfurl_links: false;
}

/** One message for all of them: an alert by itself in full, several as their count and a list. */
export function toSlackMessage(notices: readonly [Notice, ...Notice[]], context: AlertLineContext): SlackMessage {
	const entries = notices.map((notice) => entryOf(notice, context));
	const [only] = entries;
	const text = only !== undefined && entries.length === 1 ? bounded(only) : listOf(notices, entries);
	return { text, unfurl_links: false };
}

function listOf(notices: readonly Notice[], entries: readonly string[]): string {
	const raises = notices.filter(({ transition }) => isRaise(transition));
	const again = raises.filter(({ reminder }) => reminder !== null).length;
	const counts = [
		...counted(raises.length - again, "raised"),
		...counted(again, "still open"),
		...counted(notices.length - raises.length, "resolved"),
	];
	let text = `*zombied: ${counts.join(", ")}*`;
	for (const [index, entry] of entries.entries()) {
		const line = `\n${entry.length > entryCharsMax ? boundedTo(entry, entryCharsMax) : entry}`;
		const rest = `\n… and ${entries.length - index} more`;
		if (text.length + line.length + rest.length > textCharsMax) return `${text}${rest}`;
		text += line;
	}
	return text;
}

function counted(count: number, what: string): readonly string[] {
	return count > 0 ? [`${count} ${what}`] : [];
}

function entryOf({ transition, reminder }: Notice, context: AlertLineContext): string {
	const line = toAlertLine(transition, context, limits);
	const again = reminder === null ? "" : `still open (reminder ${reminder}): `;
	const link = isOfEpisode(transition)
		? ` (<${context.uiUrl(transition.episode.runId)}|flow run>)`
		: runLinks(transition.incident, context);
	return `${markOf(line)} ${again}${escaped(line.message)}${link}`;
}

/** The first runs of a group incident. */
function runLinks({ runIds, runsTotal }: GroupIncident, { uiUrl }: AlertLineContext): string {
	const shown = runIds.slice(0, runLinksMax);
	if (shown.length === 0) return "";
	const links = shown.map((runId) => `<${uiUrl(runId)}|${runId.slice(-idCharsShown)}>`).join(", ");
	return ` (${links}${runsTotal > shown.length ? `, and ${runsTotal - shown.length} more` : ""})`;
}

/** One that people see in a list at a glance, and that says the same without colour. */
function markOf(line: AlertLine): string {
	if (line.event === "alert.resolved" || line.event === "group.resolved") return ":white_check_mark:";
	return line.severity === "critical"
		? ":rotating_light:"
		: line.severity === "warning"
			? ":warning:"
			: ":information_source:";
}

/** The three characters that Slack's markup is made with. */
function escaped(text: string): string {
	return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}

function bounded(entry: string): string {
	return boundedTo(entry, textCharsMax);
}

/** Cut before the link, never within one or within an escaped character. */
function boundedTo(entry: string, charsMax: number): string {
	if (entry.length <= charsMax) return entry;
	const linkAt = entry.lastIndexOf(" (<");
	const link = linkAt === -1 ? "" : entry.slice(linkAt);
	const room = charsMax - link.length;
	if (room < 100) return cut(entry.slice(0, Math.max(0, linkAt)), charsMax);
	return `${cut(entry.slice(0, linkAt === -1 ? undefined : linkAt), room).replace(/&[a-z]{0,3}…$/u, "…")}${link}`;
}
