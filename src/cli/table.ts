import { plainText } from "../observe/plain-text.ts";

const cellCharsMax = 60;

/** Rows as columns of text, the first row as their heads; texts from outside are made harmless. */
export function tableText(rows: readonly (readonly string[])[]): string {
	const shown = rows.map((row) => row.map((cell) => plainText(cell, cellCharsMax)));
	const widths = shown.reduce<number[]>((most, row) => row.map((cell, i) => Math.max(most[i] ?? 0, cell.length)), []);
	const lines = shown.map((row) =>
		row
			.map((cell, i) => cell.padEnd(widths[i] ?? 0))
			.join("  ")
			.trimEnd(),
	);
	return `${lines.join("\n")}\n`;
}
