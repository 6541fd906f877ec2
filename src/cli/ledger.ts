import type { Command } from "commander";
import type { ApiLedger } from "../http/api/schemas.ts";
import { plainText } from "../observe/plain-text.ts";
import type { CommandContext } from "./context.ts";
import { durationOption } from "./duration-option.ts";
import { look, withLookingOptions } from "./looking.ts";
import { tableText } from "./table.ts";

const textCharsMax = 300;
/** `retention.episodes` at most. */
const bounds = { minMs: 60_000, maxMs: 3650 * 86_400_000 };

/** `zombied ledger`: what has become of the alerts, and what was done about them. */
export function addLedger(program: Command, context: CommandContext): void {
	const command = program
		.command("ledger")
		.description("what has become of the alerts, and what was or would have been done, by deployment");
	withLookingOptions(command)
		.option("--since <duration>", "alerts raised so long ago at most", "7d")
		.option("--json", "one JSON object")
		.addHelpText("after", examples)
		.action(async () => {
			const { since, json } = command.opts<{ since: string; json?: boolean }>();
			const sinceMs = context.clock.now().wallMs - durationOption("--since", since, bounds);
			const ledger = await look(context, command, (lookup) => lookup.ledger(sinceMs));
			context.stdout.write(json === true ? `${JSON.stringify(ledger)}\n` : asText(ledger));
		});
}

function asText({ rows, more, held_scopes: held }: ApiLedger): string {
	const table =
		rows.length === 0
			? "no alerts that a remedy exists for\n"
			: tableText([
					[
						"DEPLOYMENT",
						"CONDITION",
						"ALERTS",
						"DEAD",
						"FALSE",
						"UNCLEAR",
						"OPEN",
						"DONE",
						"WOULD",
						"REFUSED",
						"FAILED",
					],
					...rows.map((row) => [
						row.deployment?.name ?? row.deployment?.id ?? "(none)",
						row.condition,
						...[row.alerts, row.dead, row.false_alarms, row.unclear, row.open].map(String),
						...[row.done, row.would, row.refused, row.failed].map(String),
					]),
				]);
	const mistakes = rows.reduce((sum, row) => sum + row.mistakes, 0);
	const notes = [
		...(more === 0 ? [] : [`and ${more} more rows`]),
		...(mistakes === 0 ? [] : [`${mistakes} of what was done were mistakes: the run was alive`]),
		...held.map(({ scope, why }) => `scope ${scope} is a dry run until "zombied remedies release ${scope}": ${why}`),
	];
	return `${table}${notes.map((note) => `${plainText(note, textCharsMax)}\n`).join("")}`;
}

const examples = `
DEAD: ended as Crashed or Cancelled, or still silent an hour after the alert. FALSE: it beat again, ended by itself or went on.
REFUSED: a guard stood in the way at least once; "zombied explain RUN" says which.

Examples:
  zombied ledger --since 30d
  zombied ledger --json | jq '.rows[] | select(.false_alarms > 0) | .deployment.name'`;
