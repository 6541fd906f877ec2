import { z } from "zod";
import { alertLineSchema } from "../../src/notify/alert-line.ts";

interface Node {
	readonly properties?: Readonly<Record<string, Node>>;
	readonly anyOf?: readonly Node[];
	readonly oneOf?: readonly Node[];
}

/** The source that tells the settings, which may not know of the alert line, what a line can have. */
export function renderAlertFields(): string {
	const paths = [...new Set(pathsIn(z.toJSONSchema(alertLineSchema) as Node, ""))];
	return `/** Every field of the alert line by its path, of a run's line or a group's; written by \`npm run docs\` from its schema. */
export const alertFields: readonly string[] = [
${paths.map((path) => `\t"${path}",\n`).join("")}];
`;
}

function pathsIn({ properties = {}, anyOf = [], oneOf = [] }: Node, prefix: string): string[] {
	return [
		...Object.entries(properties).flatMap(([key, node]) => [`${prefix}${key}`, ...pathsIn(node, `${prefix}${key}.`)]),
		...[...anyOf, ...oneOf].flatMap((node) => pathsIn(node, prefix)),
	];
}
