import type { z } from "zod";
import { plainText } from "../observe/plain-text.ts";
import { nearest } from "./nearest.ts";
import { type Field, fields, keysAt } from "./schema.ts";
import type { GivenValue } from "./setting-source.ts";
import { keysWithinSinks } from "./sink-fields.ts";

const valueCharsMax = 60;
const keyCharsMax = 60;

/** What the schema found wrong, in lines for the operator: where, what, and how to mend it. Secrets are not repeated. */
export function problemsOf(issue: z.core.$ZodIssue, byPath: ReadonlyMap<string, GivenValue>): string[] {
	const at = writtenPath(issue.path);
	// Of a setting with parts the issue names the part.
	const field = fields.find(({ path }) => at === path || at.startsWith(`${path}.`) || at.startsWith(`${path}[`));
	const setting = field?.path ?? at;
	const given = byPath.get(setting);
	if (given === undefined) return [`${setting}: ${issue.message}`];
	if (field?.kind === "list") return problemsOfPart(issue, at, given, field);
	// An address with a password or a token in it is refused for that: then it must not be shown either.
	const hide = field?.secret === true || (typeof given.value === "string" && /[@?#]/u.test(given.value));
	return [`${given.where}: ${setting} ${issue.message}${hide ? "" : notThat(given.value)}`];
}

function problemsOfPart(issue: z.core.$ZodIssue, at: string, given: GivenValue, field: Field): string[] {
	if (issue.code !== "unrecognized_keys") {
		const not = field.holdsSecrets === true ? "" : notThat(partAt(given, issue.path));
		return [`${placeOf(given, issue.path)}: ${at} ${issue.message}${not}`];
	}
	const known =
		field.path === "sinks"
			? keysWithinSinks(issue.path.at(-1), partAt(given, [...issue.path.slice(0, 2), "type"]))
			: keysAt(issue.path);
	return issue.keys.map((key) => {
		const suggestion = nearest(key, known);
		const mend = suggestion === null ? "remove the line" : `did you mean ${at}.${suggestion}?`;
		const where = placeOf(given, [...issue.path, key]);
		return `${where}: there is no setting ${at}.${plainText(key, keyCharsMax)}; ${mend}`;
	});
}

function notThat(value: unknown): string {
	const isSingle = typeof value === "string" || typeof value === "number" || typeof value === "boolean";
	return isSingle ? `, not ${JSON.stringify(plainText(String(value), valueCharsMax))}` : "";
}

/** `rules[0].match.tag`. */
export function writtenPath(path: readonly PropertyKey[]): string {
	return path.reduce<string>((text, key) => {
		if (typeof key === "number") return `${text}[${key}]`;
		return text === "" ? String(key) : `${text}.${String(key)}`;
	}, "");
}

/** The place of the part; of what is missing, that of what it is missing in. */
function placeOf({ places, where }: GivenValue, path: readonly PropertyKey[]): string {
	for (let length = path.length; length > 0; length--) {
		const place = places?.get(writtenPath(path.slice(0, length)));
		if (place !== undefined) return place;
	}
	return where;
}

/** @param path from the settings' root; the value is that of its first key */
function partAt({ value }: GivenValue, [, ...path]: readonly PropertyKey[]): unknown {
	return path.reduce<unknown>(
		(part, key) =>
			typeof part === "object" && part !== null ? (part as Readonly<Record<PropertyKey, unknown>>)[key] : undefined,
		value,
	);
}
