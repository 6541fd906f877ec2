import type { Command } from "commander";
import { type Lookup, openLookup } from "../daemon/lookup.ts";
import type { CommandContext } from "./context.ts";
import { loadSettings, withSettingsOptions } from "./settings-options.ts";
import { version } from "./version.ts";

/** The settings that a command that looks has a use for. */
export function withLookingOptions(command: Command): Command {
	return withSettingsOptions(command, [
		"http.listen",
		"store",
		"namespace",
		"prefect.apiUrl",
		"prefect.uiUrl",
		"detector",
	]);
}

/** Looks where the settings say, and says where the answer is from when that is not the daemon. */
export async function look<Answer>(
	context: CommandContext,
	command: Command,
	ask: (lookup: Lookup) => Promise<Answer>,
): Promise<Answer> {
	const { env: environment, clock, signal } = context;
	const loadConfig = () => loadSettings(context, command);
	await using lookup = await openLookup({ config: loadConfig(), loadConfig, environment, version, clock, signal });
	if (lookup.from === "database") {
		context.stderr.write("zombied: no daemon answers; this is what the last one had stored, and nobody is watching\n");
	}
	return await ask(lookup);
}
