import type { Command } from "commander";
import { type NotifyTestResult, testSinks } from "../daemon/notify-test.ts";
import { plainText } from "../observe/plain-text.ts";
import { redactionOf } from "../observe/redaction.ts";
import type { CommandContext } from "./context.ts";
import { exitCodes } from "./exit-code.ts";
import { loadSettings, withSettingsOptions } from "./settings-options.ts";
import { version } from "./version.ts";

const textCharsMax = 500;

/** `zombied notify test`: does what is configured reach whom it should? */
export function addNotify(program: Command, context: CommandContext): void {
	const notify = program.command("notify").description("look after those who are told").addHelpText("after", examples);
	const test = notify
		.command("test")
		.description("send a test alert and its resolve to a sink, or to all; exit code 10 when one did not take it")
		.argument("[sink]", "its name, as in the settings");
	withSettingsOptions(test, ["prefect", "namespace"])
		.option("--json", "one JSON object")
		.addHelpText("after", examples)
		.action(async (sink: string | undefined) => {
			const { settings } = loadSettings(context, test);
			const { env: environment, clock, random, signal, stdout } = context;
			const options = { settings, environment, version, sink: sink ?? null, clock, random };
			// What a receiver says may hold what we told it.
			const redacted = redactionOf([...context.secrets]);
			const results = (await testSinks(options, signal)).map((result) => ({
				...result,
				failure: result.failure === null ? null : plainText(redacted(result.failure), textCharsMax),
			}));
			stdout.write(test.opts().json === true ? `${JSON.stringify({ sinks: results })}\n` : asText(results));
			if (results.some(({ failure }) => failure !== null)) context.finish(exitCodes.badAnswer);
		});
}

function asText(results: readonly NotifyTestResult[]): string {
	return results.map(({ sink, failure }) => `${sink}: ${failure === null ? "sent" : `failed: ${failure}`}\n`).join("");
}

const examples = `
The alert is about no run, says in every line that it is a test, has the least severity that the sink wants to be told of, and is
resolved at once. It comes whatever the sink's "match" says.

Examples:
  zombied notify test                 every sink of the settings
  zombied notify test slack           the one of this name
  zombied notify test --json | jq -r '.sinks[] | select(.failure) | .sink'`;
