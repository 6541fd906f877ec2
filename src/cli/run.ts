import type { Command } from "commander";
import { runDaemon } from "../daemon/daemon.ts";
import type { CliContext } from "./context.ts";
import { hasColour } from "./context.ts";
import { loadSettings, withSettingsOptions } from "./settings-options.ts";
import { revisionOf, version } from "./version.ts";

/** `zombied run`: the daemon, until the process is asked to stop. */
export function addRun(program: Command, context: CliContext): void {
	const command = program.command("run").description("watch Prefect's flow runs until told to stop");
	withSettingsOptions(command)
		.addHelpText("after", examples)
		.action(async () => {
			const { signal, clock, random, stdout, stderr, onReloadAsked } = context;
			await runDaemon({
				config: loadSettings(context, command),
				loadConfig: () => loadSettings(context, command),
				onReloadAsked,
				environment: context.env,
				version,
				revision: revisionOf(context.env),
				colour: hasColour(context),
				signal,
				clock,
				random,
				stdout,
				stderr,
			});
		});
}

const examples = `
Alerts go to stdout, one JSON object a line; the operational log goes to stderr. SIGTERM stops it with everything saved,
SIGHUP reads the settings again.

Examples:
  zombied run                                    Prefect at http://127.0.0.1:4200/api
  PREFECT_API_URL=https://prefect.example/api zombied run
  zombied run --config ./zombied.yaml --http.listen 0.0.0.0:4290
  zombied run --detector.k 2 > alerts.jsonl      faster verdicts, alerts into a file`;
