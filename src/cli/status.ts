import type { Command } from "commander";
import { blindText } from "../http/blind-text.ts";
import { askStatus } from "../http/daemon-client.ts";
import type { Status } from "../http/status.ts";
import { formatDuration } from "../lib/duration.ts";
import { plainText } from "../observe/plain-text.ts";
import type { CliContext } from "./context.ts";
import { loadSettings, withSettingsOptions } from "./settings-options.ts";

const textCharsMax = 200;

/** `zombied status`: how the running daemon is, in numbers. */
export function addStatus(program: Command, context: CliContext): void {
	const command = program
		.command("status")
		.description("how the daemon on this machine is; exit code 75 when none answers");
	withSettingsOptions(command, ["http.listen"])
		.option("--json", "one JSON object")
		.addHelpText("after", examples)
		.action(async () => {
			const { settings } = loadSettings(context, command);
			const status = await askStatus(settings.http.listen, context.signal);
			context.stdout.write(command.opts().json === true ? `${JSON.stringify(status)}\n` : asText(status));
		});
}

function asText(status: Status): string {
	const { runs } = status;
	const rows: readonly (readonly [string, string])[] = [
		["zombied", `${status.version}, since ${status.started_at}`],
		["ready", status.ready ? "yes" : `no: ${status.reason}`],
		["Prefect's API", status.prefect_answers ? "answers" : "does not answer"],
		["stream", streamText(status)],
		["last event", status.last_event_at ?? "none yet"],
		["last sweep", status.last_sweep_at ?? "none yet"],
		["verdicts", verdictsText(status)],
		["blind", `${formatDuration(Math.round(status.blind_seconds_last_hour) * 1000)} of the last hour`],
		["runs", `${runs.beating} beating, ${runs.unmonitored} unmonitored, ${runs.idle} idle`],
		...(runs.unmonitored === 0 ? [] : [["unmonitored", unmonitoredText(status)] as const]),
		["thresholds", thresholdsText(status)],
		["suspects", String(status.suspects)],
		["open alerts", String(status.open_episodes)],
		["owed to sinks", String(status.outbox_pending)],
		["own health", status.own_health === 0 ? "well" : `${status.own_health} of 7: deadlines are longer`],
		["settings", status.config_current ? "as last read" : "older ones: the last reload was refused"],
	];
	return rows.map(([name, text]) => `${name.padEnd(13)}  ${plainText(text, textCharsMax)}\n`).join("");
}

function streamText(status: Status): string {
	if (status.stream_connected) return status.catching_up ? "connected: reading what was missed" : "connected";
	return status.over_rest_alone ? "not connected: stored events are read over REST instead" : "not connected";
}

function verdictsText({ blind, blind_causes: causes }: Status): string {
	return blind ? `on hold: ${causes.map(blindText).join("; ") || "what was missed is still being read"}` : "as usual";
}

function unmonitoredText({ unmonitored: { no_beat_yet: young, no_heartbeats: none } }: Status): string {
	return `${young} without a beat yet, ${none} whose client is older than 3.6.22 or has its heartbeats switched off`;
}

function thresholdsText({ short_thresholds: { tight, too_short: tooShort } }: Status): string {
	const found = [
		...(tight === 0 ? [] : [`under 3 cadences of ${runsText(tight)}`]),
		...(tooShort === 0 ? [] : [`under 2 cadences of ${runsText(tooShort)}, and not used there`]),
	];
	return found.length === 0 ? "as they should be" : `${found.join("; ")}: see the log`;
}

function runsText(count: number): string {
	return count === 1 ? "1 run" : `${count} runs`;
}

const examples = `
Examples:
  zombied status
  zombied status --json | jq .runs`;
