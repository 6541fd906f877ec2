import { alertFields } from "./alert-fields.ts";

/** `{{flow_run.name}}`: a field of the alert line by its path. Between the braces may stand anything, so that a slip is found. */
export const placeholderPattern: RegExp = /\{\{\s*(.*?)\s*\}\}/gsu;

const known: ReadonlySet<string> = new Set(alertFields);

/** What stands between braces in a template and is no field of an alert line, each once. */
export function unknownPlaceholders(template: string): readonly string[] {
	const names = [...template.matchAll(placeholderPattern)].map(([, name = ""]) => name);
	return [...new Set(names)].filter((name) => !known.has(name));
}
