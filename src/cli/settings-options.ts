import { type Command, Option } from "commander";
import { secretsOf } from "../config/describe.ts";
import { type LoadedConfig, loadConfig } from "../config/load.ts";
import { fields } from "../config/schema.ts";
import { connectionDoubts } from "../daemon/connection.ts";
import type { CliContext } from "./context.ts";

/** Heading of the settings in the help of a command: they come after what is its own. */
export const settingsGroup = "Settings:";

/**
 * Adds `--config` and a flag for each setting that is no secret.
 *
 * @param only settings that the command has a use for, by path or section; all when not given
 */
export function withSettingsOptions(command: Command, only?: readonly string[]): Command {
	command.option("--config <file>", "configuration file (default: ./config/zombied.yaml, /etc/zombied/zombied.yaml)");
	for (const { path, flag, env, description, defaultValue } of fields) {
		if (flag === null || only?.some((part) => path === part || path.startsWith(`${part}.`)) === false) continue;
		const fallback = defaultValue === null ? "" : `, default ${defaultValue}`;
		command.addOption(new Option(`${flag} <value>`, `${description} (${env}${fallback})`).helpGroup(settingsGroup));
	}
	return command;
}

/**
 * The settings as `command` was told.
 *
 * @throws OperatorError
 */
export function loadSettings(context: CliContext, command: Command): LoadedConfig {
	const options = command.opts<Record<string, string | undefined>>();
	// commander names `--detector.slowest-cadence` "detector.slowestCadence": the setting's path.
	const flags = fields.flatMap(({ path }): [string, string][] => {
		const value = options[path];
		return value === undefined ? [] : [[path, value]];
	});
	const loaded = loadConfig({
		env: context.env,
		folder: context.folder,
		file: options.config ?? null,
		flags: new Map(flags),
	});
	for (const secret of secretsOf(loaded.settings)) context.secrets.add(secret);
	return { ...loaded, warnings: [...loaded.warnings, ...connectionDoubts(loaded.settings)] };
}
