import { Command, CommanderError, Help, type Option } from "commander";
import { createLogger } from "../observe/logger.ts";
import { plainText } from "../observe/plain-text.ts";
import { addAck } from "./ack.ts";
import { addCompletion } from "./completion.ts";
import { addConfig } from "./config.ts";
import { type CliContext, type CommandContext, hasColour } from "./context.ts";
import { addCoverage } from "./coverage.ts";
import { addDatabase } from "./db.ts";
import { addDoctor } from "./doctor.ts";
import { type ExitCode, exitCodeOf, exitCodes } from "./exit-code.ts";
import { addExplain } from "./explain.ts";
import { addHealth } from "./health.ts";
import { addLedger } from "./ledger.ts";
import { addNotify } from "./notify.ts";
import { addOutbox } from "./outbox.ts";
import { addRecord } from "./record.ts";
import { addRemedies } from "./remedies.ts";
import { addReplay } from "./replay.ts";
import { addRun } from "./run.ts";
import { addRuns } from "./runs.ts";
import { addScan } from "./scan.ts";
import { settingsGroup } from "./settings-options.ts";
import { addSilence } from "./silence.ts";
import { addStatus } from "./status.ts";
import { version } from "./version.ts";

const messageCharsMax = 2000;

/** Runs the command that the arguments name. Never rejects: what went wrong is said on stderr, and in the exit code. */
export async function runCli(context: CliContext): Promise<ExitCode> {
	let code: ExitCode = exitCodes.done;
	const finish = (found: ExitCode): void => {
		code = found;
	};
	try {
		await programOf({ ...context, finish }).parseAsync(context.args, { from: "user" });
		return code;
	} catch (error) {
		// Commander has printed what it has to say: help, the version, or what is wrong with the usage.
		if (error instanceof CommanderError) return error.exitCode === 0 ? exitCodes.done : exitCodes.operator;
		if (context.signal.aborted && error === context.signal.reason) return exitCodes.done;
		return reportFailure(context, error);
	}
}

/** One line for what is expected, a stack for a bug. */
export function reportFailure(context: CliContext, error: unknown): ExitCode {
	const code = exitCodeOf(error);
	if (code === exitCodes.bug) {
		const logger = createLogger({
			stream: context.stderr,
			level: "error",
			clock: context.clock,
			secrets: [...context.secrets],
			colour: hasColour(context),
		});
		logger.log("fatal", { event: "bug", err: error }, "a bug in zombied; please report it with this line");
		return code;
	}
	const message = error instanceof Error ? error.message : String(error);
	for (const line of message.split("\n")) context.stderr.write(`zombied: ${plainText(line, messageCharsMax)}\n`);
	return code;
}

function programOf(context: CommandContext): Command {
	const program = new Command("zombied")
		.description("Tells which Prefect flow runs are dead although the server still says RUNNING.")
		.version(version)
		.exitOverride()
		.configureHelp({ groupItems: settingsLast })
		.configureOutput({
			writeOut: (text) => context.stdout.write(text),
			writeErr: (text) => context.stderr.write(text),
			outputError: (text, write) =>
				write(
					`zombied: ${text
						.replace(/^error: /u, "")
						.trim()
						.replaceAll("\n", " ")}\n`,
				),
		})
		.addHelpText("after", examples);
	addRun(program, context);
	addReplay(program, context);
	addRecord(program, context);
	addScan(program, context);
	addStatus(program, context);
	addRuns(program, context);
	addExplain(program, context);
	addCoverage(program, context);
	addLedger(program, context);
	addRemedies(program, context);
	addNotify(program, context);
	addOutbox(program, context);
	addSilence(program, context);
	addAck(program, context);
	addHealth(program, context);
	addDoctor(program, context);
	addConfig(program, context);
	addDatabase(program, context);
	addCompletion(program, context);
	return program;
}

/** A command's own options first: there are few of them, and many settings. */
function settingsLast<Item extends Command | Option>(
	unsorted: Item[],
	visible: Item[],
	groupOf: (item: Item) => string,
): Map<string, Item[]> {
	const groups = [...new Help().groupItems(unsorted, visible, groupOf)];
	return new Map(groups.toSorted(([one], [other]) => Number(one === settingsGroup) - Number(other === settingsGroup)));
}

const examples = `
Exit codes: 0 done or stopped as asked, 1 something to mend (usage, settings, key, database), 10 the answer is bad
(zombies found, a fault found, database damaged), 70 a bug, 75 try again (nobody answers).

Examples:
  zombied run                     watch the server at PREFECT_API_URL
  zombied run --help              every setting, with its flag, variable and default
  zombied scan                    one look for dead runs, without a daemon
  zombied doctor                  why does it not reach Prefect?
  zombied replay --since 24h      what it would have said today
  zombied status                  how the daemon on this machine is
  zombied runs --standing flagged everything that needs somebody
  zombied explain RUN             why a run is flagged, or is not
  zombied ledger --since 7d       how often it was right, and what was done about it
  zombied notify test             do alerts reach whom they should?
  zombied silence add --work-pool k8s --for 2h --why upgrade
  zombied outbox list             which sinks are owed what
  zombied config init             a file with every setting, to edit
  zombied config print            what is set, and where
  zombied db backup copy.db       copy the database while the daemon runs`;
