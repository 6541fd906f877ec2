import { type DefaultValue, type Field, fields } from "./schema.ts";

const head = `# Settings of zombied, each commented out at its default: uncomment what you want to change.
# Elsewhere a.bCd is called ZOMBIED_A_B_CD (environment) and --a.b-cd (flag of \`zombied run\`); both are stronger than this
# file. Secrets are better kept out of it: ZOMBIED_..._FILE names a file that holds one.
# \`zombied config check\` says whether all is sound, \`zombied config print\` what is in use and where it comes from.
`;

/** A file with every setting, commented out at its default: as it is it changes nothing. */
export function renderExample(): string {
	const sections = Map.groupBy(fields, ({ path }) => path.split(".")[0] ?? path);
	const blocks = [...sections].map(([section, members]) => {
		const isSection = members.some(({ path }) => path !== section);
		const indent = isSection ? "  " : "";
		const lines = members.flatMap((field) => [`${indent}# ${remark(field)}`, `${indent}# ${lineOf(field)}`]);
		return [...(isSection ? [`${section}:`] : []), ...lines].join("\n");
	});
	return `${head}\n${blocks.join("\n\n")}\n`;
}

function remark({ description, form, prefectEnv, example: item }: Field): string {
	const example = item === undefined ? "" : ` - such as [${item}]`;
	const also = prefectEnv === undefined ? "" : `; also ${prefectEnv}`;
	return `${description} (${form.replaceAll("`", "")}${also})${example}`;
}

/** A line that becomes the setting when its comment mark goes; where there is no default, with a value to replace. */
function lineOf({ path, defaultValue, kind }: Field): string {
	const key = path.slice(path.lastIndexOf(".") + 1);
	if (kind === "headers") return `${key}: { X-Name: value }`;
	if (kind === "list") return `${key}: []`;
	return `${key}: ${defaultValue === null ? '""' : yamlOf(defaultValue)}`;
}

function yamlOf(value: DefaultValue): string {
	// JSON is YAML; a text stays plain where nothing in it means something.
	return typeof value === "string" && /^[\w./-]+(?::[\w./-]+)*$/u.test(value) ? value : JSON.stringify(value);
}
