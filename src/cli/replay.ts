import type { Command } from "commander";
import { LiveSettings } from "../config/live-settings.ts";
import type { LoadedConfig } from "../config/load.ts";
import { replayIncident } from "../daemon/replay.ts";
import { createSilentReporter } from "../observe/silent-reporter.ts";
import { differences, readExpectation } from "../replay/expectation.ts";
import { openIncident } from "../replay/incident-file.ts";
import type { ReplayLine } from "../replay/replay-line.ts";
import type { CommandContext } from "./context.ts";
import { exitCodes } from "./exit-code.ts";
import { loadSettings, withSettingsOptions } from "./settings-options.ts";

/** `zombied replay`: what the detector says of recorded events, on a virtual clock. */
export function addReplay(program: Command, context: CommandContext): void {
	const command = program
		.command("replay <file...>")
		.description("play incidents or recordings through the detector, on a virtual clock");
	withSettingsOptions(command)
		.option("--json", "one JSON object a line (default when stdout is no terminal)")
		.option("--expect", "compare with FILE's .expect.json; exit 10 when anything differs")
		.addHelpText("after", examples)
		.action(async (files: string[]) => {
			const loaded = loadSettings(context, command);
			let differing = 0;
			for (const path of files) {
				const lines = await replayFile(path, loaded, (line) => context.stdout.write(`${JSON.stringify(line)}\n`));
				if (command.opts().expect === true) differing += await compare(path, lines, context);
			}
			if (differing > 0) context.finish(exitCodes.badAnswer);
		});
}

/** @returns the lines, each of which was also passed on as it came */
async function replayFile(
	path: string,
	loaded: LoadedConfig,
	onLine: (line: ReplayLine) => void,
): Promise<ReplayLine[]> {
	const lines: ReplayLine[] = [];
	await replayIncident(await openIncident(path), {
		settings: loaded.settings,
		live: new LiveSettings(loaded.settings, () => loaded),
		reporter: createSilentReporter(),
		onLine: (line) => {
			lines.push(line);
			onLine(line);
		},
	});
	return lines;
}

/** @returns how many differences were printed */
async function compare(path: string, lines: readonly ReplayLine[], context: CommandContext): Promise<number> {
	const expected = await readExpectation(path.replace(/\.jsonl$/u, ".expect.json"));
	const found = differences(expected, lines);
	for (const difference of found) context.stderr.write(`${expected.incident}: ${difference}\n`);
	return found.length;
}

const examples = `
Examples:
  zombied replay incident.jsonl
  zombied replay test/incidents/*.jsonl --expect`;
