/** The state types of Prefect's server, as in the label `prefect.state-type` and in REST's `state_type`. */
export const stateTypes = [
	"SCHEDULED",
	"PENDING",
	"RUNNING",
	"COMPLETED",
	"FAILED",
	"CRASHED",
	"CANCELLED",
	"CANCELLING",
	"PAUSED",
] as const;
export type StateType = (typeof stateTypes)[number];

/** One state of a flow run, as an event or REST tells it. */
export interface StateView {
	/** UUID of the state; equals the id of the state's event. */
	readonly id: string;
	readonly type: StateType;
	/** Free text: flows may return custom names. Shown, never decided on. */
	readonly name: string;
	/** Server's clock, milliseconds since the epoch, with microseconds as the fraction. */
	readonly timestampMs: number;
	/** When a waiting run is due, server's clock; only REST tells it. */
	readonly scheduledTimeMs: number | null;
	/** REST said so: it settles ties between states of the same instant. */
	readonly fromRest: boolean;
}

/** A heartbeat. Both times are null when the sender's value makes no sense (1970, 9999, not a time). */
export interface BeatView {
	readonly eventId: string;
	/** The worker's clock: good for the cadence alone, because workers' clocks are skewed. */
	readonly occurredMs: number | null;
	/** The server's clock: the proof of life. */
	readonly receivedMs: number | null;
}

/** What is known of a run's surroundings. Null: not told yet. */
export interface RunLabels {
	readonly name: string | null;
	readonly flowId: string | null;
	readonly flowName: string | null;
	readonly deploymentId: string | null;
	readonly deploymentName: string | null;
	readonly workPool: string | null;
	readonly clientVersion: string | null;
	/** The task run of the parent that a subflow stands for. */
	readonly parentTaskRunId: string | null;
	/** The flow run that this task run belongs to. */
	readonly parentRunId: string | null;
	readonly tags: readonly string[];
}

export const noLabels: RunLabels = {
	name: null,
	flowId: null,
	flowName: null,
	deploymentId: null,
	deploymentName: null,
	workPool: null,
	clientVersion: null,
	parentTaskRunId: null,
	parentRunId: null,
	tags: [],
};

/** One look at a run, from an event, REST or the store. Views merge: `mergeView` in liveness.ts. */
export interface RunView {
	/** UUID in lower case. */
	readonly runId: string;
	/** The server's run count; null where the source does not tell it (heartbeats). */
	readonly attempt: number | null;
	readonly state: StateView | null;
	readonly beat: BeatView | null;
	readonly labels: RunLabels;
	/** A look at the store alone has it. */
	readonly kept?: KeptLife;
}

/** What the store remembers of a run, and no other look at it tells. */
export interface KeptLife {
	/** As in `Run`. */
	readonly endedAtMs: number | null;
	/** Proof of life, server's clock; null when there was none, or when that clock was unknown. */
	readonly aliveAtServerMs: number | null;
	/** As in `Run`: of the attempt that the view tells of. */
	readonly occurredMs: readonly number[];
}

/** All that is remembered of a run's liveness. Instants named `…MonoMs` are on our monotonic clock. */
export interface Run {
	readonly runId: string;
	/** The greatest run count seen; 0 before the first. */
	readonly attempt: number;
	/** The newest state by timestamp; null while only heartbeats have been heard. */
	readonly state: StateView | null;
	/** Timestamp of the newest terminal state ever seen; guards against an older view reviving the run. */
	readonly endedAtMs: number | null;
	/** Proof of life: the latest instant at which the run was surely alive. Never goes back. */
	readonly aliveAtMonoMs: number | null;
	/** The heartbeat with the newest `received`. */
	readonly lastBeat: BeatView | null;
	/** When it came: what the worker's clock is mapped by. Null until then, and until an earlier process's is mapped. */
	readonly beatAtMonoMs: number | null;
	/** The newest distinct `occurred` of this attempt's beats, ascending, at most `cadenceBeatsMax`. */
	readonly occurredMs: readonly number[];
	readonly labels: RunLabels;
	/** How far this run's clock and the way of its beats put `received` after `occurred`: the smallest seen. */
	readonly transitMsMin: number | null;
	/** Beats that were emitted after the run's end. */
	readonly afterEnd: AfterEnd | null;
}

export interface AfterEnd {
	readonly beats: number;
	readonly lastOccurredMs: number;
	readonly lastReceivedMs: number;
}

export function newRun(runId: string): Run {
	return {
		runId,
		attempt: 0,
		state: null,
		endedAtMs: null,
		aliveAtMonoMs: null,
		lastBeat: null,
		beatAtMonoMs: null,
		occurredMs: [],
		labels: noLabels,
		transitMsMin: null,
		afterEnd: null,
	};
}

export function isTerminal(type: StateType): boolean {
	return type === "COMPLETED" || type === "FAILED" || type === "CRASHED" || type === "CANCELLED";
}

/** States in which a live process beats, so that silence means something. */
export function isBeatingState(type: StateType): boolean {
	return type === "RUNNING" || type === "CANCELLING";
}

export function hasEnded(run: Run): boolean {
	return run.state !== null && isTerminal(run.state.type);
}

/** Only its heartbeats have been heard: REST has to say what state it is in. */
export function isUnidentified(run: Run): boolean {
	return run.state === null && run.endedAtMs === null;
}

/** The server does not know the run (any more). */
export function isGone(run: Pick<Run, "state" | "endedAtMs">): boolean {
	return run.state === null && run.endedAtMs !== null;
}

/**
 * A state event later than the run's end claims that it goes on. Only REST may reopen an ended run, so until REST has
 * said the same the run is neither ended nor judged.
 */
export function isReopenedUnchecked(run: Run): boolean {
	return run.state !== null && run.endedAtMs !== null && run.state.timestampMs > run.endedAtMs && !run.state.fromRest;
}

/** A beat of this attempt has been heard, and the labels that only beats carry are known. */
export function isLabelled(run: Run | undefined): boolean {
	return run !== undefined && run.occurredMs.length > 0 && run.labels.clientVersion !== null;
}

/** A run whose silence counts: see `isArmed`. */
export interface ArmedState extends Run {
	readonly state: StateView;
	readonly lastBeat: BeatView;
	readonly aliveAtMonoMs: number;
}

/** Silence of an armed run counts; a run is armed once it has shown that it beats, in a state in which it should. */
export function isArmed(run: Run): run is ArmedState {
	return (
		run.state !== null &&
		isBeatingState(run.state.type) &&
		run.lastBeat !== null &&
		run.aliveAtMonoMs !== null &&
		!isReopenedUnchecked(run)
	);
}

/** What REST's listing of live runs contains; of SCHEDULED ones it has AwaitingRetry alone. */
export function isListedLive(run: Run): boolean {
	if (run.state === null || isTerminal(run.state.type)) return false;
	return run.state.type !== "SCHEDULED" || run.state.name === "AwaitingRetry";
}
