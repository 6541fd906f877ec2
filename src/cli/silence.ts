import { type Command, Option } from "commander";
import { concernText } from "../core/attention-text.ts";
import { type Condition, conditions } from "../core/episode.ts";
import type { Silence } from "../core/silence.ts";
import { storedWords } from "../daemon/stored-notices.ts";
import { silenceMsMax } from "../http/operator-command.ts";
import { OperatorError } from "../lib/errors.ts";
import { isoTime } from "../observe/plain-text.ts";
import { commanded, reasonGiven, shown, storedAt, withCommandingOptions } from "./commanding.ts";
import type { CommandContext } from "./context.ts";
import { durationOption } from "./duration-option.ts";
import { tableText } from "./table.ts";

interface AddOptions {
	readonly deployment?: string;
	readonly workPool?: string;
	readonly flow?: string;
	readonly tag?: string;
	readonly condition?: readonly Condition[];
	readonly all?: boolean;
	readonly for: string;
	readonly why: string;
}

/** `zombied silence add|list|remove`: alerts that are to wait. */
export function addSilence(program: Command, context: CommandContext): void {
	const silence = program
		.command("silence")
		.description("keep alerts from the sinks for a while (the alert log hears of everything)")
		.addHelpText("after", examples);
	addAdd(silence, context);
	addList(silence, context);
	const remove = silence
		.command("remove")
		.description("end a silence now; what it held and is still open is told")
		.argument("<id>", "as `zombied silence list` shows it");
	withCommandingOptions(remove).action(async (silenceId: string) => {
		const { changed } = await commanded(context, remove, { do: "end_silence", silenceId });
		if (changed === 0) {
			throw new OperatorError(
				`silence remove: no silence ${shown(silenceId)} lasts; "zombied silence list" shows those that do`,
			);
		}
		context.stdout.write(`silence ${shown(silenceId)} has ended\n`);
	});
}

function addAdd(silence: Command, context: CommandContext): void {
	const add = silence.command("add").description("from now on, for runs that match all that is given");
	withCommandingOptions(add)
		.option("--deployment <glob>", 'over "flow/deployment"; * is any text, ? any character')
		.option("--work-pool <glob>", "of this work pool")
		.option("--flow <glob>", "of this flow")
		.option("--tag <glob>", "with such a tag")
		.addOption(new Option("--condition <condition...>", "of these conditions alone").choices(conditions))
		.option("--all", "every alert")
		.requiredOption("--for <duration>", "how long, such as 2h")
		.requiredOption("--why <text>", "for those who ask later")
		.action(async () => {
			const given = add.opts<AddOptions>();
			const { deployment, workPool, flow, tag, condition = [], all } = given;
			const match = { deployment, workPool, flow, tag };
			const isOfAll = condition.length === 0 && Object.values(match).every((glob) => glob === undefined);
			if (isOfAll && all !== true) {
				throw new OperatorError(
					"silence add: which? Give --deployment, --work-pool, --flow, --tag or --condition; or --all",
				);
			}
			const lastsMs = durationOption("--for", given.for, { minMs: 1_000, maxMs: silenceMsMax });
			const why = reasonGiven("silence add", given.why);
			const { ids } = await commanded(context, add, {
				do: "add_silence",
				match,
				conditions: condition,
				lastsMs,
				why,
			});
			const untilMs = context.clock.now().wallMs + lastsMs;
			context.stdout.write(`silence ${ids.join(", ")} lasts until ${isoTime(untilMs)}\n`);
		});
}

function addList(silence: Command, context: CommandContext): void {
	const list = silence.command("list").description("print the silences that last");
	withCommandingOptions(list)
		.option("--json", "one JSON object a line, a silence each")
		.action(async () => {
			const { json } = list.opts<{ json?: boolean }>();
			const { silences } = await storedWords(storedAt(context, list));
			context.stdout.write(
				json === true ? silences.map((one) => `${JSON.stringify(asJson(one))}\n`).join("") : asText(silences),
			);
		});
}

function asText(silences: readonly Silence[]): string {
	if (silences.length === 0) return "no silences\n";
	return tableText([
		["ID", "UNTIL", "CONCERNS", "WHY"],
		...silences.map((silence) => [
			silence.silenceId,
			isoTime(silence.untilMs) ?? "-",
			concernText(silence),
			silence.why,
		]),
	]);
}

function asJson({ silenceId, match, conditions: only, fromMs, untilMs, why }: Silence): object {
	return { id: silenceId, match, conditions: only, from: isoTime(fromMs), until: isoTime(untilMs), why };
}

const examples = `
What a silence holds is sent when it ends, if it is open still; what is over by then is not told at all.

Examples:
  zombied silence add --deployment 'etl/*' --for 2h --why 'migration of the warehouse'
  zombied silence list
  zombied silence remove 1a2b3c4d`;
