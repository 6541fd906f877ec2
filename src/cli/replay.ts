import { resolve } from "node:path";
import type { Command } from "commander";
import { LiveSettings } from "../config/live-settings.ts";
import type { LoadedConfig } from "../config/load.ts";
import { type ComparisonOptions, compare } from "../daemon/comparison.ts";
import { readHistory } from "../daemon/history.ts";
import { replayStory } from "../daemon/replay.ts";
import { formatDuration } from "../lib/duration.ts";
import { OperatorError } from "../lib/errors.ts";
import { isoTime, plainText } from "../observe/plain-text.ts";
import { createSilentReporter } from "../observe/silent-reporter.ts";
import { differences, readExpectation } from "../replay/expectation.ts";
import { openIncident } from "../replay/incident-file.ts";
import { policyOf } from "../replay/policy.ts";
import { type ReplayLine, replayText } from "../replay/replay-line.ts";
import type { Story } from "../replay/story.ts";
import { comparisonJson, comparisonText } from "./comparison.ts";
import type { CommandContext } from "./context.ts";
import { durationOption } from "./duration-option.ts";
import { exitCodes } from "./exit-code.ts";
import { loadSettings, withSettingsOptions } from "./settings-options.ts";
import { version } from "./version.ts";

const lineCharsMax = 500;
const sinceBounds = { minMs: 60_000, maxMs: 30 * 86_400_000 };
/** As `detector.k` may be. */
const [kMin, kMax] = [2, 6];

interface ReplayFlags {
	readonly json?: true;
	readonly expect?: true;
	readonly since?: string;
	readonly policy: readonly string[];
	readonly compare?: string;
}

/** `zombied replay`: what the detector says of recorded events, on a virtual clock. */
export function addReplay(program: Command, context: CommandContext): void {
	const command = program
		.command("replay [file...]")
		.description("play incidents, recordings or stored events through the detector, on a virtual clock");
	withSettingsOptions(command)
		.option("--since <duration>", "instead of files: the events that the server has stored in the last 24h, say")
		.option("--policy <rule>", "put another rule beside ours; repeatable", (text, all: string[]) => [...all, text], [])
		.option("--compare <k=…>", "put values of detector.k beside one another, by deployment, e.g. k=2,3,4")
		.option("--json", "one JSON object a line (of alerts: default when stdout is no terminal)")
		.option("--expect", "compare with FILE's .expect.json; exit 10 when anything differs")
		.addHelpText("after", examples)
		.action(async (files: string[]) => {
			const flags = command.opts<ReplayFlags>();
			checkUsage(files, flags);
			const comparison = { policies: flags.policy.map(policyOf), ks: ksOf(flags.compare) };
			const loaded = loadSettings(context, command);
			const isComparison = comparison.policies.length + comparison.ks.length > 0;
			const stories = flags.since === undefined ? filesIn(files, context) : storedIn(flags.since, loaded, context);
			if (isComparison)
				await showComparisons(stories, { ...comparison, loaded, signal: context.signal }, flags, context);
			else await showLines(stories, loaded, flags, context);
		});
}

/** @throws OperatorError */
function checkUsage(files: readonly string[], { since, expect, policy, compare: ks }: ReplayFlags): void {
	if (since === undefined && files.length === 0) throw new OperatorError("name a file to replay, or --since 24h");
	if (since !== undefined && files.length > 0)
		throw new OperatorError("--since is instead of files: name one or the other");
	if (expect !== true) return;
	if (since !== undefined) throw new OperatorError("--expect needs files: there is no expectation of stored events");
	if (policy.length > 0 || ks !== undefined)
		throw new OperatorError("--expect goes with neither --policy nor --compare");
}

function ksOf(text: string | undefined): readonly number[] {
	if (text === undefined) return [];
	const ks = /^k=([\d.,]+)$/u.exec(text)?.[1]?.split(",").map(Number) ?? [];
	const areSane = ks.length > 0 && ks.every((k) => k >= kMin && k <= kMax);
	if (areSane) return [...new Set(ks)];
	throw new OperatorError(
		`--compare ${JSON.stringify(text.slice(0, 50))}: expected values from ${kMin} to ${kMax}, as k=2,3,4`,
	);
}

/** What to play, and where the expectation of it would be. */
interface Source {
	readonly story: Story;
	readonly path: string;
}

