import { cut } from "../../observe/plain-text.ts";
import { type AlertLine, toAlertLine } from "../alert-line.ts";
import type { AlertLineContext, TextLimits } from "../line-parts.ts";
import type { Notice } from "../sink.ts";

/** Of the Events API v2; longer ones are refused with 400. */
const summaryCharsMax = 1024;
/** With 100 runs and tags of a kilobyte each an event stays below half of the 512 KB that are taken. */
const limits: TextLimits = { textCharsMax: 1024, tagsMax: 100, relatedRunsMax: 100 };

/** An event of PagerDuty's Events API v2 (developer.pagerduty.com/docs/events-api-v2). */
export interface PagerDutyEvent {
	readonly routing_key: string;
	readonly event_action: "trigger" | "resolve";
	/** The alert's own id: raise and resolve are one incident there. */
	readonly dedup_key: string;
	readonly client: string;
	readonly client_url?: string;
	readonly links?: readonly { readonly href: string; readonly text: string }[];
	/** A resolve needs none. */
	readonly payload?: PagerDutyPayload;
}

interface PagerDutyPayload {
	readonly summary: string;
	readonly source: string;
	readonly severity: "critical" | "warning" | "info";
	readonly timestamp: string;
	readonly component?: string;
	readonly group?: string;
	readonly class: string;
	readonly custom_details: AlertLine;
}

export function toPagerDutyEvent(notice: Notice, routingKey: string, context: AlertLineContext): PagerDutyEvent {
	const line = toAlertLine(notice.transition, context, limits);
	const dedupKey = "alert_id" in line ? line.alert_id : line.group_id;
	const head = { routing_key: routingKey, dedup_key: dedupKey, client: "zombied" } as const;
	if (line.event === "alert.resolved" || line.event === "group.resolved") return { ...head, event_action: "resolve" };
	return {
		...head,
		event_action: "trigger",
		...linksOf(line),
		payload: {
			summary: cut(line.message, summaryCharsMax),
			source: `${line.namespace}/${line.workspace}`,
			severity: line.severity,
			timestamp: line.time,
			...placeOf(line),
			class: "condition" in line ? line.condition : `group_${line.group_kind}`,
			custom_details: line,
		},
	};
}

function linksOf(line: AlertLine): Pick<PagerDutyEvent, "client_url" | "links"> {
	if (!("flow_run" in line)) return {};
	const { url } = line.flow_run;
	return { client_url: url, links: [{ href: url, text: "the flow run in Prefect" }] };
}

/** Where PagerDuty groups by: the deployment, or the flow of a run without one, and its work pool. */
function placeOf(line: AlertLine): Pick<PagerDutyPayload, "component" | "group"> {
	if (!("flow_run" in line)) return { group: line.group };
	const component = line.deployment?.name ?? line.flow?.name ?? null;
	return {
		...(component === null ? {} : { component }),
		...(line.work_pool === null ? {} : { group: line.work_pool }),
	};
}
