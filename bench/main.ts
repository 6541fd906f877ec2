import { OperatorError } from "../src/lib/errors.ts";
import { ensurePrefectVenv, PythonMissingError } from "../test/prefect/venv.ts";
import { benchArguments } from "./command-line.ts";
import { measureIngest } from "./ingest/ingest.ts";

const startedMs = performance.now();
const stop = new AbortController();
for (const name of ["SIGTERM", "SIGINT"] as const) process.on(name, () => stop.abort(new Error(name)));

function report(line: string): void {
	console.error(`${((performance.now() - startedMs) / 1000).toFixed(0).padStart(5)} s  ${line}`);
}

async function main(): Promise<void> {
	const { json, runs, events, repetitions, minutes, nodeArgs } = benchArguments(process.argv.slice(2));
	const { signal } = stop;
	const { python } = await ensurePrefectVenv({ report, signal });
	const untilMonoMs = startedMs + minutes * 60_000;
	const ingest = await measureIngest({
		python,
		liveRuns: runs,
		events,
		repetitions,
		untilMonoMs,
		nodeArgs,
		report,
		signal,
	});
	console.log(JSON.stringify({ ingest }, null, json ? undefined : "\t"));
}

try {
	await main();
} catch (error) {
	if (!(error instanceof OperatorError || error instanceof PythonMissingError)) throw error;
	console.error(error.message);
	process.exitCode = 1;
}
