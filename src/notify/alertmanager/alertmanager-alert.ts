import type { Transition } from "../../core/episode.ts";
import { type AlertLine, toAlertLine } from "../alert-line.ts";
import type { AlertLineContext, TextLimits } from "../line-parts.ts";

const limits: TextLimits = { textCharsMax: 1024, tagsMax: 50, relatedRunsMax: 50 };

/** An alert of Alertmanager's API v2. Its labels are its identity: they never change while it lasts. */
export interface AlertmanagerAlert {
	readonly labels: Readonly<Record<string, string>>;
	readonly annotations: Readonly<Record<string, string>>;
	/** RFC 3339. */
	readonly startsAt: string;
	/** Of what is over. An open alert has none: it ends there `resolve_timeout` after it was posted last. */
	readonly endsAt?: string;
	readonly generatorURL?: string;
}

export function toAlertmanagerAlert(transition: Transition, context: AlertLineContext): AlertmanagerAlert {
	const line = toAlertLine(transition, context, limits);
	const isOver = line.event === "alert.resolved" || line.event === "group.resolved";
	return {
		labels: withoutEmpty({
			alertname: "flow_run" in line ? `PrefectFlowRun${camel(line.condition)}` : "PrefectFlowRunsSilentTogether",
			severity: line.severity,
			namespace: line.namespace,
			workspace: line.workspace,
			...("flow_run" in line
				? labelsOfRun(line)
				: { group_kind: line.group_kind, group: line.group, group_id: line.group_id }),
		}),
		annotations: withoutEmpty({
			summary: line.message,
			description: line.reason,
			...("flow_run" in line ? annotationsOfRun(line) : { runs: String(line.runs), held_until: line.held_until }),
		}),
		startsAt: isOver ? line.raised_at : line.time,
		...(isOver ? { endsAt: line.time } : {}),
		...("flow_run" in line ? { generatorURL: line.flow_run.url } : {}),
	};
}

type RunLine = Extract<AlertLine, { readonly flow_run: unknown }>;

function labelsOfRun(line: RunLine) {
	return {
		condition: line.condition,
		alert_id: line.alert_id,
		flow_run_id: line.flow_run.id,
		flow: line.flow?.name ?? "",
		deployment: line.deployment?.name ?? "",
		work_pool: line.work_pool ?? "",
		group_id: line.group_id ?? "",
	};
}

function annotationsOfRun(line: RunLine) {
	return {
		flow_run: line.flow_run.name ?? "",
		likely_cause: line.evidence.likely_cause ?? "",
		impact: line.impact?.text ?? "",
		tags: line.tags.join(", "),
		last_heartbeat: line.evidence.last_beat_received ?? "",
	};
}

/** To Alertmanager a label without a value is no label. */
function withoutEmpty(texts: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
	return Object.fromEntries(Object.entries(texts).filter(([, text]) => text !== ""));
}

/** `stuck_pending` is `StuckPending`. */
function camel(condition: string): string {
	return condition.replaceAll(/(?:^|_)([a-z])/gu, (_all, letter: string) => letter.toUpperCase());
}
