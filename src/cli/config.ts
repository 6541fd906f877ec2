import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import path from "node:path";
import type { Command } from "commander";
import { describeSettings, type SettingDescription } from "../config/describe.ts";
import { renderExample } from "../config/render-example.ts";
import { renderJsonSchema } from "../config/render-schema.ts";
import { messageOf, OperatorError } from "../lib/errors.ts";
import { plainText } from "../observe/plain-text.ts";
import type { CliContext } from "./context.ts";
import { loadSettings, withSettingsOptions } from "./settings-options.ts";

const valueCharsMax = 500;

/** `zombied config check`, `print`, `schema` and `init`. */
export function addConfig(program: Command, context: CliContext): void {
	const config = program.command("config").description("look at the settings without running anything");
	config.addHelpText("after", examples);
	addCheck(config, context);
	addPrint(config, context);
	config
		.command("schema")
		.description("JSON Schema of the configuration file, for editors")
		.action(() => void context.stdout.write(renderJsonSchema()));
	config
		.command("init")
		.description("write a file with every setting, commented out at its default; overwrites nothing")
		.argument("[file]", "where to", "config/zombied.yaml")
		.action((file: string) => {
			writeNew(path.resolve(context.folder, file), file);
			context.stdout.write(`wrote ${plainText(file, valueCharsMax)}\n`);
		});
}

function addCheck(config: Command, context: CliContext): void {
	const check = config
		.command("check")
		.description("exit 0 when the settings are sound, else 1 with a line for each fault");
	withSettingsOptions(check)
		.option("--json", "one JSON object")
		.action(() => {
			const { file, warnings } = loadSettings(context, check);
			if (check.opts().json === true) {
				context.stdout.write(`${JSON.stringify({ sound: true, file, warnings })}\n`);
				return;
			}
			for (const warning of warnings) context.stderr.write(`zombied: warning: ${warning}\n`);
			context.stdout.write(`the settings are sound (${file ?? "no file"})\n`);
		});
}

function addPrint(config: Command, context: CliContext): void {
	const print = config
		.command("print")
		.description("every setting, its value and where that comes from; secrets hidden");
	withSettingsOptions(print)
		.option("--json", "one JSON object")
		.action(() => {
			const settings = describeSettings(loadSettings(context, print));
			context.stdout.write(print.opts().json === true ? asJson(settings) : asText(settings));
		});
}

function writeNew(absolute: string, name: string): void {
	const shown = plainText(name, valueCharsMax);
	if (existsSync(absolute)) throw new OperatorError(`${shown} exists and was left as it is; name another file`);
	try {
		mkdirSync(path.dirname(absolute), { recursive: true });
		// Should it have come meanwhile, it is left as well.
		writeFileSync(absolute, renderExample(), { flag: "wx" });
	} catch (error) {
		throw new OperatorError(`${shown} cannot be written (${messageOf(error)}); mend that, or name another file`);
	}
}

function asJson(settings: readonly SettingDescription[]): string {
	const entries = settings.map(({ path: setting, value, where }) => [setting, { value, from: where }]);
	return `${JSON.stringify(Object.fromEntries(entries))}\n`;
}

function asText(settings: readonly SettingDescription[]): string {
	const shown = ({ value }: SettingDescription): string =>
		value === null ? "(none)" : plainText(String(value), valueCharsMax);
	const pathChars = Math.max(...settings.map((setting) => setting.path.length));
	const valueChars = Math.max(...settings.map((setting) => shown(setting).length));
	return settings
		.map((setting) => {
			const where = plainText(setting.where, valueCharsMax);
			return `${setting.path.padEnd(pathChars)}  ${shown(setting).padEnd(valueChars)}  ${where}\n`;
		})
		.join("");
}

const examples = `
Examples:
  zombied config init                     write ./config/zombied.yaml, every setting in it a comment
  zombied config check --config my.yaml   is it sound?
  zombied config print --json             what is in use, for a script`;
