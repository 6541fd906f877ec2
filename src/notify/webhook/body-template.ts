import { placeholderPattern } from "../../core/placeholders.ts";
import type { AlertLine } from "../alert-line.ts";

/**
 * Fills a body in: each placeholder becomes the field's value, written so that it fits between the quotes of a JSON text;
 * what this line does not have, since it is a group's or a raise, becomes nothing. The settings hold no other placeholders.
 */
export function filledIn(template: string, line: AlertLine): string {
	return template.replaceAll(placeholderPattern, (_all, path: string) => {
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
