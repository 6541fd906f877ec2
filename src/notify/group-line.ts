import { z } from "zod";
import type { GroupTransition } from "../core/episode.ts";
import {
	type Extent,
	type GroupIncident,
	type GroupKind,
	type GroupOutcome,
	heldUntilAtMostMs,
} from "../core/group-incident.ts";
import { formatDuration } from "../lib/duration.ts";
import { isoTime, plainText } from "../observe/plain-text.ts";
import { type AlertLineContext, lineHead, someOf, type TextLimits, time, timeOf, timeOrNull } from "./line-parts.ts";

// Objects, because a missing member of a Record does not compile, where one of a list would.
const groupKinds: { readonly [K in GroupKind]: K } = {
	work_pool: "work_pool",
	client_version: "client_version",
	everything: "everything",
};
const extents: { readonly [E in Extent]: E } = { some: "some", partial: "partial", full: "full" };
const outcomes: { readonly [O in GroupOutcome]: O } = { recovered: "recovered", ended: "ended" };

const common = {
	...lineHead,
	group_id: z.string(),
	group_kind: z.enum(groupKinds),
	/** The pool's name, the client's version, or `everything`. */
	group: z.string(),
	extent: z.enum(extents),
	severity: z.literal("critical"),
	reason: z.string(),
	namespace: z.string(),
	workspace: z.string(),
	/** The most that were silent at once, and the armed runs of the group at that moment. */
	runs: z.int().min(0),
	armed_runs: z.int().min(0).nullable(),
	/** Some of them, at most 200. */
	run_ids: z.array(z.string()),
	/** When the first of them fell silent, by the server's clock. */
	silent_since: timeOrNull,
	/** Until when this incident holds verdicts on its runs, at most. */
	held_until: time,
};

export const groupRaisedSchema = z.strictObject({ event: z.literal("group.raised"), ...common });
export const groupResolvedSchema = z.strictObject({
	event: z.literal("group.resolved"),
	...common,
	outcome: z.enum(outcomes),
	raised_at: time,
	duration_seconds: z.number().min(0),
});

export type GroupLine = z.infer<typeof groupRaisedSchema> | z.infer<typeof groupResolvedSchema>;

/** Texts from outside are made harmless and kept within `limits`, "…" marking a cut. */
export function toGroupLine(
	{ incident, workspace }: GroupTransition,
	context: AlertLineContext,
	limits: TextLimits,
): GroupLine {
	const text = (value: string): string => plainText(value, limits.textCharsMax);
	const { closed, openedAtMs } = incident;
	const base = {
		schema: 1 as const,
		group_id: incident.groupId,
		group_kind: incident.groupKind,
		group: text(incident.group),
		extent: incident.extent,
		severity: "critical" as const,
		reason: text(reasonOf(incident)),
		namespace: context.namespace,
		workspace: text(workspace),
		runs: incident.runsTotal,
		armed_runs: incident.armedTotal,
		run_ids: someOf(incident.runIds, limits.relatedRunsMax).map(text),
		silent_since: isoTime(incident.silentSinceMs),
		held_until: timeOf(heldUntilAtMostMs(incident)),
	};
	if (closed === null) {
		return {
			time: timeOf(openedAtMs),
			level: "error",
			event: "group.raised",
			...base,
			message: text(
				`${nameOf(incident)}: ${reasonOf(incident)}; verdicts on them wait until ${base.held_until} at most`,
			),
		};
	}
	const durationMs = Math.max(0, closed.atMs - openedAtMs);
	return {
		time: timeOf(closed.atMs),
		level: "info",
		event: "group.resolved",
		...base,
		message: text(
			`${nameOf(incident)}: the common silence of ${incident.runsTotal} runs is over after ${formatDuration(durationMs)}: ${howOf(closed.outcome)}`,
		),
		outcome: closed.outcome,
		raised_at: timeOf(openedAtMs),
		duration_seconds: durationMs / 1000,
	};
}

function nameOf({ groupKind, group }: GroupIncident): string {
	return groupKind === "everything" ? "everything" : `${groupKind.replace("_", " ")} ${group}`;
}

function reasonOf({ runsTotal, armedTotal, silentSinceMs }: GroupIncident): string {
	const runs = armedTotal === null ? `${runsTotal} runs` : `${runsTotal} of ${armedTotal} armed runs`;
	const since = isoTime(silentSinceMs);
	return `${runs} fell silent together${since === null ? "" : `, the first at ${since}`}`;
}

function howOf(outcome: GroupOutcome): string {
	return outcome === "recovered" ? "beats came back" : "each of them has been judged or has ended";
}
