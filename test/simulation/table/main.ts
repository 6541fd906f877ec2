// `npm run sim:table`: the shipped detector and its peers in one simulated world. Seeds, sizes and shares of it by flag.
import { mkdirSync, writeFileSync } from "node:fs";
import { availableParallelism, cpus } from "node:os";
import { fileURLToPath } from "node:url";
import { messageOf, OperatorError } from "../../../src/lib/errors.ts";
import { goalsOf } from "./goals.ts";
import { detectorNames, type Job, type Played } from "./job.ts";
import { readOptions, type TableOptions, wholeSize } from "./options.ts";
import { playJobs } from "./play-jobs.ts";
import { renderTable } from "./render.ts";
import { renderReport } from "./report.ts";
import { scenarioNames } from "./scenario.ts";

const report = fileURLToPath(new URL("../../../bench/detector.md", import.meta.url));
const cadencesCount = 2;

/** All of the table at its size: what the report is written of. */
function isWhole({ runs, beats, scenarios, detectors, cadencesSeconds }: TableOptions): boolean {
	return (
		runs === wholeSize.runs &&
		beats === wholeSize.beats &&
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

async function main(): Promise<void> {
	const options = readOptions(process.argv.slice(2));
	const begunMs = performance.now();
	const secondsSince = (): number => Math.round((performance.now() - begunMs) / 1_000);
	const inTable = jobsOf(options);
	const jobs = isWhole(options) ? [...inTable, ...besideJobs(options)] : inTable;
	let done = 0;
	const played = await playJobs(jobs, ({ scenario, cadenceSeconds }) => {
		done += 1;
		process.stderr.write(`${done}/${jobs.length} ${scenario} at ${cadenceSeconds} s, ${secondsSince()} s\n`);
	});
	if (isWhole(options)) writeReport(options, jobs, played, secondsSince());
	else process.stderr.write("bench/detector.md is written by a whole table alone\n");
	const cells = played.slice(0, inTable.length).flatMap((one) => one.cells);
	process.stdout.write(
		options.json ? `${JSON.stringify({ cells })}\n` : `${renderTable(cells, goalsOf(jobs, played))}\n`,
	);
}

function writeReport(options: TableOptions, jobs: readonly Job[], played: readonly Played[], seconds: number): void {
	const machine = {
		cpu: cpus()[0]?.model.trim() ?? "unknown",
		cores: availableParallelism(),
		node: process.version,
		platform: process.platform,
	};
	mkdirSync(fileURLToPath(new URL("../../../bench", import.meta.url)), { recursive: true });
	writeFileSync(report, renderReport({ jobs, played, seed: options.seed, seconds, machine }));
	process.stderr.write("written: bench/detector.md\n");
}

try {
	await main();
} catch (error) {
	const isOperators = error instanceof OperatorError;
	process.stderr.write(`sim:table: ${isOperators ? error.message : ((error as Error)?.stack ?? messageOf(error))}\n`);
	process.exitCode = isOperators ? 1 : 70;
}
