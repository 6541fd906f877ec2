/** Markup that is safe to send: what was put into it is escaped. */
export class Html {
	readonly text: string;

	constructor(text: string) {
		this.text = text;
	}
}

type Part = Html | string | number | null | readonly (Html | null)[];

const entities: Readonly<Record<string, string>> = {
	"&": "&amp;",
	"<": "&lt;",
	">": "&gt;",
	'"': "&quot;",
	"'": "&#39;",
};

/** A template whose values are escaped, unless they are markup themselves; null is nothing. Attributes are to be quoted. */
export function html(template: TemplateStringsArray, ...parts: readonly Part[]): Html {
	return new Html(
		template.map((text, index) => text + (index < parts.length ? markupOf(parts[index] ?? null) : "")).join(""),
	);
}

function markupOf(part: Part): string {
	if (part === null) return "";
	if (part instanceof Html) return part.text;
	if (typeof part === "string" || typeof part === "number") return escaped(String(part));
	return part.map((one) => one?.text ?? "").join("");
}

function escaped(text: string): string {
	return text.replaceAll(/[&<>"']/gu, (character) => entities[character] ?? "");
}
