import { type Command, Option } from "commander";
import { isOfEpisode, type Transition } from "../core/episode.ts";
import { storedOutbox } from "../daemon/stored-notices.ts";
import type { OperatorCommand } from "../http/operator-command.ts";
import { OperatorError } from "../lib/errors.ts";
import { isoTime, plainText } from "../observe/plain-text.ts";
import type { OutboxEntry } from "../store/outbox-store.ts";
import { commanded, reasonGiven, shown, storedAt, withCommandingOptions } from "./commanding.ts";
import type { CommandContext } from "./context.ts";
import { tableText } from "./table.ts";
import { wholeNumber } from "./whole-number.ts";

const limitDefault = 100;
const detailCharsMax = 200;

interface Chosen {
	readonly sink?: string;
	readonly all?: boolean;
	readonly why?: string;
}

/** `zombied outbox list|retry|drop`: what sinks are owed, and what could not be delivered. */
export function addOutbox(program: Command, context: CommandContext): void {
	const outbox = program
		.command("outbox")
		.description("alerts that sinks are owed, and those that could not be delivered")
		.addHelpText("after", examples);
	addList(outbox, context);
	const retry = outbox
		.command("retry")
		.description("send again what was refused, given up or dropped")
		.argument("[key]", "of one delivery, as `zombied outbox list` shows it");
	withChoice(retry, context, (sink, key) => ({ do: "retry_deliveries", sink, key }), "to be sent again");
	const drop = outbox
		.command("drop")
		.description("never send what is owed")
		.argument("[key]", "of one delivery, as `zombied outbox list` shows it")
		.requiredOption("--why <text>", "for those who ask later");
	withChoice(drop, context, (sink, key, why) => ({ do: "drop_deliveries", sink, key, why }), "dropped");
}

function addList(outbox: Command, context: CommandContext): void {
	const list = outbox.command("list").description("print them, oldest first");
	withCommandingOptions(list)
		.option("--sink <name>", "of this sink")
		.addOption(
			new Option(
				"--which <which>",
				"owed: to be sent, or held; undeliverable: settled without the sink having it",
			).choices(["owed", "undeliverable"]),
		)
		.option("--limit <rows>", "at most so many of each", wholeNumber, limitDefault)
		.option("--json", "one JSON object a line, a delivery each")
		.action(async () => {
			const { sink = null, which, limit, json } = list.opts<ListOptions>();
			const at = storedAt(context, list);
			const entries: OutboxEntry[] = [];
			for (const one of which === undefined ? (["undeliverable", "owed"] as const) : [which]) {
				entries.push(...(await storedOutbox({ which: one, sink, key: null, rowsMax: limit }, at)));
			}
			context.stdout.write(
				json === true ? entries.map((entry) => `${JSON.stringify(asJson(entry))}\n`).join("") : asText(entries),
			);
		});
}

interface ListOptions {
	readonly sink?: string;
	readonly which?: "owed" | "undeliverable";
	readonly limit: number;
	readonly json?: boolean;
}

function withChoice(
	command: Command,
	context: CommandContext,
	commandOf: (sink: string | null, key: string | null, why: string) => OperatorCommand,
	done: string,
): void {
	withCommandingOptions(command)
		.option("--sink <name>", "of this sink alone")
		.option("--all", "whatever there is")
		.action(async (key: string | undefined) => {
			const { sink, all, why } = command.opts<Chosen>();
			const name = `outbox ${command.name()}`;
			if (key === undefined && sink === undefined && all !== true) {
				throw new OperatorError(`${name}: which? Give a key, --sink, or --all; "zombied outbox list" shows them`);
			}
			const reason = why === undefined ? "" : reasonGiven(name, why);
			const { changed } = await commanded(context, command, commandOf(sink ?? null, key ?? null, reason));
			if (changed === 0)
				throw new OperatorError(`${name}: there is nothing such; "zombied outbox list" shows what there is`);
			context.stdout.write(`${changed} ${changed === 1 ? "delivery" : "deliveries"} ${done}\n`);
		});
}

function asText(entries: readonly OutboxEntry[]): string {
	if (entries.length === 0) return "nothing is owed, and nothing was undeliverable\n";
	return tableText([
		["SINCE", "SINK", "STATE", "WHAT", "KEY", "WHY"],
		...entries.map((entry) => [
			isoTime(entry.createdAtMs) ?? "-",
			entry.sink,
			stateOf(entry),
			whatOf(entry.transition),
			entry.transition.key,
			plainText(whyOf(entry), detailCharsMax),
		]),
	]);
}

function stateOf({ fate, settledAtMs }: OutboxEntry): string {
	return fate === "pending" || settledAtMs !== null ? fate : `held: ${fate}`;
}

function whyOf({ detail, heldUntilMs }: OutboxEntry): string {
	const until = heldUntilMs === null ? "" : `until ${isoTime(heldUntilMs)}; `;
	return `${until}${detail ?? "-"}`;
}

function whatOf(transition: Transition): string {
	if (!isOfEpisode(transition)) return `${transition.kind} ${transition.incident.group}`;
	const { condition, labels, runId } = transition.episode;
	return `${condition} ${transition.kind} ${labels.name ?? runId}`;
}

function asJson(entry: OutboxEntry): object {
	const { sink, transition, fate, detail, createdAtMs, heldUntilMs, settledAtMs } = entry;
	return {
		sink,
		key: transition.key,
		state: fate,
		settled: settledAtMs !== null,
		what: shown(whatOf(transition)),
		detail,
		created_at: isoTime(createdAtMs),
		held_until: isoTime(heldUntilMs),
		settled_at: isoTime(settledAtMs),
	};
}

const examples = `
States: pending, to be sent as soon as its sink takes it; held, with the reason; refused by the sink, given_up after a day, dropped
by an operator. What was over while it was held is never sent.

Examples:
  zombied outbox list --which undeliverable
  zombied outbox retry --sink pagerduty
  zombied outbox drop --sink slack --why 'the channel is gone'`;
