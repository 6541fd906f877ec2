// `npm run sim:table`: the shipped detector and its peers in one simulated world. Seeds, sizes and shares of it by flag.
import { mkdirSync, writeFileSync } from "node:fs";
import { availableParallelism, cpus } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { messageOf, OperatorError } from "../../../src/lib/errors.ts";
import { goalsOf } from "./goals.ts";
import { detectorNames, type Job, type Played } from "./job.ts";
import { readOptions, type TableOptions, wholeSize } from "./options.ts";
import { playJobs } from "./play-jobs.ts";
import { renderTable } from "./render.ts";
import { renderReport } from "./report.ts";
import { scenarioNames } from "./scenario.ts";

const wholeReport = fileURLToPath(new URL("../../../bench/detector.md", import.meta.url));
const cadencesCount = 2;

/** All of the table, of whatever size: what a report can be written of. */
function isWhole({ scenarios, detectors, cadencesSeconds }: TableOptions): boolean {
	return (
		scenarios.length === scenarioNames.length &&
		detectors.length === detectorNames.length &&
		cadencesSeconds.length === cadencesCount
	);
}

function jobsOf({ runs, beats, seed, scenarios, detectors, cadencesSeconds }: TableOptions): readonly Job[] {
	return scenarios.flatMap((scenario) =>
		cadencesSeconds.map((cadenceSeconds) => ({ scenario, cadenceSeconds, detectors, runs, beats, seed })),
	);
}

/** What the report tells beside the table. */
function besideJobs({ runs, beats, seed }: TableOptions): readonly Job[] {
	const ours = { detectors: ["zombied"], runs, beats, seed } as const;
	return [
		{ ...ours, scenario: "fleet-death", cadenceSeconds: 30 },
		{ ...ours, scenario: "fleet-death", cadenceSeconds: 180 },
		{ ...ours, scenario: "death-slow-clients", cadenceSeconds: 30 },
	];
}

/** Where the report goes; null: nowhere. The one that is kept is of full size. */
function reportOf(options: TableOptions): string | null {
	const isFull = options.runs === wholeSize.runs && options.beats === wholeSize.beats;
	if (!isWhole(options)) {
		if (options.report !== null) throw new OperatorError("--report: it is of all scenarios, detectors and cadences");
		return null;
	}
	return options.report ?? (isFull ? wholeReport : null);
}

async function main(): Promise<void> {
	const options = readOptions(process.argv.slice(2));
	const report = reportOf(options);
	const begunMs = performance.now();
	const secondsSince = (): number => Math.round((performance.now() - begunMs) / 1_000);
	const inTable = jobsOf(options);
	const jobs = report === null ? inTable : [...inTable, ...besideJobs(options)];
	let done = 0;
	const played = await playJobs(jobs, ({ scenario, cadenceSeconds }) => {
		done += 1;
		process.stderr.write(`${done}/${jobs.length} ${scenario} at ${cadenceSeconds} s, ${secondsSince()} s\n`);
	});
	if (report !== null) writeReport(report, options, jobs, played, secondsSince());
	const cells = played.slice(0, inTable.length).flatMap((one) => one.cells);
	process.stdout.write(
		options.json ? `${JSON.stringify({ cells })}\n` : `${renderTable(cells, goalsOf(jobs, played))}\n`,
	);
}

function writeReport(
	file: string,
	{ seed, runs, beats }: TableOptions,
	jobs: readonly Job[],
	played: readonly Played[],
	seconds: number,
): void {
	const machine = {
		cpu: cpus()[0]?.model.trim() ?? "unknown",
		cores: availableParallelism(),
		node: process.version,
		platform: process.platform,
	};
	mkdirSync(path.dirname(file), { recursive: true });
	writeFileSync(file, renderReport({ jobs, played, seed, runs, beats, seconds, machine }));
	process.stderr.write(`written: ${path.relative(process.cwd(), file)}\n`);
}

try {
	await main();
} catch (error) {
	const isOperators = error instanceof OperatorError;
	process.stderr.write(`sim:table: ${isOperators ? error.message : ((error as Error)?.stack ?? messageOf(error))}\n`);
	process.exitCode = isOperators ? 1 : 70;
}
