import { type Command, Option } from "commander";
import { type Condition, conditions } from "../core/episode.ts";
import { type Standing, standings } from "../core/explanation.ts";
import type { ApiRun } from "../http/api/run-schema.ts";
import { formatDuration } from "../lib/duration.ts";
import type { CommandContext } from "./context.ts";
import { look, readRuns, withLookingOptions } from "./looking.ts";
import { tableText } from "./table.ts";
import { wholeNumber } from "./whole-number.ts";

const limitDefault = 100;

interface RunsOptions {
	readonly condition?: Condition;
	readonly standing?: Standing;
	readonly deployment?: string;
	readonly workPool?: string;
	readonly name?: string;
	readonly limit: number;
	readonly json?: boolean;
}

/** `zombied runs`: the runs in memory, as they stand. */
export function addRuns(program: Command, context: CommandContext): void {
	const command = program.command("runs").description("the runs that are watched, and how they stand");
	withLookingOptions(command)
		.addOption(new Option("--condition <condition>", "with an open alert of this condition").choices(conditions))
		.addOption(
			new Option("--standing <standing>", "that stand so; docs/pages.md says what each means").choices(standings),
		)
		.option("--deployment <name>", "of this deployment, by name or id")
		.option("--work-pool <name>", "of this work pool")
		.option("--name <name>", "of this name; Prefect is asked too")
		.option("--limit <runs>", "at most so many", wholeNumber, limitDefault)
		.option("--json", "one JSON object a line, a run each")
		.addHelpText("after", examples)
		.action(async () => {
			const { condition, standing, deployment, workPool, name, limit, json } = command.opts<RunsOptions>();
			const wanted = { condition, standing, deployment, work_pool: workPool, name, limit };
			const runs = await look(context, command, (lookup) => readRuns(lookup, wanted));
			context.stdout.write(json === true ? runs.map((run) => `${JSON.stringify(run)}\n`).join("") : asText(runs));
		});
}

function asText(runs: readonly ApiRun[]): string {
	if (runs.length === 0) return "no such runs\n";
	return tableText([
		["FLOW RUN", "NAME", "STANDING", "STATE", "SILENT FOR", "LIMIT", "DEPLOYMENT", "WORK POOL"],
		...runs.map((run) => [
			run.id,
			run.name ?? "-",
			run.condition ?? run.standing,
			run.state_name ?? "-",
			run.silence_seconds === null ? "-" : secondsText(run.silence_seconds),
			run.silence_seconds === null ? "-" : secondsText(run.limit_seconds),
			run.deployment?.name ?? run.deployment?.id ?? "-",
			run.work_pool ?? "-",
		]),
	]);
}

function secondsText(seconds: number): string {
	return formatDuration(Math.round(seconds) * 1000);
}

const examples = `
Examples:
  zombied runs --standing flagged                  everything that needs somebody
  zombied runs --condition zombie --json | jq .id
  zombied runs --deployment nightly --limit 1000`;
