import { existsSync, readFileSync } from "node:fs";
import { expect, test } from "vitest";

const project = new URL("../../../", import.meta.url);
const page = readFileSync(new URL("docs/expectations.md", project), "utf8");

/** Every file that the page names, with the titles in quotes that follow it. */
function references(): [file: string, title: string | null][] {
	const found: [string, string | null][] = [];
	let file: string | null = null;
	for (const [, path, title] of page.matchAll(/`(test\/[\w./-]+\.test\.ts)`|"([^"]+)"/gu)) {
		if (path !== undefined) {
			file = path;
			found.push([path, null]);
		} else if (file !== null) found.push([file, title ?? null]);
	}
	return found;
}

test("every test that docs/expectations.md names is there", () => {
	expect(references().length).toBeGreaterThan(80);
	const missing = references().filter(([file, title]) => {
		const at = new URL(file, project);
		return !existsSync(at) || (title !== null && !readFileSync(at, "utf8").includes(title));
	});
	expect(missing).toEqual([]);
});

test("every row of connecting, telling the truth, metrics, the alert log and running is there once", () => {
	const rows = [...page.matchAll(/^\| ([A-Z]\d+(?:, [A-Z]\d+)*) \|/gmu)].flatMap(
		(match) => match[1]?.split(", ") ?? [],
	);
	const count = (letter: string, until: number): string[] =>
		Array.from({ length: until }, (_, index) => `${letter}${index + 1}`);
	// The rows D and R join one by one.
	const complete = rows.filter((row) => !/^[DR]/u.test(row));
	expect(complete).toEqual([
		...count("C", 17),
		...count("T", 11),
		...count("M", 7),
		...count("L", 5),
		...count("O", 12),
	]);
});
