import { resolve } from "node:path";
import type { Command } from "commander";
import { LiveSettings } from "../config/live-settings.ts";
import type { LoadedConfig } from "../config/load.ts";
import { replayIncident } from "../daemon/replay.ts";
import { plainText } from "../observe/plain-text.ts";
import { createSilentReporter } from "../observe/silent-reporter.ts";
import { differences, readExpectation } from "../replay/expectation.ts";
import { openIncident } from "../replay/incident-file.ts";
import { type ReplayLine, replayText } from "../replay/replay-line.ts";
import type { CommandContext } from "./context.ts";
import { exitCodes } from "./exit-code.ts";
import { loadSettings, withSettingsOptions } from "./settings-options.ts";

const lineCharsMax = 500;

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
			const { json, expect } = command.opts<{ json?: true; expect?: true }>();
			const asJson = json === true || context.stdout.isTTY !== true;
			const loaded = loadSettings(context, command);
			let asExpected = 0;
			for (const file of files) {
				const path = resolve(context.folder, file);
				const lines = await replayFile(path, loaded, (line) => {
					context.stdout.write(asJson ? `${JSON.stringify(line)}\n` : `${plainText(replayText(line), lineCharsMax)}\n`);
				});
				if (expect === true && (await isAsExpected(path, lines, context))) asExpected += 1;
			}
			if (expect !== true) return;
			context.stderr.write(`${asExpected} of ${files.length} as expected\n`);
			if (asExpected < files.length) context.finish(exitCodes.badAnswer);
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

/** Prints what differs. */
async function isAsExpected(path: string, lines: readonly ReplayLine[], context: CommandContext): Promise<boolean> {
	const expected = await readExpectation(path.replace(/\.jsonl$/u, ".expect.json"));
	const found = differences(expected, lines);
	for (const difference of found) context.stderr.write(`${expected.incident}: ${difference}\n`);
	return found.length === 0;
}

const examples = `
stdout has one line for each alert that is raised or resolved, and nothing else; --expect says on stderr what differs. In
an incident (a file with a header) REST knows what the file says; in a recording, what its events tell.

Examples:
  zombied replay incident.jsonl
  zombied replay recording.jsonl --detector.k 2
  zombied replay test/incidents/*.jsonl --expect > /dev/null`;
