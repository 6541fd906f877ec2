import { type EpisodeTransition, type GroupTransition, isOfEpisode, type Transition } from "../core/episode.ts";

/** What a line says of one run. The order of keys is a part of the contract. */
export interface EpisodeReplayLine {
	readonly incident: string;
	/** RFC 3339, UTC, milliseconds. */
	readonly at: string;
	readonly transition: "raised" | "resolved";
	readonly alert_id: string;
	readonly condition: string;
	readonly flow_run_id: string;
	/** Null unless resolved. */
	readonly outcome: string | null;
}

/** What a line says of many that fell silent together; in this order as well. */
export interface GroupReplayLine {
	readonly incident: string;
	readonly at: string;
	readonly transition: "group_raised" | "group_resolved";
	readonly group_id: string;
	readonly group_kind: string;
	readonly group: string;
	/** How many. */
	readonly runs: number;
	/** Null unless resolved. */
	readonly outcome: string | null;
}

/** One line of a replay's output. */
export type ReplayLine = EpisodeReplayLine | GroupReplayLine;

export function replayLineOf(incident: string, transition: Transition): ReplayLine {
	return isOfEpisode(transition) ? ofEpisode(incident, transition) : ofGroup(incident, transition);
}

function ofEpisode(incident: string, { kind, episode }: EpisodeTransition): EpisodeReplayLine {
	return {
		incident,
		at: new Date(episode.closed?.atMs ?? episode.raisedAtMs).toISOString(),
		transition: kind,
		alert_id: episode.alertId,
		condition: episode.condition,
		flow_run_id: episode.runId,
		outcome: episode.closed?.outcome ?? null,
	};
}

function ofGroup(incident: string, { kind, incident: told }: GroupTransition): GroupReplayLine {
	return {
		incident,
		at: new Date(told.closed?.atMs ?? told.openedAtMs).toISOString(),
		transition: kind,
		group_id: told.groupId,
		group_kind: told.groupKind,
		group: told.group,
		runs: told.runsTotal,
		outcome: told.closed?.outcome ?? null,
	};
}

/** The same for a terminal: one line, without its line break. */
export function replayText(line: ReplayLine): string {
	const at = line.at.replace("T", " ");
	const end = line.outcome === null ? "" : ` ${line.outcome}`;
	if ("group" in line) {
		const kind = line.group_kind.replaceAll("_", " ");
		const group = line.group === line.group_kind ? kind : `${kind} ${line.group}`;
		return `${at}  ${line.transition.replace("_", " ")}${end}: ${group}, ${line.runs} runs`;
	}
	return `${at}  ${line.transition}${end}: ${line.condition} ${line.flow_run_id}`;
}
