import { readFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { fields } from "../../src/config/schema.ts";
import { formatDuration } from "../../src/lib/duration.ts";
import { filesOf } from "../architecture/rules.ts";

/** A constant of the sources that bounds something, as it stands there. */
export interface Limit {
	/** Below src: `daemon/pipeline.ts`. */
	readonly file: string;
	readonly name: string;
	/** As an operator reads it. */
	readonly value: string;
	/** The comment above it, which neighbours on the lines below share; empty: there is none. */
	readonly comment: string;
}

const src = fileURLToPath(new URL("../../src", import.meta.url));

/** What a running daemon is made of. What a command prints, and how a replay is played, bounds nobody's memory. */
const folders = ["prefect", "core", "daemon", "store", "notify", "schedule", "http", "observe"];
/** `retryMs`, `batchInputsMax`, `lagMarginMaxMs`, `retentionSliceRows`, `retryBackoff`, `streamTiming`. */
const limitName = /(?:Max|Min|Ms|Rows|Pages)$|Max[A-Z]|(?:Backoff|Bounds|Limits|Timing)$/u;
/** Of the core the times are the detector's own: docs/detector.md explains them. */
const coreLimitName = /Max$/u;
const declaration = /^(?:export )?const (\w+)(?:: \w+)? = (\S.*)$/u;

/** Every named limit, in the order of the folders above, by file. */
export function limitsOf(folder: string = src): readonly Limit[] {
	return folders.flatMap((layer) =>
		filesOf(path.join(folder, layer))
			.toSorted()
			.flatMap((file) => {
				const isWanted = (name: string): boolean => (layer === "core" ? coreLimitName : limitName).test(name);
				return limitsIn(readFileSync(file, "utf8"))
					.filter(({ name }) => isWanted(name))
					.map((limit) => ({ file: path.relative(folder, file), ...limit }));
			}),
	);
}

/** Constants at the top of a file whose value is a number, or numbers by name. */
function limitsIn(source: string): readonly Omit<Limit, "file">[] {
	const found: Omit<Limit, "file">[] = [];
	let comment = "";
	const lines = source.split("\n");
	for (const [index, line] of lines.entries()) {
		comment = commentAfter(comment, line);
		const [, name = "", begin = ""] = declaration.exec(line) ?? [];
		const value = name === "" ? null : readableOf(name, begin === "{" ? objectFrom(lines, index + 1) : begin);
		if (value !== null) found.push({ name, value, comment: wordsOf(comment) });
	}
	return found;
}

/** The comment that the next line has above it. */
function commentAfter(comment: string, line: string): string {
	if (line === "") return "";
	if (!/^(?:\/\*\*| \*|\/\/)/u.test(line)) return comment;
	return line.startsWith("/") ? line : `${comment}\n${line}`;
}

function objectFrom(lines: readonly string[], from: number): string {
	const length = lines.slice(from).findIndex((line) => line.startsWith("}"));
	const inner = lines.slice(from, from + length).filter((line) => !/^\s*(?:\/\*|\*|\/\/)/u.test(line));
	return `{ ${inner.map((line) => line.trim()).join(" ")} };`;
}

/** Null: no number, so no limit. */
function readableOf(name: string, text: string): string | null {
	const inner = /^\{ (.*?),? \};?$/u.exec(text)?.[1];
	if (inner === undefined) return numberOf(name, text.replace(/;$/u, ""));
	const parts = [...inner.matchAll(/(\w+): (\{[^}]*\}|[^,]+)/gu)].map(([, key = "", part = ""]) => {
		const value = readableOf(key, part);
		return value === null ? null : `${key} ${value}`;
	});
	return parts.length === 0 || parts.includes(null) ? null : parts.join("; ");
}

function numberOf(name: string, text: string): string | null {
	if (!/^[\d_.]+(?: \* [\d_.]+)*$/u.test(text)) return null;
	const value = text.split(" * ").reduce((product, factor) => product * Number(factor.replaceAll("_", "")), 1);
	if (/Ms(?:Max|Min)?$/u.test(name)) return formatDuration(value);
	if (!/Bytes/u.test(name)) return value.toLocaleString("en");
	return value % 1_048_576 === 0
		? `${value / 1_048_576} MiB`
		: value % 1024 === 0
			? `${value / 1024} KiB`
			: `${value} B`;
}

function wordsOf(comment: string): string {
	return comment
		.replaceAll(/^\s*(?:\/\*\*|\*\/|\*|\/\/)\s?|\s*\*\/$/gmu, "")
		.replaceAll(/\s+/gu, " ")
		.trim();
}

const head = `# Limits

<!-- Generated from the constants of src and their comments by \`npm run docs\`; edit them there. -->

Every queue, batch, retry and buffer of the daemon has a limit. The first table is yours to set
([configuration.md](configuration.md)); the others stand in the code, beside what they bound, and are here to be seen
together. Constants that follow one another share a comment. What the times of detection rest on is in
[detector.md](detector.md).

What overflows is counted, and read again from Prefect or from the database, never assumed:
\`zombied_queue_overflows_total\` (inputs), \`zombied_delivery_failures_total{reason="overflow"}\` (alerts in memory),
\`zombied_frames_rejected_total{reason="too_large"}\` (frames), \`zombied_series_dropped_total\` (work pools),
\`zombied_schedule_missed_total\` (jobs that came late), \`zombied_loop_restarts_total\` (loops started again),
\`zombied_store_log_bytes\` (the write-ahead log), \`zombied_unconfirmed_runs_dropped_total\` (runs that REST has not told of). All metrics: [metrics.md](metrics.md).
`;

/** `docs/limits.md`. */
export function renderLimits(): string {
	const limits = limitsOf();
	const settings = fields
		.filter(({ path: place }) => place.startsWith("limits."))
		.map(({ path: place, defaultValue, description }) => row([`\`${place}\``, String(defaultValue), description]));
	const tables = folders.map((layer) => {
		const rows = limits
			.filter(({ file }) => file.startsWith(`${layer}/`))
			.map(({ file, name, value, comment }) => row([`\`${name}\``, value, comment, `\`${path.basename(file)}\``]));
		return `\n## \`src/${layer}\`\n\n| limit | value | | where |\n| --- | --- | --- | --- |\n${rows.join("")}`;
	});
	return `${head}\n## Settings\n\n| setting | default | |\n| --- | --- | --- |\n${settings.join("")}${tables.join("")}`;
}

function row(cells: readonly string[]): string {
	return `| ${cells.map((cell) => cell.replaceAll("|", "\\|")).join(" | ")} |\n`;
}
