import type { Command } from "commander";
import { operate } from "../daemon/operate.ts";
import type { StoredNoticesOptions } from "../daemon/stored-notices.ts";
import type { OperatorAnswer, OperatorCommand } from "../http/operator-command.ts";
import { OperatorError } from "../lib/errors.ts";
import { plainText } from "../observe/plain-text.ts";
import type { CommandContext } from "./context.ts";
import { loadSettings, withSettingsOptions } from "./settings-options.ts";
import { version } from "./version.ts";

const shownCharsMax = 300;
const whyCharsMax = 500;

/** The settings that a command has a use for that tells the daemon something, or reads its database. */
export function withCommandingOptions(command: Command): Command {
	return withSettingsOptions(command, ["http.listen", "store", "prefect.apiUrl"]);
}

/** Tells the daemon on this machine, or where none answers its database. @throws OperatorError */
export async function commanded(
	context: CommandContext,
	command: Command,
	what: OperatorCommand,
): Promise<OperatorAnswer> {
	const { env: environment, clock, signal } = context;
	return await operate(what, { config: loadSettings(context, command), environment, version, clock, signal });
}

/** Where a command that reads the database finds it. @throws OperatorError */
export function storedAt(context: CommandContext, command: Command): StoredNoticesOptions {
	return { settings: loadSettings(context, command).settings, environment: context.env, version, clock: context.clock };
}

/** A text that an operator gave, as it may be repeated. */
export function shown(text: string): string {
	return plainText(text, shownCharsMax);
}

/** @throws OperatorError where it is empty or an essay */
export function reasonGiven(command: string, why: string): string {
	const text = why.trim();
	if (text !== "" && text.length <= whyCharsMax) return text;
	throw new OperatorError(
		`${command}: --why needs a reason of at most ${whyCharsMax} characters, for those who ask later`,
	);
}
