import type { Command } from "commander";
import { type ScanOptions, type ScanResult, scan } from "../daemon/scan.ts";
import { formatDuration } from "../lib/duration.ts";
import type { EpisodeLine } from "../notify/episode-line.ts";
import { createLogger } from "../observe/logger.ts";
import { isoTime } from "../observe/plain-text.ts";
import { type CommandContext, hasColour } from "./context.ts";
import { exitCodes } from "./exit-code.ts";
import { loadSettings, withSettingsOptions } from "./settings-options.ts";
import { tableText } from "./table.ts";
import { version } from "./version.ts";

/** `zombied scan`: one look at the server for dead runs. */
export function addScan(program: Command, context: CommandContext): void {
	const command = program
		.command("scan")
		.description(
			"one look at the server for dead runs, without a daemon or a database; exit code 10 when there are any",
		);
	withSettingsOptions(command, ["prefect", "namespace", "detector", "limits", "log"])
		.option("--json", "one JSON object; zombies as alert lines")
		.addHelpText("after", examples)
		.action(async () => {
			const { settings, warnings } = loadSettings(context, command);
			const { clock, random, stderr, signal } = context;
			for (const warning of warnings) stderr.write(`zombied: warning: ${warning}\n`);
			// What fails is said once, at the end; in between only with --log.level debug.
			const level = settings.log.level === "debug" ? "debug" : "error";
			const secrets = [...context.secrets];
			const logger = createLogger({ stream: stderr, level, clock, secrets, colour: hasColour(context) });
			const onWait: ScanOptions["onWait"] = ({ zombies, ms }) =>
				stderr.write(`zombied: ${zombies} look dead; looking again in ${formatDuration(ms)}, to be sure\n`);
			const result = await scan({ settings, environment: context.env, version, logger, clock, random, onWait }, signal);
			context.stdout.write(command.opts().json === true ? asJson(result) : asText(result));
			if (result.zombies.length > 0) context.finish(exitCodes.badAnswer);
		});
}

function asJson({ server, checkedAtMs, runs, suspects, zombies, truncated }: ScanResult): string {
	return `${JSON.stringify({ server, checked_at: isoTime(checkedAtMs), runs, suspects, truncated, zombies })}\n`;
}

function asText({ server, runs, suspects, zombies, truncated }: ScanResult): string {
	const lines = zombies.length === 0 ? [] : [tableOf(zombies)];
	const found =
		zombies.length === 0 ? "no zombies" : `${zombies.length} ${zombies.length === 1 ? "zombie" : "zombies"}`;
	lines.push(
		`${found} at ${server}: ${runs.beating} beating, ${suspects} of them suspect; ${runs.unmonitored} unmonitored, ${runs.idle} idle`,
	);
	if (truncated) lines.push("more heartbeats are stored than were read: some limits were longer than they need be");
	return `${lines.join("\n")}\n`;
}

function tableOf(zombies: readonly EpisodeLine[]): string {
	return tableText([
		["FLOW RUN", "NAME", "DEPLOYMENT", "WORK POOL", "SILENT FOR", "LIMIT"],
		...zombies.map(({ flow_run, deployment, work_pool, evidence }) => [
			flow_run.id,
			flow_run.name ?? "-",
			deployment?.name ?? "-",
			work_pool ?? "-",
			secondsOf(evidence.silence_seconds),
			secondsOf(evidence.threshold_seconds),
		]),
	]);
}

/** Whole seconds. */
function secondsOf(seconds: number): string {
	return formatDuration(Math.round(seconds) * 1000);
}

const examples = `
A run is judged as the daemon judges it, from what the server has stored. When some look dead they are looked at again 45 s
later: a server that has just come back gets the heartbeats that its clients held. A run that never sent a heartbeat is counted as
unmonitored and never called dead.

Examples:
  zombied scan                          dead runs at PREFECT_API_URL
  zombied scan --json | jq '.zombies[].flow_run.id'
  zombied scan || echo "exit code $?"   0 none, 10 some, 75 no answer, 1 the key is refused`;
