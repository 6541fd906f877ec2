import { formatDuration } from "../lib/duration.ts";
import { redactedMark } from "../observe/redaction.ts";
import type { Duration } from "./field-types.ts";
import type { LoadedConfig } from "./load.ts";
import { fields, type Settings } from "./schema.ts";
import type { SecretPart } from "./secret-part.ts";

/** A setting as it stands, written as an operator would write it. */
export interface SettingDescription {
	readonly path: string;
	/** Null: not set. A secret that is set is not shown. */
	readonly value: string | number | boolean | null;
	/** `default`, a place in a file, a variable, a flag. */
	readonly where: string;
}

/** All settings in the schema's order, secrets blanked out. */
export function describeSettings({ settings, provenance }: LoadedConfig): readonly SettingDescription[] {
	return fields.flatMap(({ path, secret, kind }) => {
		const value = valueAt(settings, path);
		const where = provenance.get(path)?.where ?? "default";
		// One entry for each of a list: together they would be too long to read.
		if (kind === "list" && Array.isArray(value) && value.length > 0) {
			return value.map((item, index) => ({ path: `${path}[${index}]`, value: asYaml(item), where }));
		}
		return { path, value: secret === true ? hidden(value) : written(value), where };
	});
}

/** Values that must appear in no log line, message or page. */
export function secretsOf(settings: Settings): readonly string[] {
	return fields
		.filter((field) => field.secret === true)
		.flatMap((field) => {
			const value = valueAt(settings, field.path);
			return typeof value === "object" && value !== null ? Object.values(value) : [value];
		})
		.filter((value) => typeof value === "string")
		.concat(secretPartsIn(settings.sinks));
}

/** The secrets within the entries of a list. */
function secretPartsIn(value: unknown): string[] {
	if (isSecretPart(value)) return [value.secret];
	if (typeof value === "object" && value !== null && "headers" in value) {
		const { headers, ...rest } = value;
		return [...Object.values(headers as object).filter((text) => typeof text === "string"), ...secretPartsIn(rest)];
	}
	return typeof value === "object" && value !== null ? Object.values(value).flatMap(secretPartsIn) : [];
}

/** A setting's value by its path, such as `detector.k`. */
export function valueAt(settings: Settings, path: string): unknown {
	return path.split(".").reduce<unknown>((value, key) => (value as Readonly<Record<string, unknown>>)[key], settings);
}

/** Whether it is set, and of headers their names. */
function hidden(value: unknown): string | null {
	if (typeof value !== "object" || value === null) return value === null ? null : redactedMark;
	const names = Object.keys(value);
	return names.length === 0 ? null : names.map((name) => `${name}: ${redactedMark}`).join(", ");
}

function written(value: unknown): string | number | boolean | null {
	if (typeof value === "string" || typeof value === "number" || typeof value === "boolean") return value;
	if (typeof value !== "object" || value === null || Array.isArray(value)) return null;
	if (isDuration(value)) return formatDuration(value.ms);
	if ("host" in value && "port" in value) {
		const host = String(value.host);
		return `${host.includes(":") ? `[${host}]` : host}:${value.port}`;
	}
	throw new Error("a setting of a kind that cannot be written");
}

/** Durations as an operator writes them, secrets blanked out; JSON is YAML. */
function asYaml(item: unknown): string {
	return JSON.stringify(item, (key, part: unknown) => {
		if (isSecretPart(part)) return redactedMark;
		// What a header holds may be one as well.
		if (key === "headers") return hidden(part) ?? {};
		return isDuration(part) ? formatDuration(part.ms) : part;
	});
}

function isSecretPart(value: unknown): value is SecretPart {
	return typeof value === "object" && value !== null && "secret" in value && typeof value.secret === "string";
}

function isDuration(value: unknown): value is Duration {
	return typeof value === "object" && value !== null && "ms" in value && typeof value.ms === "number";
}
