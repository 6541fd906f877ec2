import type { Hold } from "./delivery.ts";
import { groupTransitionOf, isOfEpisode, type Transition } from "./episode.ts";
import type { GroupIncident } from "./group-incident.ts";
import { type Acknowledgement, type MaintenanceWindow, type Silence, silences } from "./silence.ts";

/** When a sink is told, beside of what. */
export interface Telling {
	/** Silences and maintenance windows keep alerts from it; the alert log hears of everything. */
	readonly heedsSilences: boolean;
	/** It hears of an alert only when that has been open so long, and nobody has acknowledged it; null: at once. */
	readonly escalateAfterMs: number | null;
	/** While it knows of a group incident, it does not hear of the runs in it. */
	readonly foldsGroups: boolean;
	/** Is it told of this one at all? */
	readonly wants: (transition: Transition) => boolean;
}

/** What people have said about alerts, and what stands around them. */
export interface Attention {
	readonly silences: readonly Silence[];
	readonly windows: readonly MaintenanceWindow[];
	/** By the id of an alert or a group incident. */
	readonly acknowledgements: ReadonlyMap<string, Acknowledgement>;
	readonly openGroups: readonly GroupIncident[];
	readonly workspace: string;
}

/** Why a sink is not to be told of a raise just now; null: it is. @param nowMs our wall clock */
export function holdOf(raise: Transition, telling: Telling, attention: Attention, nowMs: number): Hold | null {
	return (
		(telling.heedsSilences ? silenceOf(raise, attention, nowMs) : null) ??
		(telling.foldsGroups ? foldOf(raise, telling, attention) : null) ??
		escalationOf(raise, telling, attention, nowMs)
	);
}

function raisedAtMs(raise: Transition): number {
	return isOfEpisode(raise) ? raise.episode.raisedAtMs : raise.incident.openedAtMs;
}

/** Of the alert, or the group incident. */
export function subjectIdOf(transition: Transition): string {
	return isOfEpisode(transition) ? transition.episode.alertId : transition.incident.groupId;
}

/** The one that lasts longest says until when. */
function silenceOf(raise: Transition, attention: Attention, nowMs: number): Hold | null {
	const all: readonly (Hold & { readonly untilMs: number })[] = [
		...attention.silences
			.filter((silence) => silence.untilMs > nowMs && silences(silence, raise))
			.map(({ silenceId, untilMs, why }) => ({
				reason: "silenced" as const,
				detail: `silence ${silenceId}: ${why}`,
				untilMs,
			})),
		...attention.windows
			.filter(({ match, untilMs }) => untilMs > nowMs && silences({ match, conditions: [] }, raise))
			.map(({ name, untilMs }) => ({
				reason: "maintenance" as const,
				detail: `maintenance window ${name}`,
				untilMs,
			})),
	];
	return all.toSorted((one, other) => other.untilMs - one.untilMs)[0] ?? null;
}

function foldOf(raise: Transition, telling: Telling, { openGroups, workspace }: Attention): Hold | null {
	if (!isOfEpisode(raise) || raise.episode.groupId === null) return null;
	const incident = openGroups.find(({ groupId }) => groupId === raise.episode.groupId);
	if (incident === undefined || !telling.wants(groupTransitionOf(incident, workspace))) return null;
	return { reason: "folded", detail: `part of group incident ${incident.groupId}`, untilMs: null };
}

function escalationOf(raise: Transition, telling: Telling, attention: Attention, nowMs: number): Hold | null {
	if (telling.escalateAfterMs === null) return null;
	const word = attention.acknowledgements.get(subjectIdOf(raise));
	if (word !== undefined) return { reason: "acknowledged", detail: word.why, untilMs: null };
	const dueMs = raisedAtMs(raise) + telling.escalateAfterMs;
	return nowMs >= dueMs ? null : { reason: "escalation", detail: "not open long enough yet", untilMs: dueMs };
}

/** Which reminder falls between two moments (our wall clock); null: none does. */
export function reminderBetween(
	raise: Transition,
	everyMs: number,
	{ afterMs, untilMs }: { readonly afterMs: number; readonly untilMs: number },
): number | null {
	const raisedMs = raisedAtMs(raise);
	const due = Math.floor((untilMs - raisedMs) / everyMs);
	return due >= 1 && due > Math.floor((afterMs - raisedMs) / everyMs) ? due : null;
}
