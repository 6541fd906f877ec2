import { plainText } from "../observe/plain-text.ts";

const cellCharsMax = 60;

/** Lines with columns as wide as their widest cell. What comes from outside cannot act on the terminal. */
export function textTable(rows: readonly (readonly string[])[]): string {
	const cells = rows.map((row) => row.map((cell) => plainText(cell, cellCharsMax)));
	const widths = cells.reduce<number[]>((most, row) => row.map((cell, i) => Math.max(most[i] ?? 0, cell.length)), []);
	return cells
		.map((row) => `${row.map((cell, i) => cell.padEnd(widths[i] ?? 0)).join("  ")}`.trimEnd())
		.map((line) => `${line}\n`)
		.join("");
}
