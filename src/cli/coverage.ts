import type { Command } from "commander";
import { type Standing, standings } from "../core/explanation.ts";
import type { ApiCoverage } from "../http/api/schemas.ts";
import type { CommandContext } from "./context.ts";
import { look, withLookingOptions } from "./looking.ts";
import { tableText } from "./table.ts";

/** `zombied coverage`: what is watched, and what can die unseen. */
export function addCoverage(program: Command, context: CommandContext): void {
	const command = program.command("coverage").description("what is watched, by deployment and client version");
	withLookingOptions(command)
		.option("--json", "one JSON object")
		.addHelpText("after", examples)
		.action(async () => {
			const coverage = await look(context, command, (lookup) => lookup.coverage());
			context.stdout.write(command.opts().json === true ? `${JSON.stringify(coverage)}\n` : asText(coverage));
		});
}

function asText({ rows, more }: ApiCoverage): string {
	if (rows.length === 0) return "no live runs\n";
	const used = standings.filter((standing) => rows.some((row) => (row.standings[standing] ?? 0) > 0));
	const table = tableText([
		["DEPLOYMENT", "CLIENT", ...used.map((standing) => standing.toUpperCase())],
		...rows.map((row) => [
			row.deployment?.name ?? row.deployment?.id ?? row.flow_name ?? "(none)",
			row.client_version ?? "-",
			...used.map((standing) => String(row.standings[standing] ?? 0)),
		]),
	]);
	const unmonitored = countOf(rows, "unmonitored");
	const note =
		unmonitored === 0
			? ""
			: `${unmonitored} unmonitored: no heartbeat yet, a client older than 3.6.22, or heartbeats switched off\n`;
	return `${table}${more === 0 ? "" : `and ${more} more rows\n`}${note}`;
}

function countOf(rows: ApiCoverage["rows"], standing: Standing): number {
	return rows.reduce((sum, row) => sum + (row.standings[standing] ?? 0), 0);
}

const examples = `
Examples:
  zombied coverage
  zombied coverage --json | jq '.rows[] | select(.standings.unmonitored > 0) | .deployment.name'`;
