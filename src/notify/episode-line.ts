import { z } from "zod";
import { type Impact, impactText, slotKinds } from "../core/circumstances.ts";
import {
	conditions,
	type Episode,
	type EpisodeTransition,
	outcomes,
	type Severity,
	severities,
} from "../core/episode.ts";
import { type RemedyNote, refusalReasons, remedyActions, remedyResults, remedyText } from "../core/remedy.ts";
import { stateTypes } from "../core/run.ts";
import { formatDuration } from "../lib/duration.ts";
import { isoTime, plainText } from "../observe/plain-text.ts";
import {
	type AlertLineContext,
	generousLimits,
	type LineLevel,
	lineHead,
	someOf,
	type TextLimits,
	time,
	timeOf,
	timeOrNull,
} from "./line-parts.ts";

const seconds = z.number();

const evidence = z.strictObject({
	last_beat_occurred: timeOrNull,
	last_beat_received: timeOrNull,
	cadence_seconds: seconds.nullable(),
	cadence_source: z.enum(["learned", "prior", "unknown"]),
	threshold_seconds: seconds,
	silence_seconds: seconds,
	blind_seconds: seconds,
	api_state_type: z.enum(stateTypes),
	api_state_id: z.string(),
	newest_stored_beat: timeOrNull,
	other_sign_at: timeOrNull,
	likely_cause: z.string().nullable(),
});

const count = z.int().min(0);

/** What the run keeps from others: null where the server does not tell. */
const impact = z.strictObject({
	/** In one sentence. */
	text: z.string(),
	slots: z.array(z.strictObject({ kind: z.enum(slotKinds), name: z.string(), limit: count, taken: count.nullable() })),
	/** Late, or awaiting a concurrency slot. */
	waiting_runs: z.strictObject({ deployment: count.nullable(), work_pool: count.nullable() }),
});

/** What was done about the run by then, or why not; null: nothing. */
const remedy = z.strictObject({
	action: z.enum(remedyActions),
	mode: z.enum(["dry-run", "on"]),
	result: z.enum(remedyResults),
	/** Of a refusal. */
	reason: z.enum(refusalReasons).nullable(),
	detail: z.string(),
	at: time,
});

const common = {
	...lineHead,
	alert_id: z.string(),
	condition: z.enum(conditions),
	severity: z.enum(severities),
	reason: z.string(),
	namespace: z.string(),
	workspace: z.string(),
	flow_run: z.strictObject({
		id: z.string(),
		name: z.string().nullable(),
		attempt: z.int().min(0),
		state_type: z.enum(stateTypes),
		state_name: z.string(),
		url: z.string(),
	}),
	flow: z.strictObject({ id: z.string(), name: z.string().nullable() }).nullable(),
	deployment: z.strictObject({ id: z.string(), name: z.string().nullable() }).nullable(),
	work_pool: z.string().nullable(),
	tags: z.array(z.string()),
	evidence,
	impact: impact.nullable(),
	related_runs: z.array(z.string()),
	group_id: z.string().nullable(),
	remedy: remedy.nullable(),
};

/** Of one run. Fields without a source yet are null or []. */
export const episodeRaisedSchema = z.strictObject({ event: z.literal("alert.raised"), ...common });
export const episodeResolvedSchema = z.strictObject({
	event: z.literal("alert.resolved"),
	...common,
	outcome: z.enum(outcomes),
	raised_at: time,
	duration_seconds: z.number().min(0),
});

export type EpisodeLine = z.infer<typeof episodeRaisedSchema> | z.infer<typeof episodeResolvedSchema>;

/** Browsers and chat programs take no longer ones. */
const urlCharsMax = 2048;

/** Log levels as collectors know them: critical is an error, a warning a warning; what is over is information. */
export const levelOf: Readonly<Record<Severity, LineLevel>> = {
	critical: "error",
	warning: "warn",
	info: "info",
};

