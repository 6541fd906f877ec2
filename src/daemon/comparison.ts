import { LiveSettings } from "../config/live-settings.ts";
import type { LoadedConfig } from "../config/load.ts";
import type { Settings } from "../config/schema.ts";
import type { RunView } from "../core/run.ts";
import { createSilentReporter } from "../observe/silent-reporter.ts";
import { readEventRows, readRunRows } from "../prefect/row-reading.ts";
import { eventOf, type IncidentLine } from "../replay/incident-file.ts";
import { Outcomes } from "../replay/outcomes.ts";
import { Peer } from "../replay/peers/peer.ts";
import { flowRunJson } from "../replay/played-server.ts";
import type { Policy } from "../replay/policy.ts";
import { type Alert, type Score, scoreOf } from "../replay/score.ts";
import type { Story } from "../replay/story.ts";
import { replayStory } from "./replay.ts";

export interface ComparisonOptions {
	readonly loaded: LoadedConfig;
	/** The peers' rules, put beside our own settings. */
	readonly policies: readonly Policy[];
	/** Values of `detector.k` to be put beside one another. */
	readonly ks: readonly number[];
	readonly signal: AbortSignal;
}

export interface PolicyScore {
	readonly policy: string;
	readonly score: Score;
}

export interface DeploymentScore {
	/** Null: of all runs together. */
	readonly deployment: string | null;
	readonly k: number;
	readonly score: Score;
}

export interface Comparison {
	readonly name: string;
	readonly startsMs: number;
	readonly endsMs: number;
	/** Of runs, those that tell what REST knows included. */
	readonly events: number;
	readonly runs: number;
	readonly deaths: number;
	/** Ours is the first. Empty when no policy was asked for. */
	readonly policies: readonly PolicyScore[];
	/** First of all runs together, then a deployment after the other, the one with most alerts first. Empty without K. */
	readonly deployments: readonly DeploymentScore[];
	/** Deployments with fewer alerts that are not shown. */
	readonly deploymentsLeftOff: number;
}

/** Rows of the table, the most alerts first; the rest are told as a number. */
const deploymentsMax = 20;
const noDeployment = "(no deployment)";
/** As we look. */
const tickMs = 1_000;

/**
 * Plays a story through our detector, once a setting, and through the rules of others, and says how right each was by
 * what became of the runs. The same story gives the same answer.
 *
 * @throws OperatorError when the story cannot be read; the signal's reason when aborted
 */
export async function compare(story: Story, options: ComparisonOptions): Promise<Comparison> {
	const { loaded, policies, ks } = options;
	const { settings } = loaded;
	const outcomes = new Outcomes(settings.detector.slowestCadence.ms);
	const { told, events } = await watchedByPeers(story, policies, outcomes, options.signal);
	const everybody = (): boolean => true;
	const ours: PolicyScore[] = [];
	if (policies.length > 0) {
		const score = scoreOf(await ourAlerts(story, settings, options), outcomes, everybody);
		ours.push({ policy: `zombied (k=${settings.detector.k})`, score });
	}
	const byK = new Map<number, readonly Alert[]>();
	for (const k of ks) {
		const detector = { ...settings.detector, k };
		byK.set(k, await ourAlerts(story, { ...settings, detector }, options));
	}
	const { startsMs, endsMs } = outcomes.span;
	const theirs = policies.map(({ name }, index) => ({
		policy: name,
		score: scoreOf(told[index] ?? [], outcomes, everybody),
	}));
	return {
		name: story.name,
		startsMs,
		endsMs,
		events,
		runs: outcomes.runIds.length,
		deaths: outcomes.deaths.length,
		policies: [...ours, ...theirs],
		...deploymentScores(byK, outcomes),
	};
}

/** Runs that zombied would have called dead. Other conditions say something else, and are not compared. */
async function ourAlerts(
	story: Story,
	settings: Settings,
	{ loaded, signal }: Pick<ComparisonOptions, "loaded" | "signal">,
): Promise<readonly Alert[]> {
	const alerts: Alert[] = [];
	const live = new LiveSettings(settings, () => loaded);
	const reporter = createSilentReporter();
	await replayStory(story, {
		settings,
		live,
		reporter,
		signal,
		onLine: (line) => {
			if (line.transition !== "raised" || line.condition !== "zombie") return;
			alerts.push({ runId: line.flow_run_id, atMs: Date.parse(line.at) });
		},
	});
	return alerts;
}

