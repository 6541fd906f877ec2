import { readFileSync } from "node:fs";
import { messageOf } from "../lib/errors.ts";
import { plainText } from "../observe/plain-text.ts";
import { nearest } from "./nearest.ts";
import { type Field, fields } from "./schema.ts";
import type { GivenValue, SourceReading } from "./setting-source.ts";

export type Environment = Readonly<Record<string, string | undefined>>;

/** Variables of this prefix that are no settings: the file to read, and what the image was built from. */
const otherVariables: readonly string[] = ["ZOMBIED_CONFIG", "ZOMBIED_REVISION"];

// Kubernetes puts the addresses of a Service named zombied (or zombied-…) into every container's environment.
const kubernetesVariable = /_(?:SERVICE_(?:HOST|PORT\w*)|PORT(?:_\d+_(?:TCP|UDP)\w*)?)$/u;

/** A secret's file is a line of text; more is a wrong file. */
const secretBytesMax = 16_384;
const nameCharsMax = 80;

/** Settings from the environment. An empty variable counts as not set, as containers' templates leave them. */
export function readEnvironment(env: Environment): SourceReading {
	const given: GivenValue[] = [];
	const problems: string[] = [];
	for (const field of fields) {
		const text = field.prefectEnv === undefined ? "" : (env[field.prefectEnv] ?? "");
		if (field.prefectEnv !== undefined && text !== "") {
			given.push({ path: field.path, value: ofPrefect(field, text), kind: "prefect_env", where: field.prefectEnv });
		}
		const own = ownVariable(field, env);
		if (typeof own === "string") problems.push(own);
		else if (own !== null) given.push(own);
	}
	return { given, problems, warnings: unknownVariables(env) };
}

/** Prefect writes a number of seconds where our settings are durations; what is no number is left to be refused. */
export function ofPrefect(field: Field, text: string): string {
	const seconds = Number(text);
	return field.prefectEnvUnit === "seconds" && seconds >= 0 && Number.isFinite(seconds)
		? `${Math.round(seconds * 1000)}ms`
		: text;
}

/** The value of `ZOMBIED_…` or, for a secret, of the file that `ZOMBIED_…_FILE` names; a text is a problem. */
function ownVariable(field: Field, env: Environment): GivenValue | string | null {
	if (field.env === null) return null;
	const text = env[field.env] ?? "";
	const fileVariable = `${field.env}_FILE`;
	const file = field.secret === true ? (env[fileVariable] ?? "") : "";
	if (text !== "" && file !== "") return `${field.env} and ${fileVariable} are both set; keep one of them`;
	if (text !== "") return { path: field.path, value: text, kind: "zombied_env", where: field.env };
	if (file === "") return null;
	try {
		const secret = readFileSync(file, "utf8");
		if (secret.length > secretBytesMax) return `${fileVariable}: ${file} is too large for a secret; name another file`;
		// Editors end the line; a secret does not.
		return { path: field.path, value: secret.replace(/\r?\n$/u, ""), kind: "zombied_env", where: fileVariable };
	} catch (error) {
		return `${fileVariable}: the file cannot be read (${plainText(messageOf(error), 200)}); mend the path or its rights`;
	}
}

function unknownVariables(env: Environment): string[] {
	const known = new Set([
		...otherVariables,
		...fields.flatMap(({ env: name, secret }) => {
			if (name === null) return [];
			return secret === true ? [name, `${name}_FILE`] : [name];
		}),
	]);
	return Object.keys(env)
		.filter((name) => name.startsWith("ZOMBIED_") && !known.has(name) && !kubernetesVariable.test(name))
		.map((name) => {
			const suggestion = nearest(name, [...known]);
			return `there is no variable ${plainText(name, nameCharsMax)}${suggestion === null ? "" : `; did you mean ${suggestion}?`}`;
		});
}
