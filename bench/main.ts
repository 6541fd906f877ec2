import { writeFile } from "node:fs/promises";
import { OperatorError } from "../src/lib/errors.ts";
import { ensurePrefectVenv, type PrefectVenv, PythonMissingError } from "../test/prefect/venv.ts";
import { type BenchArguments, benchArguments } from "./command-line.ts";
import { regressions } from "./floors.ts";
import { type IngestFigures, measureIngest } from "./ingest/ingest.ts";
import { measureIdle } from "./parts/idle.ts";
import { measureRealServer } from "./parts/real-server.ts";
import { measureReplay } from "./parts/replay.ts";
import { measureSteady } from "./parts/steady.ts";
import { type Results, rendered } from "./results.ts";

const steadyLoad = { liveRuns: 10_000, framesPerSecond: 50_000, seconds: 60 };
const replayed = { runs: 500, beats: 100 };
const realRates = [50, 100, 300, 600];
const realSeconds = 20;

const startedMs = performance.now();
const stop = new AbortController();
for (const name of ["SIGTERM", "SIGINT"] as const) process.on(name, () => stop.abort(new Error(name)));
const { signal } = stop;

function report(line: string): void {
	console.error(`${((performance.now() - startedMs) / 1000).toFixed(0).padStart(5)} s  ${line}`);
}

/** Everything but ingest: minutes more. */
async function measureRest(venv: PrefectVenv, ingest: readonly IngestFigures[]): Promise<Results> {
	report(`${steadyLoad.framesPerSecond} events/s for ${steadyLoad.seconds} s`);
	const steady = await measureSteady({ ...steadyLoad, signal });
	const idle = [];
	for (const { liveRuns } of ingest) {
		report(`${liveRuns} live runs that do nothing`);
		idle.push(await measureIdle(liveRuns, signal));
	}
	report("replay");
	const replay = await measureReplay(replayed.runs, replayed.beats, signal);
	report("a real Prefect server");
	const { python, prefectVersion } = venv;
	const realServer = await measureRealServer({ python, rates: realRates, seconds: realSeconds, report, signal });
	const command = `npm run bench -- ${process.argv.slice(2).join(" ")}`.trim();
	return { command, prefectVersion, ingest, steady: { ...steadyLoad, ...steady }, idle, replay, realServer };
}

async function main({ json, reportFile, ...wanted }: BenchArguments): Promise<void> {
	const venv = await ensurePrefectVenv({ report, signal });
	const untilMonoMs = startedMs + wanted.minutes * 60_000;
	const ingest = await measureIngest({ ...wanted, python: venv.python, untilMonoMs, report, signal });
	if (json) console.log(JSON.stringify({ ingest }));
	else {
		const text = rendered(await measureRest(venv, ingest));
		if (reportFile === null) console.log(text);
		else await writeFile(reportFile, text);
	}
	for (const line of regressions(ingest)) {
		console.error(`slower than it may be: ${line}`);
		process.exitCode = 10;
	}
}

try {
	await main(benchArguments(process.argv.slice(2)));
} catch (error) {
	if (!(error instanceof OperatorError || error instanceof PythonMissingError)) throw error;
	console.error(error.message);
	process.exitCode = 1;
}
