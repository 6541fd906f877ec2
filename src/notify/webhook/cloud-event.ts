import { type AlertLine, toAlertLine } from "../alert-line.ts";
import { type AlertLineContext, generousLimits } from "../line-parts.ts";
import type { Notice } from "../sink.ts";

/** A CloudEvent 1.0 in its structured JSON form (github.com/cloudevents/spec); its data is the alert line. */
export interface CloudEvent {
	readonly specversion: "1.0";
	/** With `source` unique: the same in every retry. */
	readonly id: string;
	/** `/zombied/NAMESPACE/WORKSPACE`. */
	readonly source: string;
	/** `io.zombied.alert.raised`, `….resolved`, `io.zombied.group.raised`, `….resolved`. */
	readonly type: string;
	/** `prefect.flow-run.UUID`, or `zombied.group.ID`. */
	readonly subject: string;
	/** RFC 3339. */
	readonly time: string;
	readonly datacontenttype: "application/json";
	/** An extension: which time the alert is told again, from 1. */
	readonly reminder?: number;
	readonly data: AlertLine;
}

export function toCloudEvent(notice: Notice, context: AlertLineContext): CloudEvent {
	const line = toAlertLine(notice.transition, context, generousLimits);
	return {
		specversion: "1.0",
		id: notice.key,
		source: `/zombied/${encodeURIComponent(line.namespace)}/${encodeURIComponent(line.workspace)}`,
		type: `io.zombied.${line.event}`,
		subject: "flow_run" in line ? `prefect.flow-run.${line.flow_run.id}` : `zombied.group.${line.group_id}`,
		time: line.time,
		datacontenttype: "application/json",
		...(notice.reminder === null ? {} : { reminder: notice.reminder }),
		data: line,
	};
}
