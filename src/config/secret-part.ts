import { readFileSync } from "node:fs";
import { z } from "zod";
import { messageOf } from "../lib/errors.ts";
import { plainText } from "../observe/plain-text.ts";
import type { Environment } from "./env-source.ts";

/** A secret within a list. What prints settings knows it by this shape, and blanks it out. */
export interface SecretPart {
	readonly secret: string;
}

/** A secret's file is a line of text; more is a wrong file. */
const secretBytesMax = 16_384;
const secretCharsMax = 4_096;
const messageCharsMax = 200;

/**
 * A secret `name` of an entry in a list: as it is, or in the file that `nameFile` names, or in the variable that `nameEnv`
 * names. The value of all three is at `name`.
 *
 * @param values what the secret may look like; a text by default. Its messages must not repeat the value.
 */
export function secretPart<const Name extends string>(name: Name, values: z.ZodType<string> = secretValue()) {
	const ways = { [`${name}File`]: nameOf("the path of a file"), [`${name}Env`]: nameOf("the name of a variable") };
	return {
		[name]: values.transform((secret): SecretPart => ({ secret })),
		...ways,
	} as { [K in Name]: z.ZodType<SecretPart, string> } & {
		[K in `${Name}File` | `${Name}Env`]: z.ZodOptional<z.ZodString>;
	};
}

function secretValue() {
	const error =
		"needs a secret: a text here, or better its file or variable in the key of the same name with File or Env";
	return z
		.string({ error })
		.min(1, { error })
		.max(secretCharsMax, { error: `must not be longer than ${secretCharsMax} characters` })
		.regex(/^[\x20-\x7e]+$/u, { error: "must consist of printable ASCII characters" });
}

function nameOf(what: string) {
	const error = `needs ${what}`;
	return z
		.string({ error })
		.regex(/^[^\p{Cc}]+$/u, { error })
		.optional();
}

/**
 * Puts the contents of files and variables where the secrets belong, in the entries of a list as it was written.
 *
 * @param secretsOf the names of an entry's secrets
 * @param at the list's path: `sinks`
 * @returns the list with its secrets, and a line for each that could not be had
 */
export function withSecretParts(
	list: unknown,
	at: string,
	secretsOf: (entry: Readonly<Record<string, unknown>>) => readonly string[],
	env: Environment,
): { readonly list: unknown; readonly problems: readonly { readonly path: string; readonly text: string }[] } {
	if (!Array.isArray(list)) return { list, problems: [] };
	const problems: { path: string; text: string }[] = [];
	const filled = list.map((entry: unknown, index) => {
		if (typeof entry !== "object" || entry === null || Array.isArray(entry)) return entry;
		const given = entry as Readonly<Record<string, unknown>>;
		const found: Record<string, unknown> = {};
		for (const name of secretsOf(given)) {
			const had = secretFrom(given, name, env);
			if (had === null) continue;
			if ("value" in had) found[name] = had.value;
			else problems.push({ path: `${at}[${index}].${had.key}`, text: `${at}[${index}].${had.key} ${had.problem}` });
		}
		return { ...given, ...found };
	});
	return { list: filled, problems };
}

type Had = { readonly value: string } | { readonly key: string; readonly problem: string } | null;

/** Null: it is given as it is, or not at all, or in a way that the schema refuses. */
function secretFrom(entry: Readonly<Record<string, unknown>>, name: string, env: Environment): Had {
	const [first, second] = [name, `${name}File`, `${name}Env`].filter((key) => entry[key] !== undefined);
	if (second !== undefined) return { key: second, problem: `is given beside ${first}; keep one of them` };
	const place = first === undefined ? undefined : entry[first];
	if (first === undefined || first === name || typeof place !== "string") return null;
	if (first === `${name}Env`) {
		const value = env[place] ?? "";
		return value === "" ? { key: first, problem: "names a variable that is not set, or empty; set it" } : { value };
	}
	try {
		const value = readFileSync(place, "utf8");
		if (value.length > secretBytesMax)
			return { key: first, problem: "names a file too large for a secret; name another" };
		// Editors end the line; a secret does not.
		return { value: value.replace(/\r?\n$/u, "") };
	} catch (error) {
		const why = plainText(messageOf(error), messageCharsMax);
		return { key: first, problem: `names a file that cannot be read (${why}); mend the path or its rights` };
	}
}
