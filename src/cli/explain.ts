import type { Command } from "commander";
import type { Lookup } from "../daemon/lookup.ts";
import type { ApiEpisode, ApiRemedy, ApiRunDetail, Happening } from "../http/api/run-schema.ts";
import { OperatorError } from "../lib/errors.ts";
import { plainText } from "../observe/plain-text.ts";
import type { CommandContext } from "./context.ts";
import { look, readRuns, withLookingOptions } from "./looking.ts";

const textCharsMax = 1_000;
/** The newest of them: what happened last is what is asked about. */
const happeningsMax = 25;
/** As the API takes it. */
const nameCharsMax = 512;
/** Runs of one name that are told apart. */
const namesakesMax = 20;
const uuid = /[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}/iu;

/** `zombied explain`: why a run is called dead, or is not. */
export function addExplain(program: Command, context: CommandContext): void {
	const command = program
		.command("explain")
		.description("why a run is flagged, or is not: its limit, its silence, its past")
		.argument("<run>", "its id, its name, or the address of its page in Prefect");
	withLookingOptions(command)
		.option("--json", "one JSON object")
		.addHelpText("after", examples)
		.action(async (given: string) => {
			const run = await look(context, command, async (lookup) => lookup.run(await runIdOf(given, lookup)));
			if (run === null) {
				throw new OperatorError(
					"explain: neither zombied nor Prefect knows that run, or Prefect does not answer and zombied has forgotten it (retention.runs)",
				);
			}
			context.stdout.write(command.opts().json === true ? `${JSON.stringify(run)}\n` : asText(run));
		});
}

/** @throws OperatorError when the name is nobody's, or that of several */
async function runIdOf(given: string, lookup: Lookup): Promise<string> {
	const runId = uuid.exec(given)?.[0]?.toLowerCase();
	if (runId !== undefined) return runId;
	const runs = await readRuns(lookup, { name: given.slice(0, nameCharsMax), limit: namesakesMax });
	const [run] = runs;
	const shown = JSON.stringify(given.slice(0, nameCharsMax));
	if (run === undefined)
		throw new OperatorError(`explain: no run is named ${shown}; give its id, or its page's address`);
	if (runs.length === 1) return run.id;
	const ids = runs.map(({ id, state_name: state }) => `  ${id}  ${state ?? "state unknown"}`);
	throw new OperatorError([`explain: several runs are named ${shown}; give the id of one:`, ...ids].join("\n"));
}

function asText(run: ApiRunDetail): string {
	const name = run.name === null ? run.id : `${run.name} (${run.id})`;
	const place = [run.deployment?.name ?? run.flow?.name, run.work_pool].filter((text) => text != null);
	const lines = [
		`${name}${place.length === 0 ? "" : ` of ${place.join(", work pool ")}`}`,
		...run.explanation.map((sentence, index) => (index === 0 ? sentence : `  ${sentence}`)),
		...(run.watched ? [] : ["  zombied does not watch it (any more): this is what was stored of it."]),
		"",
		...run.episodes.flatMap(episodeTexts),
		...run.remedies.map(remedyLine),
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

function remedyLine({ at, action, result, detail, times, was_mistake: wasMistake }: ApiRemedy): string {
	const often = times > 1 ? ` (${times} times)` : "";
	return `Remedy ${action} at ${at}: ${result}${often}: ${detail}${wasMistake ? "; a mistake: the run was alive" : ""}`;
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
It may be flagged or not, running or over, watched or not: of a run that zombied has never heard of, Prefect is asked.

Examples:
  zombied explain loose-cat
  zombied explain 0f8fad5b-d9cb-469f-a165-70867728950e
  zombied explain http://127.0.0.1:4200/runs/flow-run/0f8fad5b-d9cb-469f-a165-70867728950e
  zombied explain 0f8fad5b-d9cb-469f-a165-70867728950e --json | jq .explanation`;
