import { readFileSync } from "node:fs";
import path from "node:path";
import { messageOf, OperatorError } from "../lib/errors.ts";
import { plainText } from "../observe/plain-text.ts";
import { doubtsOf } from "./doubts.ts";
import { type Environment, readEnvironment } from "./env-source.ts";
import { problemsOf, writtenPath } from "./problems.ts";
import { readProfile } from "./profile-source.ts";
import { type Field, fields, type Settings, settingsSchema } from "./schema.ts";
import { withSecretParts } from "./secret-part.ts";
import type { GivenValue, SourceKind, SourceReading } from "./setting-source.ts";
import { secretsOfSink } from "./sink-fields.ts";
import { readYaml } from "./yaml-source.ts";

/** Where a setting's value comes from. */
export interface Provenance {
	readonly kind: SourceKind;
	/** `default`, `config/zombied.yaml:3:5`, `ZOMBIED_HTTP_LISTEN`, `--http.listen`. */
	readonly where: string;
}

export interface LoadedConfig {
	readonly settings: Settings;
	/** By path, such as `detector.k`. */
	readonly provenance: ReadonlyMap<string, Provenance>;
	/** The file that was read; null: none. */
	readonly file: string | null;
	/** What is allowed and probably not meant, a line each. */
	readonly warnings: readonly string[];
}

export interface ConfigSources {
	readonly env: Environment;
	/** Folder from which relative paths count. */
	readonly folder: string;
	/** The file named by `--config`; null: not given. */
	readonly file: string | null;
	/** Values of flags by the setting's path. */
	readonly flags: ReadonlyMap<string, string>;
}

const usualFiles = ["./config/zombied.yaml", "/etc/zombied/zombied.yaml"];
const configBytesMax = 1_048_576;

/**
 * Reads the settings: defaults, then Prefect's active profile, the file, `PREFECT_*`, `ZOMBIED_*` and flags, each over the
 * one before.
 *
 * @throws OperatorError with one line for each thing that is wrong: what, where, and how to mend it
 */
export function loadConfig(sources: ConfigSources): LoadedConfig {
	const file = readConfigFile(sources);
	const profile = readProfile(sources.env, sources.folder);
	const readings = [profile, file.reading, readEnvironment(sources.env), readFlags(sources.flags)];
	const byPath = new Map<string, GivenValue>();
	for (const reading of readings)
		for (const value of reading.given) byPath.set(value.path, stronger(byPath.get(value.path), value));
	const problems = readings.flatMap((reading) => reading.problems);
	const missing = fillInSecrets(byPath, sources.env);
	problems.push(...missing.lines);
	const parsed = settingsSchema.safeParse(nested(byPath));
	if (!parsed.success)
		problems.push(
			...parsed.error.issues
				.filter(({ path: at }) => !missing.paths.has(writtenPath(at)))
				.flatMap((issue) => problemsOf(issue, byPath)),
		);
	if (!parsed.success || problems.length > 0) throw new OperatorError([...new Set(problems)].join("\n"));
	return {
		settings: parsed.data,
		provenance: new Map(fields.map((field) => [field.path, provenanceOf(byPath.get(field.path))])),
		file: file.name,
		warnings: [...readings.flatMap((reading) => reading.warnings), ...doubtsOf(parsed.data)],
	};
}

/**
 * The secrets of sinks that stand in files and variables.
 *
 * @returns of those that could not be had a line each, and their paths, which need no second line
 */
function fillInSecrets(
	byPath: Map<string, GivenValue>,
	env: Environment,
): { readonly lines: readonly string[]; readonly paths: ReadonlySet<string> } {
	const given = byPath.get("sinks");
	if (given === undefined) return { lines: [], paths: new Set() };
	const { list, problems } = withSecretParts(given.value, "sinks", secretsOfSink, env);
	byPath.set("sinks", { ...given, value: list });
	return {
		lines: problems.map(({ path: at, text }) => `${given.places?.get(at) ?? given.where}: ${text}`),
		paths: new Set(problems.map(({ path: at }) => at.replace(/(?:File|Env)$/u, ""))),
	};
}

