import type { Command } from "commander";
import { alertIdCharsMin } from "../http/operator-command.ts";
import { OperatorError } from "../lib/errors.ts";
import { commanded, reasonGiven, shown, withCommandingOptions } from "./commanding.ts";
import type { CommandContext } from "./context.ts";

/** `zombied ack`: somebody has an alert in hand. */
export function addAck(program: Command, context: CommandContext): void {
	const ack = program
		.command("ack")
		.description("say that somebody has an alert in hand: no reminders, and no escalation")
		.argument("<alert>", "its alert_id, or the group_id of a group incident; the beginning will do where it is unique")
		.requiredOption("--why <text>", "who, and what is done; for those who ask later");
	withCommandingOptions(ack)
		.addHelpText("after", examples)
		.action(async (alertId: string) => {
			const why = reasonGiven("ack", ack.opts<{ why: string }>().why);
			if (alertId.length < alertIdCharsMin) {
				throw new OperatorError(
					`ack: ${shown(alertId)} is too short; give at least ${alertIdCharsMin} characters of the alert_id`,
				);
			}
			const { changed, ids } = await commanded(context, ack, { do: "acknowledge", alertId, why });
			if (changed === 0 && ids.length > 0) {
				throw new OperatorError(`ack: ${shown(alertId)} is the beginning of ${ids.join(", ")}; give more of it`);
			}
			if (changed === 0)
				throw new OperatorError(
					`ack: no open alert ${shown(alertId)}; "zombied runs --standing flagged --json" has their alert_id`,
				);
			context.stdout.write(`alert ${ids.join(", ")} is acknowledged\n`);
		});
}

const examples = `
Examples:
  zombied ack 5f0c2c1e --why 'Kim is on it: the node is being replaced'`;
