import { formatDuration } from "../lib/duration.ts";
import type { BlindCause } from "./blindness.ts";
import { impactText } from "./circumstances.ts";
import type { Explanation, Limit, ObstacleFacts } from "./explanation.ts";
import { remedyText } from "./remedy.ts";

const causeTexts: Readonly<Record<BlindCause, string>> = {
	socket: "the events socket was not open",
	own_pause: "zombied itself was asleep, or its clock was set",
	silent_stream: "no event of any run came",
	lag: "events came more than 30 s late",
	server_outage: "the server was away",
};

/** Why a beat could not have been heard, in words. */
export function causeText(cause: BlindCause): string {
	return causeTexts[cause];
}

/** An explanation in sentences, the verdict first. @param nowMs our wall clock, as in the explanation */
export function sentencesOf(explanation: Explanation, nowMs: number): readonly string[] {
	return [
		standingText(explanation, nowMs),
		...silenceTexts(explanation),
		...(explanation.obstacle === null ? [] : [obstacleText(explanation.obstacle, nowMs)]),
		...accusationTexts(explanation),
		...surroundingTexts(explanation),
		...questionTexts(explanation, nowMs),
		...ruleTexts(explanation),
	];
}

function standingText({ run, standing, episode, aliveAtMs, limit }: Explanation, nowMs: number): string {
	const state = run.state === null ? "in no known state" : run.state.type;
	const ago = aliveAtMs === null ? "" : agoText(nowMs - aliveAtMs);
	switch (standing) {
		case "unidentified":
			return "Its state is not known yet: the server is asked for it.";
		case "idle":
			return `It is ${state}: no heartbeats are expected in this state.`;
		case "unmonitored":
			return `It is ${state}, and has never sent a heartbeat: its client is older than 3.6.22, has heartbeats switched off, or has not come to its first one.`;
		case "beating":
			return `It is alive: ${state}, last heard of ${ago}.`;
		case "overdue":
			return `One heartbeat is missed: ${state}, last heard of ${ago}.`;
		case "suspect":
			return `It is suspect: ${state}, last heard of ${ago}, and may be silent for ${seconds(limit.dueAfterMs)}.`;
		case "flagged":
			return `It is flagged as ${episode?.condition ?? "unknown"}: ${episode?.reason ?? ""}.`;
		case "ended":
			return run.state === null
				? "The server does not know it any more."
				: `It has ended: ${state}. What has ended is never called dead.`;
		case "aside":
			return "A fault was met at this run, and it is left alone for an hour: see the log.";
	}
	return standing satisfies never;
}

function silenceTexts({ silence, cadence, limit, blindSpans }: Explanation): readonly string[] {
	if (silence === null) return [];
	const beats =
		cadence.tauMs === null
			? "How often it beats is not known yet"
			: `It beats every ${seconds(cadence.tauMs)} (${cadence.source === "prior" ? "as earlier runs of its deployment did" : "learned from its own heartbeats"})`;
	const causes = [...new Set(blindSpans.map(({ cause }) => causeText(cause)))];
	const blind =
		silence.blindMs < 500
			? ""
			: `, ${seconds(silence.blindMs)} of it not counted: ${causes.join("; ") || "it could not have been heard"}`;
	return [
		`${beats}; it may be silent for ${seconds(limit.dueAfterMs)}: ${limitText(limit, cadence.tauMs)}.`,
		`Silent for ${seconds(silence.totalMs)}${blind}.`,
	];
}

/** What the limit is made of. */
function limitText({ thresholdMs, k, kSet, dueAfterMs, rule }: Limit, tauMs: number | null): string {
	if (thresholdMs !== null) return `the threshold of rule ${rule?.place ?? 0}`;
	if (tauMs === null) return "twice the slowest cadence and 1 minute, while its own is unknown";
	const learned = k > kSet ? `, ${k - kSet} of them learned from verdicts that recovered` : "";
	return `${k} heartbeats${learned}, and ${seconds(dueAfterMs - k * tauMs)} to spare`;
}

function obstacleText(obstacle: ObstacleFacts, nowMs: number): string {
	switch (obstacle.kind) {
		case "blind":
			return `No verdict now: ${obstacle.causes.map(causeText).join("; ") || "what was missed has not been read yet"}.`;
		case "rest":
			return "No verdict now: the server's API does not answer, or has done so for less than 45 s.";
		case "no_witness":
			return "No verdict now: zombied works over REST alone, and nobody else has been heard since this run was.";
		case "descendant":
			return "No verdict now: a subflow of it is watched, and is judged first.";
		case "group":
			return `No verdict for another ${seconds(obstacle.untilMs - nowMs)}: it fell silent together with others${obstacle.groupId === null ? "" : ` (group incident ${obstacle.groupId})`}.`;
	}
	return obstacle satisfies never;
}

/** Silence has its own sentences. */
function accusationTexts({ accusations, standing }: Explanation): readonly string[] {
	if (standing === "flagged") return [];
	return accusations
		.filter(({ condition }) => condition !== "zombie")
		.map(({ condition, elapsedMs, dueAfterMs }) => {
			const so = `${condition}: ${seconds(Math.max(0, elapsedMs))} of ${seconds(dueAfterMs)}`;
			return elapsedMs < dueAfterMs ? `Not yet ${so}.` : `Due as ${so}; the server is asked before it is told.`;
		});
}

/** Of the open episode, as they were when it was told. */
function surroundingTexts({ episode }: Explanation): readonly string[] {
	if (episode === null) return [];
	const { likelyCause, impact } = episode.evidence;
	const { remedy } = episode;
	return [
		...(likelyCause === null ? [] : [`Likely cause: ${likelyCause}.`]),
		...(impact === null ? [] : [`Blast radius when it was flagged: ${impactText(impact)}.`]),
		...(remedy === undefined ? [] : [`Since then ${remedyText(remedy)}.`]),
	];
}

function questionTexts({ isAsked, askAgainAtMs }: Explanation, nowMs: number): readonly string[] {
	if (isAsked) return ["The server is being asked about it."];
	return askAgainAtMs === null ? [] : [`The server is asked about it again in ${seconds(askAgainAtMs - nowMs)}.`];
}

function ruleTexts({ limit: { rule, off } }: Explanation): readonly string[] {
	if (rule === null) return [];
	const match = Object.entries(rule.match).flatMap(([what, glob]) => (glob === undefined ? [] : [`${what} ${glob}`]));
	const without = off.length === 0 ? "" : `, which switches off ${off.join(", ")}`;
	return [`Rule ${rule.place} (${match.join(", ")}) applies${without}.`];
}

function agoText(ms: number): string {
	return `${seconds(Math.max(0, ms))} ago`;
}

/** Whole seconds. */
function seconds(ms: number): string {
	return formatDuration(Math.round(ms / 1000) * 1000);
}
