import type { Transition } from "../core/episode.ts";

/** One line of a replay's output; the order of keys is a part of the contract. */
export interface ReplayLine {
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

export function replayLineOf(incident: string, { kind, episode }: Transition): ReplayLine {
	const atMs = episode.closed?.atMs ?? episode.raisedAtMs;
	return {
		incident,
		at: new Date(atMs).toISOString(),
		transition: kind,
		alert_id: episode.alertId,
		condition: episode.condition,
		flow_run_id: episode.runId,
		outcome: episode.closed?.outcome ?? null,
	};
}
