import type { StateType } from "../../src/core/run.ts";

/** Why a live run was not heard: cases that fool every detector, and that the world knows of. */
export type Excuse = "frozen" | "heartbeat thread dead" | "client cut off" | "client holds" | "beat lost by the server";

export interface ExcusedSpan {
	readonly fromMs: number;
	untilMs: number;
	readonly why: Excuse;
}

/** A state as the server has set it. By the world's time, and by the server's clock. */
export interface SetState {
	readonly atMs: number;
	readonly id: string;
	readonly type: StateType;
	readonly name: string;
	readonly timestampMs: number;
	readonly scheduledMs: number | null;
}

/** A heartbeat that the server has taken in. */
export interface AcceptedBeat {
	readonly eventId: string;
	readonly acceptedMs: number;
	/** When REST shows it; infinity: never. */
	visibleMs: number;
}

/** A flow run as the server knows it, and the truth about it, which nobody but the world knows. Times are the world's. */
export interface SimRun {
	readonly id: string;
	readonly name: string;
	readonly flowId: string;
	readonly deploymentId: string | null;
	readonly workPool: string | null;
	readonly version: string;
	readonly tags: readonly string[];
	readonly parentTaskRunId: string | null;
	/** The run whose subflow it is. */
	readonly parent: SimRun | null;
	readonly cadenceMs: number;
	/** An old client, or heartbeats are off. */
	readonly beats: boolean;
	runCount: number;
	readonly states: SetState[];
	deletedMs: number | null;
	/** The process was killed: nothing comes from it any more. */
	deathMs: number | null;
	/** The process has ended of its own will. */
	endMs: number | null;
	/** Of the newest attempt. */
	attemptMs: number;
	readonly accepted: AcceptedBeat[];
	readonly excuses: ExcusedSpan[];
	/** Null: it does not log. */
	readonly logEveryMs: number | null;
	readonly skewMs: number;
	/** Newest log line by the world's time; asked when it matters. */
	lastLogMs: (nowMs: number) => number | null;
}

export function stateOf(run: SimRun): SetState | null {
	return run.states.at(-1) ?? null;
}

export function isTerminalType(type: StateType): boolean {
	return type === "COMPLETED" || type === "FAILED" || type === "CRASHED" || type === "CANCELLED";
}

export function hasEndedOnServer(run: SimRun): boolean {
	const state = stateOf(run);
	return run.deletedMs !== null || (state !== null && isTerminalType(state.type));
}

/** A process that could beat: neither killed nor ended. */
export function isProcessAlive(run: SimRun): boolean {
	return run.deathMs === null && run.endMs === null;
}
