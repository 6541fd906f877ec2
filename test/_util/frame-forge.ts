import { readdirSync, readFileSync } from "node:fs";
import type { Chance } from "../simulation/chance.ts";

const recordings = new URL("../recordings/", import.meta.url);

/** A stream as a real server sent it: the text of each frame, in order. */
export const recordedFrames: readonly string[] = readFileSync(new URL("prefect-3.8.8.jsonl", recordings), "utf8")
	.trim()
	.split("\n")
	.map((line) => (JSON.parse(line) as { text: string }).text);

/** Single frames of a real server, by file; they are set out in lines, as no server sends them. */
export const singleFrames: ReadonlyMap<string, string> = new Map(
	readdirSync(new URL("frames/", recordings)).map((name) => [
		name,
		readFileSync(new URL(`frames/${name}`, recordings), "utf8"),
	]),
);

/** What may stand where a label's value stands. */
const hostileTexts = [
	"",
	"plain",
	'quote " inside',
	"back\\slash",
	"line\nbreak",
	"\u0000",
	"\u2028",
	"flöw-ünïcode-日本-🚀",
	"\ud800",
	'"},"related":[],"payload":{},"id":"',
	"prefect.state-type",
	"x".repeat(600),
] as const;

/** Cuts that change a frame's meaning: put in, or in place of something. */
const tokens = [
	'"',
	"\\",
	"\\u0022",
	",",
	":",
	"{",
	"}",
	"[",
	"]",
	"null",
	"\n",
	" ",
	"\u0000",
	"0",
	"é",
	',"prefect.state-type":"COMPLETED"',
	',"prefect.resource.id":"prefect.flow-run.00000000-0000-4000-8000-000000000000"',
	',"prefect.resource.role":"flow"',
	',"__proto__":{"id":1}',
	'"},"event":{"occurred":"',
	"2026-02-30T24:60:61.000000Z",
	"1970-01-01T00:00:00.000000Z",
	"A",
];

type Labels = Record<string, string>;

/** A heartbeat as Prefect's server would write it, with names, tags and pools drawn, some of them hostile. */
export function forgedHeartbeat(chance: Chance): string {
	const role = (kind: string, name: boolean): Labels => ({
		"prefect.resource.id": kind === "tag" ? `prefect.tag.${text(chance)}` : `prefect.${kind}.${chance.uuid()}`,
		"prefect.resource.role": chance.happens(0.97) ? kind : text(chance),
		...(name ? { "prefect.resource.name": text(chance) } : {}),
		...(kind === "work-pool" ? { "prefect.work-pool.type": "process" } : {}),
	});
	const kinds = ["flow", "deployment", "tag", "tag", "work-queue", "work-pool"].filter(() => chance.happens(0.7));
	const receivedMs = Date.UTC(2026, 10, 22) + chance.between(0, 86_400_000);
	const apartMs = chance.happens(0.9) ? 100 : 40 * 86_400_000;
	const event = {
		occurred: micros(chance, receivedMs + chance.between(-apartMs, apartMs)),
		event: "prefect.flow-run.heartbeat",
		resource: {
			"prefect.resource.id": `prefect.flow-run.${chance.uuid()}`,
			"prefect.resource.name": text(chance),
			"prefect.version": "3.8.8",
			...(chance.happens(0.03) ? { "prefect.state-type": "RUNNING" } : {}),
		},
		related: kinds.map((kind) => role(kind, kind !== "tag" && chance.happens(0.8))),
		payload: {},
		id: chance.uuid(),
		follows: chance.happens(0.97) ? null : chance.uuid(),
		received: micros(chance, receivedMs),
	};
	return written(chance, { type: "event", event });
}

/** The frame with one to three changes: bytes replaced, put in, taken out, doubled, or the end cut off. */
export function mutatedFrame(frame: Buffer, chance: Chance): Buffer {
	let bytes = frame;
	for (let changes = chance.whole(1, 3); changes > 0; changes -= 1) bytes = changed(bytes, chance);
	return bytes;
}

function changed(bytes: Buffer, chance: Chance): Buffer {
	const from = chance.whole(0, bytes.length);
	const to = Math.min(bytes.length, from + chance.whole(0, 40));
	switch (chance.whole(0, 6)) {
		case 0:
			return Buffer.concat([bytes.subarray(0, from), Buffer.of(chance.whole(0, 255)), bytes.subarray(from + 1)]);
		case 1:
			return Buffer.concat([bytes.subarray(0, from), Buffer.from(chance.pick(tokens)), bytes.subarray(from)]);
		case 2:
			return Buffer.concat([bytes.subarray(0, from), Buffer.from(chance.pick(tokens)), bytes.subarray(to)]);
		case 3:
			return Buffer.concat([bytes.subarray(0, from), bytes.subarray(to)]);
		case 4:
			return Buffer.concat([bytes.subarray(0, to), bytes.subarray(from)]);
		case 5:
			return bytes.subarray(0, from);
		default:
			return withLabelAfterString(bytes, from, chance);
	}
}

/** Where it does the most harm: behind a string's end. */
function withLabelAfterString(bytes: Buffer, from: number, chance: Chance): Buffer {
	const quoteAt = bytes.indexOf('"', from);
	const at = quoteAt === -1 ? bytes.length : quoteAt + 1;
	return Buffer.concat([bytes.subarray(0, at), Buffer.from(chance.pick(tokens)), bytes.subarray(at)]);
}

function text(chance: Chance): string {
	return chance.happens(0.97) ? `name-${chance.whole(0, 1_000)}` : chance.pick(hostileTexts);
}

function micros(chance: Chance, ms: number): string {
	const digits = chance.happens(0.95) ? String(chance.whole(0, 999)).padStart(3, "0") : "";
	return new Date(ms).toISOString().replace("Z", `${digits}Z`);
}

/** Mostly as Prefect writes JSON; sometimes with blanks, in ASCII alone, or with the keys the other way round. */
function written(chance: Chance, frame: object): string {
	if (chance.happens(0.9)) return JSON.stringify(frame);
	if (chance.happens(0.3)) return JSON.stringify(frame, null, 1);
	if (chance.happens(0.5)) {
		return JSON.stringify(frame).replace(
			/[^\p{ASCII}]/gu,
			(letter) => `\\u${letter.charCodeAt(0).toString(16).padStart(4, "0")}`,
		);
	}
	return JSON.stringify(reversed(frame));
}

function reversed(value: unknown): unknown {
	if (typeof value !== "object" || value === null) return value;
	if (Array.isArray(value)) return value.map(reversed);
	return Object.fromEntries(
		Object.entries(value)
			.reverse()
			.map(([key, one]) => [key, reversed(one)]),
	);
}
