import { attentionTexts } from "../../core/attention-text.ts";
import { type Impact, impactText } from "../../core/circumstances.ts";
import type { Episode } from "../../core/episode.ts";
import type { Explanation } from "../../core/explanation.ts";
import { causeText, sentencesOf } from "../../core/explanation-text.ts";
import type { RemedyEntry } from "../../core/remedy.ts";
import type { RunLabels } from "../../core/run.ts";
import type { Attention } from "../../core/telling.ts";
import { isoTime, plainText } from "../../observe/plain-text.ts";
import { remedyViewOf } from "./ledger-view.ts";
import { textCharsMax, textOf, timeOf } from "./plain.ts";
import type { ApiEpisode, ApiRun, ApiRunDetail, Happening } from "./run-schema.ts";

/** Of one run; the rest are left out. */
const tagsMax = 100;

/** Address of a run's page in Prefect. */
export type RunUrl = (runId: string) => string;

/** What a run is shown with. */
export interface RunContext {
	readonly runUrl: RunUrl;
	readonly attention: Attention;
}

export function runViewOf(explanation: Explanation, { runUrl, attention }: RunContext): ApiRun {
	const { run, standing, episode, cadence, limit, silence, aliveAtMs } = explanation;
	const { labels } = run;
	return {
		id: run.runId,
		name: textOf(labels.name),
		attempt: run.attempt,
		state_type: run.state?.type ?? null,
		state_name: textOf(run.state?.name ?? null),
		standing,
		...alertOf(episode),
		acknowledged: textOf(attention.acknowledgements.get(episode?.alertId ?? "")?.why ?? null),
		flow: namedOf(labels.flowId, labels.flowName),
		...placeOf(labels),
		client_version: textOf(labels.clientVersion),
		tags: labels.tags.slice(0, tagsMax).map((tag) => textOf(tag)),
		last_alive_at: isoTime(aliveAtMs),
		cadence_seconds: cadence.tauMs === null ? null : seconds(cadence.tauMs),
		cadence_source: cadence.source,
		silence_seconds: silence === null ? null : seconds(silence.countedMs),
		suspect_after_seconds: seconds(limit.suspectAfterMs),
		limit_seconds: seconds(limit.dueAfterMs),
		url: runUrl(run.runId),
	};
}

function alertOf(
	episode: Episode | null,
): Pick<ApiRun, "condition" | "alert_id" | "raised_at" | "reason" | "likely_cause" | "impact"> {
	if (episode === null)
		return { condition: null, alert_id: null, raised_at: null, reason: null, likely_cause: null, impact: null };
	const { condition, alertId, raisedAtMs, reason, evidence } = episode;
	const { likelyCause, impact } = evidence;
	return {
		condition,
		alert_id: alertId,
		raised_at: timeOf(raisedAtMs),
		reason: textOf(reason),
		likely_cause: textOf(likelyCause),
		impact: impact === null || isNobodys(impact) ? null : plainText(impactText(impact), 2 * textCharsMax),
	};
}

function isNobodys({ slots, waiting }: Impact): boolean {
	return slots.length === 0 && (waiting.deployment ?? 0) + (waiting.workPool ?? 0) === 0;
}

export function runDetailOf(
	explanation: Explanation,
	known: {
		readonly episodes: readonly Episode[];
		readonly remedies: readonly RemedyEntry[];
		readonly timeline: readonly Happening[];
		readonly timelineSource: ApiRunDetail["timeline_source"];
		readonly watched: boolean;
		readonly nowMs: number;
	},
	context: RunContext,
): ApiRunDetail {
	const { silence, limit } = explanation;
	const { runUrl, attention } = context;
	const sentences = [...sentencesOf(explanation, known.nowMs), ...attentionTexts(explanation, attention, known.nowMs)];
	return {
		...runViewOf(explanation, context),
		explanation: sentences.map((sentence) => plainText(sentence, 2 * textCharsMax)),
		blind_seconds: seconds(silence?.blindMs ?? 0),
		k: limit.k,
		threshold_seconds: limit.thresholdMs === null ? null : seconds(limit.thresholdMs),
		rule: limit.rule?.place ?? null,
		episodes: known.episodes.map((episode) => episodeViewOf(episode, runUrl)),
		remedies: known.remedies.map(remedyViewOf),
		timeline: [...known.timeline],
		timeline_source: known.timelineSource,
		watched: known.watched,
	};
}

export function episodeViewOf(episode: Episode, runUrl: RunUrl): ApiEpisode {
	const { labels, evidence, closed, runId } = episode;
	return {
		alert_id: episode.alertId,
		condition: episode.condition,
		severity: episode.severity,
		reason: textOf(episode.reason),
		run_id: runId,
		run_name: textOf(labels.name),
		attempt: episode.attempt,
		...placeOf(labels),
		raised_at: timeOf(episode.raisedAtMs),
		silence_seconds: evidence.silenceSeconds,
		limit_seconds: evidence.thresholdSeconds,
		likely_cause: textOf(evidence.likelyCause),
		impact: evidence.impact === null ? null : impactViewOf(evidence.impact),
		outcome: closed?.outcome ?? null,
		resolved_at: closed === null ? null : timeOf(closed.atMs),
		group_id: episode.groupId,
		related_runs: [...episode.relatedRuns],
		url: runUrl(runId),
	};
}

function impactViewOf(impact: Impact): ApiEpisode["impact"] {
	return {
		text: plainText(impactText(impact), 2 * textCharsMax),
		slots: impact.slots.map((slot) => ({ ...slot, name: plainText(slot.name, textCharsMax) })),
		waiting_runs: { deployment: impact.waiting.deployment, work_pool: impact.waiting.workPool },
	};
}

/** What memory alone tells: the last heartbeats, the state, what could not be heard, and the episodes. */
export function rememberedTimeline(explanation: Explanation, episodes: readonly Episode[]): readonly Happening[] {
	const { run, blindSpans } = explanation;
	const beats = run.occurredMs.map((ms) => happening("heartbeat", ms, "heartbeat"));
	const { state } = run;
	const states =
		state === null ? [] : [{ ...happening("state", state.timestampMs, state.name), state_type: state.type }];
	const blind = blindSpans.map(({ fromMs, untilMs, cause }) => ({
		...happening("blind", fromMs, causeText(cause)),
		until: isoTime(untilMs),
	}));
	return inOrder([...beats, ...states, ...blind, ...episodes.flatMap(happeningsOfEpisode)]);
}

export function happeningsOfEpisode({ condition, raisedAtMs, closed }: Episode): readonly Happening[] {
	const raised = happening("raised", raisedAtMs, condition);
	return closed === null ? [raised] : [raised, happening("resolved", closed.atMs, `${condition}: ${closed.outcome}`)];
}

export function happening(kind: Happening["kind"], atMs: number, text: string): Happening {
	return { at: timeOf(atMs), kind, text: textOf(text), until: null, state_type: null };
}

export function inOrder(timeline: readonly Happening[]): readonly Happening[] {
	return timeline.toSorted((a, b) => (a.at < b.at ? -1 : a.at > b.at ? 1 : 0));
}

function placeOf({ deploymentId, deploymentName, workPool }: RunLabels): Pick<ApiRun, "deployment" | "work_pool"> {
	return { deployment: namedOf(deploymentId, deploymentName), work_pool: textOf(workPool) };
}

function namedOf(id: string | null, name: string | null): ApiRun["deployment"] {
	return id === null ? null : { id, name: textOf(name) };
}

/** To the millisecond. */
function seconds(ms: number): number {
	return Math.round(ms) / 1000;
}
