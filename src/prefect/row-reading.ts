import type { RunView } from "../core/run.ts";
import type { Reporter } from "../observe/reporter.ts";
import { eventSchema } from "./event-schema.ts";
import { sampleOf } from "./frame-schema.ts";
import { flowRunSchema, viewOfRow } from "./run-schema.ts";
import { readEvent } from "./to-input.ts";

/** Rows of an answer, read one by one: a bad one is counted, sampled and skipped, and costs no other. */
export interface ReadRows {
	readonly views: readonly RunView[];
	/** The unreadable ones as text in lower case, so that one can see whom they were about. */
	readonly unread: readonly string[];
}

/** @param serverNowMs the answer's `Date` */
export function readRunRows(rows: readonly unknown[], serverNowMs: number, reporter: Reporter): ReadRows {
	const views: RunView[] = [];
	const unread: string[] = [];
	for (const row of rows) {
		const parsed = flowRunSchema.safeParse(row);
		if (!parsed.success) {
			unread.push(rejectRow(row, reporter));
			continue;
		}
		const { view, senselessTime } = viewOfRow(parsed.data, serverNowMs);
		if (senselessTime) {
			reporter.anomaly("senseless_time", { runId: view.runId, detail: "state.timestamp of the run over REST" });
		}
		views.push(view);
	}
	return { views, unread };
}

/** Events that say nothing of a run are in neither list. */
export function readEventRows(rows: readonly unknown[], reporter: Reporter): ReadRows {
	const views: RunView[] = [];
	const unread: string[] = [];
	for (const row of rows) {
		const parsed = eventSchema.safeParse(row);
		const reading = parsed.success ? readEvent(parsed.data) : ({ kind: "malformed_event" } as const);
		if (reading.kind === "malformed_event") {
			unread.push(rejectRow(row, reporter));
		} else if (reading.kind !== "other_event") {
			reportSenselessTimes(reading, reporter);
			views.push(reading.view);
		}
	}
	return { views, unread };
}

export function reportSenselessTimes(
	reading: { readonly view: RunView; readonly senselessTimes: readonly string[] },
	reporter: Reporter,
): void {
	if (reading.senselessTimes.length > 0) {
		const detail = `${reading.senselessTimes.join(", ")} of an event`;
		reporter.anomaly("senseless_time", { runId: reading.view.runId, detail });
	}
}

function rejectRow(row: unknown, reporter: Reporter): string {
	reporter.frameRejected("malformed_row", sampleOf(row));
	return (JSON.stringify(row) ?? "").toLowerCase();
}
