import type { Command } from "commander";
import type { ApiEpisode, ApiRunDetail, Happening } from "../http/api/run-schema.ts";
import { OperatorError } from "../lib/errors.ts";
import { plainText } from "../observe/plain-text.ts";
import type { CommandContext } from "./context.ts";
import { look, withLookingOptions } from "./looking.ts";

const textCharsMax = 1_000;
/** The newest of them: what happened last is what is asked about. */
const happeningsMax = 25;
const uuid = /[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}/iu;

/** `zombied explain`: why a run is called dead, or is not. */
export function addExplain(program: Command, context: CommandContext): void {
	const command = program
		.command("explain")
		.description("why a run is flagged, or is not: its limit, its silence, its past")
		.argument("<run>", "its id, or the address of its page in Prefect");
	withLookingOptions(command)
		.option("--json", "one JSON object")
		.addHelpText("after", examples)
		.action(async (given: string) => {
			const runId = uuid.exec(given)?.[0]?.toLowerCase();
			if (runId === undefined) {
				throw new OperatorError("explain: that names no run; give its id, or the address of its page in Prefect");
			}
			const run = await look(context, command, (lookup) => lookup.run(runId));
			if (run === null) {
				throw new OperatorError(`explain: zombied has not heard of run ${runId}, or has forgotten it (retention.runs)`);
			}
			context.stdout.write(command.opts().json === true ? `${JSON.stringify(run)}\n` : asText(run));
		});
}

function asText(run: ApiRunDetail): string {
	const name = run.name === null ? run.id : `${run.name} (${run.id})`;
	const place = [run.deployment?.name ?? run.flow?.name, run.work_pool].filter((text) => text != null);
	const lines = [
		`${name}${place.length === 0 ? "" : ` of ${place.join(", work pool ")}`}`,
		...run.explanation.map((sentence, index) => (index === 0 ? sentence : `  ${sentence}`)),
		...(run.watched ? [] : ["  It is no longer watched; this is what was stored of it."]),
		"",
		...run.episodes.flatMap(episodeTexts),
		...(run.episodes.length === 0 ? [] : [""]),
		run.timeline_source === "prefect" ? "What happened:" : "What happened, as far as zombied remembers:",
		...run.timeline.slice(-happeningsMax).map(happeningText),
		"",
		run.url,
	];
	return `${lines.map((line) => plainText(line, textCharsMax)).join("\n")}\n`;
}

function episodeTexts({
	condition,
	raised_at: raisedAt,
	outcome,
	resolved_at: resolvedAt,
	alert_id: alertId,
	likely_cause: cause,
	impact,
}: ApiEpisode): readonly string[] {
	const told = `Alert ${alertId}: ${condition}, raised at ${raisedAt}`;
	// What surrounds an open one is among the reasons.
	if (outcome === null) return [`${told}, open`];
	return [
		`${told}, ${outcome} at ${resolvedAt}`,
		...(cause === null ? [] : [`  likely cause: ${cause}`]),
		...(impact === null ? [] : [`  blast radius: ${impact.text}`]),
	];
}

function happeningText({ at, kind, text, until }: Happening): string {
	switch (kind) {
		case "heartbeat":
			return `  ${at}  heartbeat`;
		case "state":
			return `  ${at}  state ${text}`;
		case "blind":
			return `  ${at}  could not be heard until ${until}: ${text}`;
		case "raised":
			return `  ${at}  alert raised: ${text}`;
		case "resolved":
			return `  ${at}  alert resolved: ${text}`;
	}
	return kind satisfies never;
}

const examples = `
Examples:
  zombied explain 0f8fad5b-d9cb-469f-a165-70867728950e
  zombied explain http://127.0.0.1:4200/runs/flow-run/0f8fad5b-d9cb-469f-a165-70867728950e
  zombied explain 0f8fad5b-d9cb-469f-a165-70867728950e --json | jq .explanation`;
