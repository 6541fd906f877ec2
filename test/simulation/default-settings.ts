import { fields, type Settings, settingsSchema } from "../../src/config/schema.ts";

/** The defaults, whatever files and variables this machine has. */
export function defaultSettings(namespace: string): Settings {
	const sections = fields.flatMap(({ path }) => (path.includes(".") ? path.slice(0, path.lastIndexOf(".")) : []));
	return settingsSchema.parse({ ...Object.fromEntries(sections.map((name) => [name, {}])), namespace });
}
