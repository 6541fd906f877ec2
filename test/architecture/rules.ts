import { readdirSync, readFileSync, statSync } from "node:fs";
import path from "node:path";

/** What a folder of src may import, beside itself. `*`: a sink may import its own folder and notify's contract only. */
const adapters = ["prefect", "store", "schedule", "replay", "notify", "remedy", "http", "config"];
const below = ["observe", "core", "lib"];
export const layers: Readonly<Record<string, readonly string[]>> = {
	lib: [],
	core: ["lib"],
	observe: ["core", "lib"],
	...Object.fromEntries(adapters.map((name) => [name, below])),
	daemon: [...adapters, ...below],
	cli: ["daemon", ...adapters, ...below],
	"main.ts": ["cli", "lib"],
};

/** The one file that knows a package, so that another can take its place. */
const soleUsers: Readonly<Record<string, string>> = { "prom-client": "observe/metrics.ts" };

/** What the core must not know: time, chance and the outside world reach it as arguments. */
const coreForbids: readonly (readonly [RegExp, string])[] = [
	[/\bDate\s*\.\s*now\b|\bnew\s+Date\s*\(\s*\)|\bperformance\s*\.|\bhrtime\b/u, "reads a clock"],
	[/\bMath\s*\.\s*random\b|\bcrypto\b|\brandomUUID\b/u, "throws dice"],
	[/\b(?:setTimeout|setInterval|setImmediate|queueMicrotask)\b/u, "starts a timer"],
	[/\bconsole\s*\.|\bprocess\s*\.|\bfetch\s*\(|\bglobalThis\b/u, "reaches outside"],
	[/\basync\b|\bawait\b|\bPromise\b/u, "waits"],
];

const linesMax = 300;
const emptyNames = /^(?:.*-)?(?:utils?|helpers?|managers?|misc|common|data|info)\.ts$/u;
const kebabName = /^[a-z0-9]+(?:-[a-z0-9]+)*\.ts$/u;
const importPattern =
	/(?:^|[;\s}])(?:import|export)\b[^"';]*?\bfrom\s*["']([^"']+)["']|(?:^|[;\s])import\s*["']([^"']+)["']|\bimport\s*\(\s*["']([^"']+)["']/gmu;

/** Every breach of the architecture in a project's `src`, one line each, naming the file. */
export function violationsOf(project: string): string[] {
	const src = path.join(project, "src");
	return filesOf(src).flatMap((file) => {
		const name = path.relative(src, file);
		const source = readFileSync(file, "utf8");
		const code = withoutComments(source);
		return [
			...nameFaults(name),
			...importsOf(code).flatMap((specifier) => importFaults(src, name, specifier)),
			...(name.startsWith("core/") ? coreFaults(name, code) : []),
			...(source.split("\n").length - 1 > linesMax ? [`${name}: more than ${linesMax} lines`] : []),
		];
	});
}

export function filesOf(folder: string): string[] {
	return readdirSync(folder)
		.map((entry) => path.join(folder, entry))
		.flatMap((entry) => (statSync(entry).isDirectory() ? filesOf(entry) : [entry]))
		.filter((entry) => entry.endsWith(".ts"));
}

/** Comments speak of what the code must not do. Strings stay; a `//` within one is preceded by its colon. */
function withoutComments(source: string): string {
	return source.replaceAll(/\/\*.*?\*\//gsu, "").replaceAll(/(?<![:"'`\w])\/\/.*$/gmu, "");
}

export function importsOf(code: string): string[] {
	return [...code.matchAll(importPattern)].map((match) => match[1] ?? match[2] ?? match[3] ?? "");
}

function nameFaults(name: string): string[] {
	const base = path.basename(name);
	const faults: string[] = [];
	if (!kebabName.test(base)) faults.push(`${name}: not in kebab-case`);
	if (emptyNames.test(base)) faults.push(`${name}: a name that says nothing of the domain`);
	if (layers[layerOf(name)] === undefined) faults.push(`${name}: a folder that the table of layers does not know`);
	return faults;
}

function layerOf(name: string): string {
	return name.split("/")[0] ?? name;
}

function importFaults(src: string, name: string, specifier: string): string[] {
	if (!specifier.startsWith(".")) return packageFaults(name, specifier);
	const target = path.relative(src, path.resolve(src, path.dirname(name), specifier));
	if (target.startsWith("..")) return [`${name}: imports ${specifier}, outside src`];
	const from = layerOf(name);
	const to = layerOf(target);
	if (from === to) return siblingFaults(name, target);
	return (layers[from] ?? []).includes(to) ? [] : [`${name}: ${from} must not import ${to} (${specifier})`];
}

/** Sinks do not know one another, and their contract knows none of them. */
function siblingFaults(name: string, target: string): string[] {
	if (layerOf(name) !== "notify") return [];
	const [from, to] = [path.dirname(name), path.dirname(target)];
	return to === "notify" || from === to ? [] : [`${name}: ${from} must not import ${to}`];
}

function packageFaults(name: string, specifier: string): string[] {
	const soleUser = soleUsers[specifier];
	if (soleUser !== undefined && soleUser !== name) return [`${name}: only ${soleUser} imports ${specifier}`];
	return layerOf(name) === "core" ? [`${name}: core imports the package ${specifier}`] : [];
}

function coreFaults(name: string, code: string): string[] {
	return coreForbids.filter(([pattern]) => pattern.test(code)).map(([, what]) => `${name}: core ${what}`);
}
