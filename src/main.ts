#!/usr/bin/env node
import { constants } from "node:os";
import { reportFailure, runCli } from "./cli/cli.ts";
import type { CliContext } from "./cli/context.ts";
import { systemClock } from "./lib/clock.ts";
import { systemRandom } from "./lib/random.ts";

/** From the end of the work to the end of the process. */
const exitGraceMs = 2_000;

const stop = new AbortController();
const context: CliContext = {
	args: process.argv.slice(2),
	env: process.env,
	folder: process.cwd(),
	stdout: process.stdout,
	stderr: process.stderr,
	signal: stop.signal,
	clock: systemClock,
	random: systemRandom,
	secrets: new Set(),
	onReloadAsked: (listener) => void process.on("SIGHUP", listener),
};

for (const name of ["SIGTERM", "SIGINT"] as const) {
	process.on(name, () => {
		// Not left to the system's default: as process 1 of a container there is none.
		if (stop.signal.aborted) process.exit(128 + constants.signals[name]);
		stop.abort(new DOMException(name, "AbortError"));
	});
}
// A reader that went away (`| head`, a stopped collector) is no reason to end; whoever must know hears of it at the write.
process.stdout.on("error", () => undefined);
process.stderr.on("error", () => undefined);
process.on("uncaughtException", (error) => process.exit(reportFailure(context, error)));

process.exitCode = await runCli(context);
// All that was to be done is done, or has failed: a socket or a timer that somebody left behind keeps no shell alive.
setTimeout(() => process.exit(), exitGraceMs).unref();
