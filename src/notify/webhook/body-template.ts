import type { AlertLine } from "../alert-line.ts";

/** `{{flow_run.name}}`: a field of the alert line by its path. */
const placeholder = /\{\{\s*([a-z_]+(?:\.[a-z_]+)*)\s*\}\}/gu;

/**
 * Fills a body in: each placeholder becomes the field's value, written so that it fits between the quotes of a JSON text;
 * what a line does not have becomes nothing.
 */
export function filledIn(template: string, line: AlertLine): string {
	return template.replaceAll(placeholder, (_all, path: string) => {
		const value = valueAt(line, path);
		const text = typeof value === "string" ? value : value === null || value === undefined ? "" : JSON.stringify(value);
		return JSON.stringify(text).slice(1, -1);
	});
}

function valueAt(line: AlertLine, path: string): unknown {
	return path
		.split(".")
		.reduce<unknown>(
			(value, key) =>
				typeof value === "object" && value !== null && Object.hasOwn(value, key)
					? (value as Readonly<Record<string, unknown>>)[key]
					: undefined,
			line,
		);
}
