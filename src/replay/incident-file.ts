import { createReadStream } from "node:fs";
import { basename } from "node:path";
import { createInterface } from "node:readline";
import { z } from "zod";
import { messageOf, OperatorError } from "../lib/errors.ts";
import { OpeningRuns } from "./recorded-runs.ts";
import type { Story } from "./story.ts";

const instant = z.iso.datetime({ offset: true }).transform((text) => Date.parse(text));
const uuid = z.string().regex(/^[0-9a-f-]{36}$/iu);

/** The first line of an incident. Recordings have none: their bounds are those of their lines. */
const headerSchema = z.object({
	incident: z.string().regex(/^[\w.-]{1,100}$/u),
	title: z.string().optional(),
	source: z.string().optional(),
	starts: instant,
	ends: instant,
});

const apiRunSchema = z.object({
	id: uuid,
	name: z.string(),
	flow_id: uuid,
	deployment_id: uuid.nullable(),
	work_pool_name: z.string().nullable(),
	tags: z.array(z.string()),
	run_count: z.int(),
	state_id: uuid,
	state_type: z.string(),
	state_name: z.string(),
	state_timestamp: z.string(),
	scheduled_time: z.string().nullable(),
});
export type ApiRun = z.infer<typeof apiRunSchema>;

/** What happened at one moment: exactly one of the keys beside `at`. */
const lineSchema = z.strictObject({
	at: instant,
	frame: z.unknown().optional(),
	text: z.string().optional(),
	store: z.record(z.string(), z.unknown()).optional(),
	api: apiRunSchema.optional(),
	task_run: z.object({ id: uuid, flow_run_id: uuid }).optional(),
	log: z.object({ flow_run_id: uuid, timestamp: z.string() }).optional(),
	workers: z.object({ work_pool_name: z.string(), status: z.string() }).optional(),
	stream: z.enum(["up", "down"]).optional(),
	rest: z.enum(["up", "down"]).optional(),
	daemon: z.enum(["start", "stop"]).optional(),
});
export type IncidentLine = z.infer<typeof lineSchema>;

/** A line of a recording, with its line break: a frame as it came, or that the socket came or went. */
export function recordingText(atMs: number, what: Pick<IncidentLine, "text"> | Pick<IncidentLine, "stream">): string {
	return `${JSON.stringify({ at: new Date(atMs).toISOString(), ...what })}\n`;
}

/**
 * Lines are read as they are asked for. A recording is also read once here, for the runs that were under way before it.
 *
 * @throws OperatorError that names file and line, for anything that cannot be read; also while lines are being read
 */
export async function openIncident(path: string): Promise<Story> {
	const rows = rowsOf(path);
	const first = await rows.next();
	await rows.return(undefined);
	if (first.done === true) throw new OperatorError(`${path}: is empty: expected a header line, or lines with "at"`);
	const hasHeader = typeof first.value.json === "object" && first.value.json !== null && "incident" in first.value.json;
	const lines = () => linesOf(path, hasHeader);
	if (!hasHeader) {
		const name = basename(path).replace(/\.jsonl$/u, "");
		return { name, startsMs: null, endsMs: null, runsFromEvents: true, opening: await openingOf(lines()), lines };
	}
	const { incident, starts, ends } = parsed(headerSchema, first.value, path);
	return { name: incident, startsMs: starts, endsMs: ends, runsFromEvents: false, opening: [], lines };
}

async function openingOf(lines: AsyncIterable<IncidentLine>): Promise<readonly ApiRun[]> {
	const opening = new OpeningRuns();
	let startsMs: number | null = null;
	for await (const line of lines) {
		startsMs ??= line.at;
		opening.learn(eventOf(line));
	}
	return opening.runsAt(startsMs ?? 0);
}

/** The event that a line brings, delivered or stored alone; undefined for any other line. */
export function eventOf({ frame, text, store }: IncidentLine): Readonly<Record<string, unknown>> | undefined {
	if (store !== undefined) return store;
	const told = text === undefined ? frame : jsonIn(text);
	return isEventFrame(told) ? told.event : undefined;
}

function isEventFrame(frame: unknown): frame is { readonly event: Readonly<Record<string, unknown>> } {
	if (typeof frame !== "object" || frame === null || !("type" in frame) || !("event" in frame)) return false;
	return frame.type === "event" && typeof frame.event === "object" && frame.event !== null;
}

/** Undefined: it is not JSON. */
function jsonIn(text: string): unknown {
	try {
		return JSON.parse(text);
	} catch {
		return undefined;
	}
}

interface Row {
	readonly number: number;
	readonly json: unknown;
}

async function* rowsOf(path: string): AsyncGenerator<Row> {
	let number = 0;
	try {
		for await (const text of createInterface({ input: createReadStream(path), crlfDelay: Number.POSITIVE_INFINITY })) {
			number += 1;
			if (text.trim() !== "") yield { number, json: JSON.parse(text) };
		}
	} catch (error) {
		const told =
			error instanceof SyntaxError
				? `${path}:${number}: ${messageOf(error)}: expected one JSON object a line`
				: `${path}: cannot be read (${messageOf(error)}): is the path right?`;
		throw new OperatorError(told, { cause: error });
	}
}

async function* linesOf(path: string, hasHeader: boolean): AsyncGenerator<IncidentLine> {
	let previousMs = Number.NEGATIVE_INFINITY;
	let isHeader = hasHeader;
	for await (const row of rowsOf(path)) {
		if (isHeader) {
			isHeader = false;
			continue;
		}
		const line = parsed(lineSchema, row, path);
		const keys = Object.keys(line).filter((key) => key !== "at");
		if (keys.length !== 1) throw new OperatorError(`${path}:${row.number}: needs exactly one key beside "at"`);
		if (line.at < previousMs) throw new OperatorError(`${path}:${row.number}: "at" goes back in time`);
		previousMs = line.at;
		yield line;
	}
}

function parsed<T>(schema: z.ZodType<T>, row: Row, path: string): T {
	const result = schema.safeParse(row.json);
	if (result.success) return result.data;
	const [issue] = result.error.issues;
	throw new OperatorError(`${path}:${row.number}: ${issue?.path.join(".") ?? ""}: ${issue?.message ?? "malformed"}`);
}