/** Texts from outside are made harmless and kept within `limits`, "…" marking a cut. */
export function toEpisodeLine(
	{ episode }: EpisodeTransition,
	context: AlertLineContext,
	limits: TextLimits = generousLimits,
): EpisodeLine {
	const text = (value: string): string => plainText(value, limits.textCharsMax);
	const base = {
		...identityOf(episode, context, text),
		...surroundingsOf(episode, text, limits.tagsMax),
		evidence: evidenceOf(episode, text),
		impact: episode.evidence.impact === null ? null : impactOf(episode.evidence.impact, text),
		related_runs: someOf(episode.relatedRuns, limits.relatedRunsMax).map(text),
		group_id: episode.groupId === null ? null : text(episode.groupId),
		remedy: episode.remedy === undefined ? null : remedyOf(episode.remedy, text),
	};
	const { closed, evidence: facts } = episode;
	const cause = facts.likelyCause === null ? "" : `; likely cause: ${facts.likelyCause}`;
	if (closed === null) {
		return {
			time: timeOf(episode.raisedAtMs),
			level: levelOf[episode.severity],
			event: "alert.raised",
			...base,
			message: text(`${episode.condition}: ${nameOf(episode)}: ${episode.reason}${cause}`),
		};
	}
	const durationMs = Math.max(0, closed.atMs - episode.raisedAtMs);
	return {
		time: timeOf(closed.atMs),
		level: "info",
		event: "alert.resolved",
		...base,
		message: text(
			`${episode.condition} resolved: ${nameOf(episode)}: ${closed.outcome} after ${formatDuration(durationMs)}${actedText(episode)}`,
		),
		outcome: closed.outcome,
		raised_at: timeOf(episode.raisedAtMs),
		duration_seconds: durationMs / 1000,
	};
}

/** Refusals are of no interest once it is over. */
function actedText({ remedy: note }: Episode): string {
	return note?.result === "done" || note?.result === "intended" ? `; ${remedyText(note)}` : "";
}

function nameOf({ labels, runId }: Episode): string {
	return `flow run ${labels.name ?? runId}${labels.flowName === null ? "" : ` of ${labels.flowName}`}`;
}

function identityOf(episode: Episode, context: AlertLineContext, text: (value: string) => string) {
	return {
		schema: 1 as const,
		alert_id: episode.alertId,
		condition: episode.condition,
		severity: episode.severity,
		reason: text(episode.reason),
		namespace: context.namespace,
		workspace: text(episode.workspace),
		flow_run: {
			id: text(episode.runId),
			name: episode.labels.name === null ? null : text(episode.labels.name),
			attempt: episode.attempt,
			state_type: episode.stateType,
			state_name: text(episode.stateName),
			// A link that is cut leads nowhere; its length is bounded by the settings.
			url: plainText(context.uiUrl(episode.runId), urlCharsMax),
		},
	};
}

function surroundingsOf({ labels }: Episode, text: (value: string) => string, tagsMax: number) {
	const named = (id: string | null, name: string | null) =>
		id === null ? null : { id: text(id), name: name === null ? null : text(name) };
	return {
		flow: named(labels.flowId, labels.flowName),
		deployment: named(labels.deploymentId, labels.deploymentName),
		work_pool: labels.workPool === null ? null : text(labels.workPool),
		tags: someOf(labels.tags, tagsMax).map(text),
	};
}

function evidenceOf({ evidence: facts }: Episode, text: (value: string) => string): EpisodeLine["evidence"] {
	return {
		last_beat_occurred: isoTime(facts.lastBeatOccurredMs),
		last_beat_received: isoTime(facts.lastBeatReceivedMs),
		cadence_seconds: facts.cadenceSeconds,
		cadence_source: facts.cadenceSource,
		threshold_seconds: facts.thresholdSeconds,
		silence_seconds: facts.silenceSeconds,
		blind_seconds: facts.blindSeconds,
		api_state_type: facts.apiStateType,
		api_state_id: text(facts.apiStateId),
		newest_stored_beat: isoTime(facts.newestStoredBeatMs),
		other_sign_at: isoTime(facts.otherSignAtMs),
		likely_cause: facts.likelyCause === null ? null : text(facts.likelyCause),
	};
}

function remedyOf({ atMs, ...note }: RemedyNote, text: (value: string) => string): EpisodeLine["remedy"] {
	return { ...note, detail: text(note.detail), at: timeOf(atMs) };
}

function impactOf(facts: Impact, text: (value: string) => string): EpisodeLine["impact"] {
	return {
		text: text(impactText(facts)),
		slots: facts.slots.map((slot) => ({ ...slot, name: text(slot.name) })),
		waiting_runs: { deployment: facts.waiting.deployment, work_pool: facts.waiting.workPool },
	};
}