/** Tells `outcomes` and every rule all that happens; the rules learn nothing of what is yet to come. */
async function watchedByPeers(
	story: Story,
	policies: readonly Policy[],
	outcomes: Outcomes,
	signal: AbortSignal,
): Promise<{ readonly told: readonly (readonly Alert[])[]; readonly events: number }> {
	const watchers = policies.map(({ rule }) => ({ peer: new Peer(rule), alerts: [] as Alert[] }));
	let events = 0;
	let tickAtMs: number | null = null;
	const moveTo = (ms: number): void => {
		tickAtMs ??= ms;
		for (; tickAtMs <= ms; tickAtMs += tickMs) for (const one of watchers) tick(one, tickAtMs, outcomes);
	};
	for await (const { atMs, view, isOpening } of viewsOf(story)) {
		signal.throwIfAborted();
		moveTo(atMs);
		outcomes.until(atMs);
		if (view === null) continue;
		if (!isOpening) events += 1;
		outcomes.event(atMs, view);
		for (const { peer } of watchers) peer.event(atMs, view);
	}
	if (story.endsMs !== null) {
		moveTo(story.endsMs);
		outcomes.until(story.endsMs);
	}
	return { told: watchers.map(({ alerts }) => alerts), events };
}

function tick({ peer, alerts }: { peer: Peer; alerts: Alert[] }, atMs: number, outcomes: Outcomes): void {
	const { verdicts, questions } = peer.tick(atMs);
	const confirmed = questions.filter((runId) => peer.answered(atMs, runId, outcomes.stateOf(runId)));
	for (const runId of [...verdicts, ...confirmed]) alerts.push({ runId, atMs });
}

interface Told {
	readonly atMs: number;
	/** Null: nothing of a run, and yet the story has come so far. */
	readonly view: RunView | null;
	/** What was so before the story began. */
	readonly isOpening: boolean;
}

async function* viewsOf(story: Story): AsyncGenerator<Told> {
	let hasBegun = false;
	for await (const line of story.lines()) {
		const { startsMs, endsMs } = story;
		if (!hasBegun) {
			const atMs = startsMs ?? line.at;
			yield { atMs, view: null, isOpening: true };
			for (const run of story.opening) yield { atMs, view: viewOfRun(run, atMs), isOpening: true };
		}
		hasBegun = true;
		if (endsMs !== null && line.at > endsMs) return;
		yield { atMs: line.at, view: viewOf(line), isOpening: false };
	}
}

function viewOf(line: IncidentLine): RunView | null {
	if (line.api !== undefined) return viewOfRun(line.api, line.at);
	const event = eventOf(line);
	return event === undefined ? null : (readEventRows([event], createSilentReporter()).views[0] ?? null);
}

function viewOfRun(run: Parameters<typeof flowRunJson>[0], atMs: number): RunView | null {
	return readRunRows([flowRunJson(run)], atMs, createSilentReporter()).views[0] ?? null;
}

function deploymentScores(
	byK: ReadonlyMap<number, readonly Alert[]>,
	outcomes: Outcomes,
): Pick<Comparison, "deployments" | "deploymentsLeftOff"> {
	if (byK.size === 0) return { deployments: [], deploymentsLeftOff: 0 };
	const names = deploymentNames(outcomes);
	const nameOf = (runId: string): string => names.get(outcomes.labelsOf(runId)?.deploymentId ?? "") ?? noDeployment;
	const alertsOf = new Map(outcomes.runIds.map((runId) => [nameOf(runId), 0]));
	for (const { runId } of [...byK.values()].flat()) alertsOf.set(nameOf(runId), (alertsOf.get(nameOf(runId)) ?? 0) + 1);
	const ranked = [...alertsOf].sort(([a, m], [b, n]) => n - m || (a < b ? -1 : 1)).map(([name]) => name);
	const scores = [null, ...ranked.slice(0, deploymentsMax)].flatMap((deployment) =>
		[...byK].map(([k, alerts]) => {
			const belongs = (runId: string): boolean => deployment === null || nameOf(runId) === deployment;
			return { deployment, k, score: scoreOf(alerts, outcomes, belongs) };
		}),
	);
	return { deployments: scores, deploymentsLeftOff: Math.max(0, ranked.length - deploymentsMax) };
}

/** By id. Heartbeats do not name their deployment, so that the runs of one help one another. */
function deploymentNames(outcomes: Outcomes): ReadonlyMap<string, string> {
	const names = new Map<string, string>();
	for (const runId of outcomes.runIds) {
		const { deploymentId = null, deploymentName = null, flowName = null } = outcomes.labelsOf(runId) ?? {};
		if (deploymentId === null || (deploymentName === null && names.has(deploymentId))) continue;
		names.set(deploymentId, `${flowName ?? "?"}/${deploymentName ?? deploymentId}`);
	}
	return names;
}
