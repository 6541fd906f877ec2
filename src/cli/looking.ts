import type { Command } from "commander";
import { type Lookup, openLookup } from "../daemon/lookup.ts";
import type { ApiRun } from "../http/api/run-schema.ts";
import type { ApiRuns, RunsQuery } from "../http/api/schemas.ts";
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

/** One page of the API. */
const pageRuns = 500;

/** As many as are wanted, where there are so many. */
export async function readRuns(
	lookup: Lookup,
	{ limit, ...wanted }: Omit<RunsQuery, "from">,
): Promise<readonly ApiRun[]> {
	const runs: ApiRun[] = [];
	let from: number | null = 0;
	while (from !== null && runs.length < limit) {
		const page: ApiRuns = await lookup.runs({ ...wanted, limit: Math.min(pageRuns, limit - runs.length), from });
		runs.push(...page.runs);
		from = page.next;
	}
	return runs;
}
