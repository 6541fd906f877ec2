import { z } from "zod";

// Written from the contract, not taken from the sources: it is what readers of the log rely on.
const id = z.string().min(1);
const seconds = z.number().min(0);
const time = z.string().regex(/^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.\d{3}Z$/u);
// Prefect's own times are passed on as they came.
const prefectTime = z.iso.datetime({ offset: true });
const named = z.object({ id, name: z.string().nullable() });

const alertLine = z.object({
	time,
	level: z.string(),
	event: z.enum(["alert.raised", "alert.resolved"]),
	schema: z.literal(1),
	message: z.string().min(1),
	alert_id: id,
	condition: z.string().min(1),
	severity: z.enum(["critical", "warning", "info"]),
	reason: z.string().min(1),
	namespace: id,
	workspace: z.string(),
	flow_run: z.object({
		id,
		name: z.string(),
		attempt: z.int().min(0),
		state_type: z.string(),
		state_name: z.string(),
		url: z.string().nullable(),
	}),
	flow: named.nullable(),
	deployment: named.nullable(),
	work_pool: z.string().nullable(),
	tags: z.array(z.string()),
	evidence: z.object({
		last_beat_occurred: prefectTime.nullable(),
		last_beat_received: prefectTime.nullable(),
		cadence_seconds: seconds.nullable(),
		cadence_source: z.string().nullable(),
		threshold_seconds: seconds,
		silence_seconds: seconds,
		blind_seconds: seconds,
		api_state_type: z.string().nullable(),
		api_state_id: z.string().nullable(),
		newest_stored_beat: z.unknown(),
		other_sign_at: prefectTime.nullable(),
		likely_cause: z.string().nullable(),
	}),
	impact: z
		.object({
			text: z.string().min(1),
			slots: z.array(
				z.object({ kind: z.string(), name: z.string(), limit: z.int().min(0), taken: z.int().min(0).nullable() }),
			),
			waiting_runs: z.object({
				deployment: z.int().min(0).nullable(),
				work_pool: z.int().min(0).nullable(),
			}),
		})
		.nullable(),
	related_runs: z.array(z.unknown()),
	group_id: z.string().nullable(),
	remedy: z.object({ action: z.string(), mode: z.string(), result: z.string(), detail: z.string() }).nullable(),
	outcome: z.string().optional(),
	raised_at: prefectTime.optional(),
	duration_seconds: seconds.optional(),
});

export type AlertLine = z.infer<typeof alertLine>;

const groupLine = z.object({
	time,
	level: z.string(),
	event: z.enum(["group.raised", "group.resolved"]),
	schema: z.literal(1),
	message: z.string().min(1),
	group_id: id,
	group_kind: z.enum(["work_pool", "client_version", "everything"]),
	group: id,
	severity: z.literal("critical"),
	namespace: id,
	workspace: z.string(),
	runs: z.int().min(3),
	run_ids: z.array(id),
	outcome: z.enum(["recovered", "ended"]).optional(),
	raised_at: time.optional(),
	duration_seconds: seconds.optional(),
});

/** Runs that fell silent together. */
export type GroupLine = z.infer<typeof groupLine>;

const anyLine = z.discriminatedUnion("event", [alertLine, groupLine]);

const lineBytesMax = 16 * 1024;

/** What a line of the daemon's stdout holds. Throws, with the line, when it breaks the contract. */
export function parseAlertLine(line: string): AlertLine | GroupLine {
	const bytes = Buffer.byteLength(line);
	if (bytes > lineBytesMax) {
		throw new Error(`an alert line of ${bytes} bytes, more than ${lineBytesMax}`);
	}
	const found = anyLine.safeParse(readJson(line));
	if (!found.success) {
		throw new Error(`an alert line that breaks the contract: ${z.prettifyError(found.error)}\n${line}`);
	}
	const alert = found.data;
	const hasOutcome =
		alert.outcome !== undefined && alert.raised_at !== undefined && alert.duration_seconds !== undefined;
	if (alert.event.endsWith(".resolved") && !hasOutcome) {
		throw new Error(`a resolved alert without outcome, raised_at or duration_seconds\n${line}`);
	}
	return alert;
}

export function isOfRun(line: AlertLine | GroupLine): line is AlertLine {
	return "flow_run" in line;
}

function readJson(line: string): unknown {
	try {
		return JSON.parse(line);
	} catch (cause) {
		throw new Error(`a line on stdout that is not JSON: ${line}`, { cause });
	}
}

/** The silence that the verdict rests on: what could not have been heard is taken off. */
export function heardSilenceSeconds(alert: AlertLine): number {
	return alert.evidence.silence_seconds - alert.evidence.blind_seconds;
}
