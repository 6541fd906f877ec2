import type { Command } from "commander";
import { OperatorError } from "../lib/errors.ts";
import { commanded, shown, withCommandingOptions } from "./commanding.ts";
import type { CommandContext } from "./context.ts";

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
	withCommandingOptions(release).action(async (scope: string) => {
		const { changed } = await commanded(context, release, { do: "release_scope", scope });
		if (changed === 0) {
			throw new OperatorError(
				`remedies release: no scope ${shown(scope)} is held; "zombied ledger" names those that are`,
			);
		}
		context.stdout.write(`scope ${shown(scope)} may act again\n`);
	});
}

const examples = `
Examples:
  zombied remedies release all
  zombied remedies release 'deployment=etl/*'`;
