import { readFileSync } from "node:fs";
import path from "node:path";
import { parse } from "smol-toml";
import { z } from "zod";
import { messageOf } from "../lib/errors.ts";
import { plainText } from "../observe/plain-text.ts";
import { type Environment, ofPrefect } from "./env-source.ts";
import { fields } from "./schema.ts";
import type { GivenValue, SourceReading } from "./setting-source.ts";

const profilesBytesMax = 1_048_576;
const nameCharsMax = 80;

const profilesSchema = z.object({
	active: z.string().optional(),
	profiles: z.record(z.string(), z.record(z.string(), z.unknown())).default({}),
});

/**
 * Settings of the active profile of Prefect's command line: `profiles.toml` under `PREFECT_HOME` (else `~/.prefect`);
 * `PREFECT_PROFILE` picks another profile. What is wrong with it is a warning, as it is with Prefect: stronger sources
 * may well say everything. No message quotes the file: profiles hold keys.
 *
 * @param folder from which a relative `PREFECT_HOME` counts
 */
export function readProfile(env: Environment, folder: string): SourceReading {
	const home = homeOf(env, folder);
	if (home === null) return reading([], []);
	const file = path.join(home, "profiles.toml");
	const shown = plainText(file, 200);
	let profiles: z.infer<typeof profilesSchema>;
	try {
		const text = readFileSync(file, "utf8");
		if (text.length > profilesBytesMax) return reading([], [`${shown}: too large for Prefect's profiles; not read`]);
		profiles = profilesSchema.parse(parse(text));
	} catch (error) {
		return isMissing(error) ? reading([], missingChoice(env, shown)) : reading([], [unreadable(shown, error)]);
	}
	const name = env.PREFECT_PROFILE || profiles.active;
	if (name === undefined || name === "") return reading([], []);
	const profile = Object.hasOwn(profiles.profiles, name) ? profiles.profiles[name] : undefined;
	if (profile === undefined) return reading([], [`${shown}: there is no profile ${plainText(name, nameCharsMax)}`]);
	return reading(givenBy(profile, `${shown} [${plainText(name, nameCharsMax)}]`), []);
}

function reading(given: readonly GivenValue[], warnings: readonly string[]): SourceReading {
	return { given, problems: [], warnings };
}

/** Null: nobody's home is known, as in many containers. */
function homeOf(env: Environment, folder: string): string | null {
	const userHome = env.HOME ?? "";
	const own = env.PREFECT_HOME ?? "";
	if (own === "") return userHome === "" ? null : path.join(userHome, ".prefect");
	return path.resolve(folder, own.replace(/^~(?=\/|$)/u, userHome));
}

function givenBy(profile: Readonly<Record<string, unknown>>, where: string): GivenValue[] {
	return fields.flatMap((field): GivenValue[] => {
		const value = field.prefectEnv === undefined ? undefined : profile[field.prefectEnv];
		if (value === undefined || value === "") return [];
		const isPlain = typeof value === "number" || typeof value === "boolean";
		const text = isPlain ? String(value) : value;
		const read = typeof text === "string" ? ofPrefect(field, text) : text;
		return [{ path: field.path, value: read, kind: "prefect_profile", where }];
	});
}

function isMissing(error: unknown): boolean {
	return error instanceof Error && "code" in error && (error.code === "ENOENT" || error.code === "ENOTDIR");
}

function missingChoice(env: Environment, shown: string): string[] {
	const name = env.PREFECT_PROFILE ?? "";
	return name === "" ? [] : [`PREFECT_PROFILE names ${plainText(name, nameCharsMax)}, but there is no ${shown}`];
}

function unreadable(shown: string, error: unknown): string {
	const hasCode = error instanceof Error && "code" in error;
	return hasCode
		? `${shown}: cannot be read (${plainText(messageOf(error), 200)}), so Prefect's active profile does not count`
		: `${shown}: not in the form of Prefect's profiles, so the active one does not count`;
}
