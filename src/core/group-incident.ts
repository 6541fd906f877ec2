import { hashOf } from "../lib/hash.ts";

export type GroupKind = "work_pool" | "client_version" | "everything";
/** How much of a group has lapsed: partial from 55 % of at least 3 runs, full for all of at least 3. Said, not decided on. */
export type Extent = "some" | "partial" | "full";
/** Beats came back, or every lapsed run has been judged or has ended. */
export type GroupOutcome = "recovered" | "ended";

/** The runs of one group fell silent together: told once when it opens and once when it closes. */
export interface GroupIncident {
	/** The same outage gives the same id after a crash and in a second daemon: see `groupIdOf`. */
	readonly groupId: string;
	readonly groupKind: GroupKind;
	/** The pool's name, the client's version, or `everything`. */
	readonly group: string;
	/** The widest so far. */
	readonly extent: Extent;
	/** Runs that lapsed in it, sorted, at most `incidentRunsMax`. */
	readonly runIds: readonly string[];
	/** The most that were lapsed at once, verdicts included. */
	readonly runsTotal: number;
	/** Armed runs of the group at that moment; null when a release that did not keep it opened the incident. */
	readonly armedTotal: number | null;
	/** When the first of them fell silent, server's clock; null as above. */
	readonly silentSinceMs: number | null;
	/** Our wall clock: when the group tripped, from which its holds count. */
	readonly openedAtMs: number;
	readonly closed: { readonly outcome: GroupOutcome; readonly atMs: number } | null;
}

/** After Kubernetes' node lifecycle controller (40 s grace and 305 s toleration): what a restart of a pool takes. */
export const groupHoldMs = 345_000;
/** With everything silent it is rather we who are deaf. No hold of any kind is longer. */
export const pipeHoldMs = 15 * 60_000;

/** Until when the incident holds verdicts at most, our wall clock: only everything can be silent for want of a pipe. */
export function heldUntilAtMostMs({ groupKind, openedAtMs }: GroupIncident): number {
	return openedAtMs + (groupKind === "everything" ? pipeHoldMs : groupHoldMs);
}

/** An alert line has 16 KiB; 200 ids take the half of it. */
export const incidentRunsMax = 200;

/** Fewer lapses at once are chance; Kubernetes' node lifecycle controller has the same floor and the same 55 %. */
const massRunsMin = 3;
const massSharePercent = 20;
const partialSharePercent = 55;

/** The line: at least 3 runs, and 20 % of the group's armed ones. */
export function isMassLapse(lapsed: number, armed: number): boolean {
	return lapsed >= massRunsMin && lapsed * 100 >= armed * massSharePercent;
}

/** All of at least 3. */
export function isFullLapse(lapsed: number, armed: number): boolean {
	return lapsed >= massRunsMin && lapsed === armed;
}

export function extentOf(lapsed: number, armed: number): Extent {
	if (isFullLapse(lapsed, armed)) return "full";
	return lapsed >= massRunsMin && lapsed * 100 >= armed * partialSharePercent ? "partial" : "some";
}

const extentRank: Readonly<Record<Extent, number>> = { some: 0, partial: 1, full: 2 };

export function widerOf(one: Extent, other: Extent): Extent {
	return extentRank[other] > extentRank[one] ? other : one;
}

/** @param anchor of the runs that tripped the group the first to fall silent, and when: see `silenceAnchorMs` */
export function groupIdOf(parts: {
	readonly namespace: string;
	readonly workspace: string;
	readonly kind: GroupKind;
	readonly group: string;
	readonly anchor: { readonly sinceServerMs: number; readonly runId: string };
}): string {
	const { namespace, workspace, kind, group, anchor } = parts;
	return hashOf(namespace, workspace, kind, group, anchor.sinceServerMs, anchor.runId);
}

/** What theta, and its changes, can put between a beat's `received` and the proof of life made of it. */
const mappingErrorMs = 5_000;

/**
 * When a silence began, as a number that any daemon derives alike: `received` of the newest heartbeat, exact and kept by
 * the server. A proof of life that is not that beat's (A := now on leaving a group, a new attempt) is a silence of its
 * own: then the proof of life itself, to the second.
 *
 * @param receivedMs server's clock; null when the server's value made no sense
 * @param aliveAtServerMs the proof of life on the server's clock
 */
export function silenceAnchorMs(receivedMs: number | null, aliveAtServerMs: number): number {
	if (receivedMs !== null && Math.abs(aliveAtServerMs - receivedMs) <= mappingErrorMs) return receivedMs;
	return Math.round(aliveAtServerMs / 1000) * 1000;
}
