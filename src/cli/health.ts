import type { Command } from "commander";
import { askHealth } from "../http/daemon-client.ts";
import { plainText } from "../observe/plain-text.ts";
import type { CommandContext } from "./context.ts";
import { exitCodes } from "./exit-code.ts";
import { loadSettings, withSettingsOptions } from "./settings-options.ts";

const detailCharsMax = 500;

/** `zombied health`: for a container's healthcheck. Whether Prefect is up has no say in it. */
export function addHealth(program: Command, context: CommandContext): void {
	const command = program.command("health").description("is the daemon on this machine healthy? exit code 0, else 1");
	withSettingsOptions(command, ["http.listen"])
		.option("--json", "one JSON object")
		.addHelpText("after", examples)
		.action(async () => {
			const { settings } = loadSettings(context, command);
			const { healthy, detail } = await askHealth(settings.http.listen, context.signal);
			const shown = plainText(detail, detailCharsMax);
			const asJson = command.opts().json === true;
			if (asJson) context.stdout.write(`${JSON.stringify({ healthy, detail: shown })}\n`);
			else if (healthy) context.stdout.write(`${shown}\n`);
			else context.stderr.write(`zombied: ${shown}\n`);
			context.finish(healthy ? exitCodes.done : exitCodes.operator);
		});
}

const examples = `
Examples:
  zombied health                                  the daemon at http.listen of the settings
  zombied health --http.listen 127.0.0.1:4291     another one`;
