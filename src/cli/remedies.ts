import type { Command } from "commander";
import { releaseScope } from "../daemon/release.ts";
import { OperatorError } from "../lib/errors.ts";
import { plainText } from "../observe/plain-text.ts";
import type { CommandContext } from "./context.ts";
import { withLookingOptions } from "./looking.ts";
import { loadSettings } from "./settings-options.ts";
import { version } from "./version.ts";

const scopeCharsMax = 300;

/** `zombied remedies release`: lets a scope act again after a mistake. */
export function addRemedies(program: Command, context: CommandContext): void {
	const remedies = program
		.command("remedies")
		.description("what zombied may do about dead runs")
		.addHelpText("after", examples);
	const release = remedies
		.command("release")
		.description("let a scope act again that a mistake has made a dry run")
		.argument("<scope>", "its name, as in `zombied ledger`");
	withLookingOptions(release).action(async (scope: string) => {
		const { env: environment, clock, signal } = context;
		const config = loadSettings(context, release);
		const shown = plainText(scope, scopeCharsMax);
		if (!(await releaseScope(scope, { config, environment, version, clock, signal }))) {
			throw new OperatorError(`remedies release: no scope ${shown} is held; "zombied ledger" names those that are`);
		}
		context.stdout.write(`scope ${shown} may act again\n`);
	});
}

const examples = `
Examples:
  zombied remedies release all
  zombied remedies release 'deployment=etl/*'`;
