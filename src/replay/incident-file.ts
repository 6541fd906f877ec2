import { createReadStream } from "node:fs";
import { basename } from "node:path";
import { createInterface } from "node:readline";
import { z } from "zod";
import { messageOf, OperatorError } from "../lib/errors.ts";

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
export type IncidentHeader = z.infer<typeof headerSchema>;

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

/** A file being read: what it says of itself, and its lines in order, read as they are asked for. */
export interface IncidentFile {
	/** The header's name, or the file's without its suffix. */
	readonly name: string;
	readonly header: IncidentHeader | null;
	readonly lines: AsyncIterable<IncidentLine>;
}

/** @throws OperatorError that names file and line, for anything that cannot be read; also while lines are being read */
export async function openIncident(path: string): Promise<IncidentFile> {
	const rows = rowsOf(path);
	const first = await rows.next();
	if (first.done === true) throw new OperatorError(`${path}: is empty: expected a header line, or lines with "at"`);
	const isHeader = typeof first.value.json === "object" && first.value.json !== null && "incident" in first.value.json;
	const header = isHeader ? parsed(headerSchema, first.value, path) : null;
	const name = header?.incident ?? basename(path).replace(/\.jsonl$/u, "");
	return { name, header, lines: linesOf(path, isHeader ? null : first.value, rows) };
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

async function* linesOf(path: string, first: Row | null, rest: AsyncIterable<Row>): AsyncGenerator<IncidentLine> {
	let previousMs = Number.NEGATIVE_INFINITY;
	const checked = (row: Row): IncidentLine => {
		const line = parsed(lineSchema, row, path);
		const keys = Object.keys(line).filter((key) => key !== "at");
		if (keys.length !== 1) throw new OperatorError(`${path}:${row.number}: needs exactly one key beside "at"`);
		if (line.at < previousMs) throw new OperatorError(`${path}:${row.number}: "at" goes back in time`);
		previousMs = line.at;
		return line;
	};
	if (first !== null) yield checked(first);
	for await (const row of rest) yield checked(row);
}

function parsed<T>(schema: z.ZodType<T>, row: Row, path: string): T {
	const result = schema.safeParse(row.json);
	if (result.success) return result.data;
	const [issue] = result.error.issues;
	throw new OperatorError(`${path}:${row.number}: ${issue?.path.join(".") ?? ""}: ${issue?.message ?? "malformed"}`);
}