async function* filesIn(files: readonly string[], { folder }: CommandContext): AsyncGenerator<Source> {
	for (const file of files) {
		const path = resolve(folder, file);
		yield { story: await openIncident(path), path };
	}
}

async function* storedIn(since: string, loaded: LoadedConfig, context: CommandContext): AsyncGenerator<Source> {
	const { settings, warnings } = loaded;
	const { clock, random, signal, env: environment } = context;
	const say = (line: string): void => void context.stderr.write(`zombied: ${plainText(line, lineCharsMax)}\n`);
	for (const warning of warnings) say(`warning: ${warning}`);
	const sinceMs = durationOption("--since", since, sinceBounds);
	say(`reading what ${settings.prefect.apiUrl} has stored, with ${settings.limits.restPerSecond} requests a second`);
	const onProgress = ({ events, share }: { events: number; share: number }): void =>
		say(`${events} events so far, ${Math.floor(share * 100)} % of the time`);
	const history = await readHistory({ settings, environment, version, clock, random, sinceMs, onProgress }, signal);
	const lengthText = formatDuration(Math.round((history.endsMs - history.startsMs) / 1000) * 1000);
	const unreadText = history.unread === 0 ? "" : `, ${history.unread} that could not be read`;
	say(`${history.events} events${unreadText} of ${lengthText} from ${isoTime(history.startsMs)} on; now playing them`);
	if (history.truncated) say("that is as many as are held at once; the time after them is left out: ask for less");
	yield { story: history.story, path: "" };
}

async function showComparisons(
	sources: AsyncIterable<Source>,
	options: ComparisonOptions,
	{ json }: ReplayFlags,
	{ stdout }: CommandContext,
): Promise<void> {
	let isFirst = true;
	for await (const { story } of sources) {
		const comparison = await compare(story, options);
		if (json === true) stdout.write(comparisonJson(comparison));
		else stdout.write(`${isFirst ? "" : "\n"}${comparisonText(comparison)}`);
		isFirst = false;
	}
}

async function showLines(
	sources: AsyncIterable<Source>,
	loaded: LoadedConfig,
	{ json, expect }: ReplayFlags,
	context: CommandContext,
): Promise<void> {
	const { stdout, stderr, signal } = context;
	const asJson = json === true || stdout.isTTY !== true;
	let [played, asExpected] = [0, 0];
	for await (const { story, path } of sources) {
		const lines: ReplayLine[] = [];
		await replayStory(story, {
			settings: loaded.settings,
			live: new LiveSettings(loaded.settings, () => loaded),
			reporter: createSilentReporter(),
			signal,
			onLine: (line) => {
				lines.push(line);
				stdout.write(asJson ? `${JSON.stringify(line)}\n` : `${plainText(replayText(line), lineCharsMax)}\n`);
			},
		});
		played += 1;
		if (expect === true && (await isAsExpected(path, lines, context))) asExpected += 1;
	}
	if (expect !== true) return;
	stderr.write(`${asExpected} of ${played} as expected\n`);
	if (asExpected < played) context.finish(exitCodes.badAnswer);
}

/** Prints what differs. */
async function isAsExpected(path: string, lines: readonly ReplayLine[], context: CommandContext): Promise<boolean> {
	const expected = await readExpectation(path.replace(/\.jsonl$/u, ".expect.json"));
	const found = differences(expected, lines);
	for (const difference of found) context.stderr.write(`${expected.incident}: ${difference}\n`);
	return found.length === 0;
}

const examples = `
stdout has one line for each alert that is raised or resolved, and nothing else; --expect says on stderr what differs. In
an incident (a file with a header) REST knows what the file says; in a recording and in what is stored, what events tell.

--policy and --compare print tables instead: how many runs were called dead, how often wrongly (the run beat, completed or
failed afterwards, or had ended before), and how many deaths were found how long after their last heartbeat. A death is a
silence of four cadences and more after which nothing came of that attempt. Rules: fixed:540s (asks the server first),
prefect-automation (Prefect's recipe, 540 s; prefect-automation:90s), learned-mean, phi.

Examples:
  zombied replay incident.jsonl
  zombied replay recording.jsonl --detector.k 2
  zombied replay --since 24h                                       what zombied would have said today
  zombied replay --since 24h --policy prefect-automation --policy fixed:540s
  zombied replay --since 7d --compare k=2,3,4
  zombied replay test/incidents/*.jsonl --expect > /dev/null`;