const ranks: Readonly<Record<SourceKind, number>> = {
	default: 0,
	prefect_profile: 1,
	file: 2,
	prefect_env: 3,
	zombied_env: 4,
	flag: 5,
};

function stronger(present: GivenValue | undefined, next: GivenValue): GivenValue {
	return present !== undefined && ranks[present.kind] > ranks[next.kind] ? present : next;
}

function provenanceOf(value: GivenValue | undefined): Provenance {
	return value === undefined ? { kind: "default", where: "default" } : { kind: value.kind, where: value.where };
}

function readConfigFile({ file, env, folder }: ConfigSources): { name: string | null; reading: SourceReading } {
	const named = file ?? (env.ZOMBIED_CONFIG || null);
	const namedBy = file === null ? "ZOMBIED_CONFIG" : "--config";
	for (const name of named === null ? usualFiles : [named]) {
		const text = readText(path.resolve(folder, name), name, named === null ? null : namedBy);
		if (text !== null) return { name, reading: readYaml(text, plainText(name, 200)) };
	}
	return { name: null, reading: { given: [], problems: [], warnings: [] } };
}

/** @param namedBy who asked for the file; null: it is looked for, and may be missing */
function readText(absolute: string, name: string, namedBy: string | null): string | null {
	const shown = plainText(name, 200);
	let bytes: Buffer;
	try {
		bytes = readFileSync(absolute);
	} catch (error) {
		const missing = error instanceof Error && "code" in error && error.code === "ENOENT";
		if (missing && namedBy === null) return null;
		const why = missing ? "there is no such file" : `it cannot be read (${plainText(messageOf(error), 200)})`;
		throw new OperatorError(
			`${shown}: ${why}; mend the path${namedBy === null ? " or its rights" : ` given by ${namedBy}`}`,
		);
	}
	if (bytes.length > configBytesMax)
		throw new OperatorError(`${shown}: too large for a configuration file; name another one`);
	return bytes.toString("utf8");
}

function readFlags(flags: ReadonlyMap<string, string>): SourceReading {
	const given = [...flags].map(
		([setting, value]): GivenValue => ({
			path: setting,
			value,
			kind: "flag",
			where: fields.find((field) => field.path === setting)?.flag ?? setting,
		}),
	);
	return { given, problems: [], warnings: [] };
}

/** The shape of the schema with the given values in it; its sections exist even where they are empty. */
function nested(byPath: ReadonlyMap<string, GivenValue>): object {
	const sections = new Map<string, Record<string, unknown>>([["", {}]]);
	for (const field of fields) {
		const dot = field.path.lastIndexOf(".");
		const name = field.path.slice(0, Math.max(0, dot));
		const section = sections.get(name) ?? {};
		sections.set(name, section);
		const given = byPath.get(field.path);
		if (given !== undefined) section[field.path.slice(dot + 1)] = valueFor(field, given);
	}
	const { "": top, ...rest } = Object.fromEntries(sections);
	return { ...top, ...rest };
}

/** The words that Prefect takes for a boolean, and hence we. */
const booleanWords: Readonly<Record<string, boolean>> = {
	...Object.fromEntries(["1", "true", "t", "yes", "y", "on"].map((word) => [word, true])),
	...Object.fromEntries(["0", "false", "f", "no", "n", "off"].map((word) => [word, false])),
};

/** The environment and the command line know texts alone; what cannot be read stays a text, to be refused. */
function valueFor({ kind }: Field, { kind: source, value }: GivenValue): unknown {
	if (source === "file" || typeof value !== "string") return value;
	switch (kind) {
		case "text":
			return value;
		case "number":
			return /^-?\d+(?:\.\d+)?$/u.test(value.trim()) ? Number(value) : value;
		case "boolean":
			return booleanWords[value.trim().toLowerCase()] ?? value;
		case "headers":
			return parsedJson(value) ?? value;
		case "list":
			return value;
	}
	return kind satisfies never;
}

function parsedJson(text: string): unknown {
	try {
		return JSON.parse(text);
	} catch {
		return undefined;
	}
}
