import {
	type Document,
	isAlias,
	isMap,
	isScalar,
	isSeq,
	LineCounter,
	type Node,
	type Pair,
	parseDocument,
	type YAMLMap,
} from "yaml";
import { plainText } from "../observe/plain-text.ts";
import { nearest } from "./nearest.ts";
import { type Field, fields } from "./schema.ts";
import type { GivenValue, SourceReading } from "./setting-source.ts";

const keyCharsMax = 60;

/**
 * The settings of a YAML text, each with its line and column. Keys that are no settings are problems, with the nearest
 * one that is. No message quotes a value: it may be a secret.
 *
 * @param name the file's, as it appears in messages
 */
export function readYaml(text: string, name: string): SourceReading {
	const lines = new LineCounter();
	const document = parseDocument(text, { lineCounter: lines, prettyErrors: false, logLevel: "silent" });
	const place = (offset: number | undefined): string => {
		const { line, col } = lines.linePos(offset ?? 0);
		return `${name}:${line}:${col}`;
	};
	const fault = document.errors[0] ?? document.warnings[0];
	if (fault !== undefined) {
		// The library's code, not its message: that can quote the text.
		const words = fault.code.toLowerCase().replaceAll("_", " ");
		return failed(`${place(fault.pos[0])}: this is not valid YAML (${words}); mend the line`);
	}
	if (document.contents === null || (isScalar(document.contents) && document.contents.value === null)) {
		return { given: [], problems: [], warnings: [] };
	}
	if (!isMap(document.contents))
		return failed(`${name}:1:1: the file needs keys with values, such as "namespace: default"`);
	const walk: Walk = { document, place, given: [], problems: [] };
	visitSection(walk, document.contents, "");
	return { given: walk.given, problems: walk.problems, warnings: [] };
}

interface Walk {
	readonly document: Document;
	readonly place: (offset: number | undefined) => string;
	readonly given: GivenValue[];
	readonly problems: string[];
}

function failed(problem: string): SourceReading {
	return { given: [], problems: [problem], warnings: [] };
}

/** @param prefix `detector.`, or empty at the top */
function visitSection(walk: Walk, section: YAMLMap, prefix: string): void {
	for (const pair of section.items) visitPair(walk, pair, prefix);
}

function visitPair(walk: Walk, pair: Pair, prefix: string): void {
	const key = isScalar(pair.key) ? String(pair.key.value) : "?";
	const where = walk.place(isScalar(pair.key) ? pair.key.range?.[0] : undefined);
	const path = `${prefix}${key}`;
	const node = isAlias(pair.value) ? pair.value.resolve(walk.document) : pair.value;
	const field = fields.find((candidate) => candidate.path === path);
	if (field !== undefined) {
		visitValue(walk, field, node, where);
		return;
	}
	if (!fields.some((field) => field.path.startsWith(`${path}.`))) {
		walk.problems.push(`${where}: there is no setting ${plainText(path, keyCharsMax)}${suggestionFor(path, prefix)}`);
		return;
	}
	if (isMap(node)) {
		visitSection(walk, node, `${path}.`);
		return;
	}
	// A section whose lines are all commented out reads as null.
	if (node === null || node === undefined || (isScalar(node) && node.value === null)) return;
	walk.problems.push(`${where}: ${path} is a section: put its settings below it, indented`);
}

function visitValue(walk: Walk, { path, kind }: Field, node: unknown, where: string): void {
	if ((kind === "headers" && isMap(node)) || (kind === "list" && (isMap(node) || isSeq(node)))) {
		visitParts(walk, path, node, where);
		return;
	}
	if (isScalar(node) && node.value !== null) {
		walk.given.push({ path, value: node.value, kind: "file", where: walk.place(node.range?.[0]) });
		return;
	}
	const empty = node === null || node === undefined || isScalar(node);
	walk.problems.push(
		`${where}: ${path} ${empty ? "has no value; give one, or remove the line" : "needs a single value"}`,
	);
}

/** A setting whose value has parts: it is taken as a whole, with the places of its parts for whoever checks them. */
function visitParts(walk: Walk, path: string, node: Node, where: string): void {
	const places = new Map<string, string>();
	notePlaces(walk, path, node, places);
	try {
		walk.given.push({ path, value: node.toJS(walk.document), kind: "file", where, places });
	} catch {
		// The library's message quotes the text.
		walk.problems.push(`${where}: ${path} has an alias (*name) that leads nowhere; mend it`);
	}
}

/** Deeper than any setting goes. */
const partsDepthMax = 4;

function notePlaces(walk: Walk, path: string, node: unknown, places: Map<string, string>, depth = 0): void {
	if (depth > partsDepthMax) return;
	if (isSeq(node)) {
		for (const [index, item] of node.items.entries()) {
			places.set(`${path}[${index}]`, walk.place((item as Node | null)?.range?.[0]));
			notePlaces(walk, `${path}[${index}]`, item, places, depth + 1);
		}
	} else if (isMap(node)) {
		for (const { key, value } of node.items) {
			if (!isScalar(key)) continue;
			places.set(`${path}.${key.value}`, walk.place(key.range?.[0]));
			notePlaces(walk, `${path}.${key.value}`, value, places, depth + 1);
		}
	}
}

function suggestionFor(path: string, prefix: string): string {
	const depth = prefix.split(".").length;
	const siblings = fields
		.filter((field) => field.path.startsWith(prefix))
		.map((field) => field.path.split(".").slice(0, depth).join("."));
	const last = path.slice(prefix.length);
	const elsewhere = fields.find((field) => field.path.split(".").at(-1) === last)?.path;
	const suggestion =
		nearest(path, [...new Set(siblings)]) ??
		elsewhere ??
		nearest(
			path,
			fields.map((field) => field.path),
		);
	return suggestion === null ? "; remove the line" : `; did you mean ${suggestion}?`;
}
