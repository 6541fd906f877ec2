import type { Circumstances } from "../../src/core/circumstances.ts";
import type { Inquiry, InquiryAnswer } from "../../src/core/input.ts";
import {
	type BeatView,
	isTerminal,
	noLabels,
	type RunLabels,
	type RunView,
	type StateType,
	type StateView,
} from "../../src/core/run.ts";

/** The world's time zero on every calendar: 2026-08-01. */
export const epochMs = Date.UTC(2026, 7, 1);

export function uuid(kind: number, number: number): string {
	return `${String(kind).padStart(8, "0")}-0000-4000-8000-${String(number).padStart(12, "0")}`;
}

/** What the server sends on its stream, at the world's time at which it received it. */
export interface SimEvent {
	readonly receivedAtMs: number;
	readonly view: RunView;
	/** Server's clock. */
	readonly receivedMs: number;
	/** Id of the state event before this one, where that was tight. */
	readonly follows: string | null;
}

/** A flow run and the process that works on it. */
export interface SimRun {
	readonly id: string;
	readonly labels: RunLabels;
	cadenceMs: number;
	/** Its client sends heartbeats: false from the start for old clients, from then on for a heartbeat thread that died. */
	beats: boolean;
	/** A line to the log each so often, while the process is alive; null: none. */
	logsEveryMs: number | null;
	nextLogAtMs: number;
	/** The newest log line that the server has, worker's clock. */
	lastLogMs: number | null;
	process: "alive" | "frozen" | "dead";
	nextBeatAtMs: number;
	/** The worker's clock less the true time. */
	skewMs: number;
	attempt: number;
	state: StateView;
	/** When the state is due, true time: only REST tells it. */
	scheduledAtMs: number | null;
	deleted: boolean;
	/** `occurred` of beats that the client holds while the server is away. */
	held: { readonly eventId: string; readonly occurredMs: number }[];
	stored: BeatView[];
}

/** A task run, as REST knows it: a step of its flow run, or what stands for a subflow there. */
interface SimTaskRun {
	readonly flowRunId: string;
	/** Of its state, worker's clock. */
	readonly changedMs: number;
}

export interface StartOptions {
	readonly name: string;
	readonly cadenceMs?: number;
	readonly beats?: boolean;
	readonly logsEveryMs?: number;
	readonly skewMs?: number;
	/** It is this run's subflow. */
	readonly parent?: SimRun;
	readonly deploymentId?: string;
	readonly workPool?: string;
	readonly tags?: readonly string[];
}

/** A state event names the one before when that is younger. */
const followsWithinMs = 5 * 60_000;
/** REST gives so many of an unheard run's stored beats. */
const earlierBeatsMax = 9;

/** A server of Prefect with its runs: the truth that REST tells, and the events that it sends. */
export class SimServer {
	readonly runs = new Map<string, SimRun>();
	readonly history: SimEvent[] = [];
	readonly taskRuns = new Map<string, SimTaskRun>();
	/** What REST knows around runs, by their names; of others the extra questions fail. */
	readonly circumstances = new Map<string, Circumstances>();
	up = true;
	/** What the server's clock shows less the true time. */
	clockStepMs = 0;
	/** Overrides what a beat says of its time of occurrence. */
	occurredOf: (run: SimRun, trueMs: number) => number | null = (run, trueMs) => trueMs + run.skewMs;
	onEvent: (event: SimEvent) => void = () => {};
	#ids = 0;

	clockMs(atMs: number): number {
		return epochMs + atMs + this.clockStepMs;
	}

	/** A run enters RUNNING and beats at once, then every `cadenceMs`. */
	start(atMs: number, options: StartOptions): SimRun {
		const run = this.submit(atMs, options);
		this.run(run, atMs + 10);
		return run;
	}

	/** A run enters PENDING, without a process yet. */
	submit(atMs: number, options: StartOptions): SimRun {
		this.#ids += 1;
		const run: SimRun = {
			id: uuid(1, this.#ids),
			labels: this.#labelsOf(atMs, options),
			cadenceMs: options.cadenceMs ?? 30_000,
			beats: options.beats ?? true,
			logsEveryMs: options.logsEveryMs ?? null,
			nextLogAtMs: atMs,
			lastLogMs: null,
			process: "dead",
			nextBeatAtMs: atMs,
			skewMs: options.skewMs ?? 0,
			attempt: 0,
			state: this.#newState(atMs, "PENDING", "Pending"),
			scheduledAtMs: null,
			deleted: false,
			held: [],
			stored: [],
		};
		this.runs.set(run.id, run);
		this.setState(run, atMs, "PENDING");
		return run;
	}

	#labelsOf(atMs: number, options: StartOptions): RunLabels {
		const { name, parent, deploymentId = null, workPool = null, tags = ["sim"] } = options;
		const parentTaskRunId = parent === undefined ? null : this.taskRun(parent, atMs);
		return { ...noLabels, name, tags, deploymentId, workPool, clientVersion: "3", parentTaskRunId };
	}

	/** A task run of this run changes its state. */
	taskRun({ id, skewMs }: SimRun, atMs: number): string {
		this.#ids += 1;
		const taskRunId = uuid(4, this.#ids);
		this.taskRuns.set(taskRunId, { flowRunId: id, changedMs: epochMs + atMs + skewMs });
		return taskRunId;
	}

	log(run: SimRun, atMs: number): void {
		if (this.up) run.lastLogMs = epochMs + atMs + run.skewMs;
	}

	/** A new attempt begins. */
	run(run: SimRun, atMs: number): void {
		run.attempt += 1;
		run.process = "alive";
		run.nextBeatAtMs = atMs + 50;
		run.nextLogAtMs = atMs + 100;
		this.setState(run, atMs, "RUNNING");
	}

	/** The process waits elsewhere for its retry: no beats. */
	awaitRetry(run: SimRun, atMs: number, dueAtMs: number | null = null): void {
		run.process = "dead";
		this.setState(run, atMs, "SCHEDULED", "AwaitingRetry", dueAtMs);
	}

	pause(run: SimRun, atMs: number): void {
		run.process = "dead";
		this.setState(run, atMs, "PAUSED");
	}

	/** The same attempt goes on. */
	resume(run: SimRun, atMs: number): void {
		run.attempt -= 1;
		this.run(run, atMs);
	}

	end(run: SimRun, atMs: number, type: StateType, name: string = type): void {
		run.process = "dead";
		this.setState(run, atMs, type, name);
	}

	kill(run: SimRun): void {
		run.process = "dead";
	}

	freeze(run: SimRun): void {
		run.process = "frozen";
	}

	thaw(run: SimRun, atMs: number): void {
		run.process = "alive";
		run.nextBeatAtMs = atMs;
		run.nextLogAtMs = atMs;
	}

	setState(run: SimRun, atMs: number, type: StateType, name: string = type, dueAtMs: number | null = null): void {
		const before = run.state;
		run.state = this.#newState(atMs, type, name);
		run.scheduledAtMs = dueAtMs;
		const isTight = run.state.timestampMs - before.timestampMs < followsWithinMs;
		const view = { runId: run.id, attempt: run.attempt, state: run.state, beat: null, labels: run.labels };
		this.#send({ receivedAtMs: atMs, view, receivedMs: this.clockMs(atMs), follows: isTight ? before.id : null });
	}

	/** Everything that the processes do up to `untilMs`. */
	advance(untilMs: number): void {
		for (const run of this.runs.values()) {
			while (run.process === "alive" && run.logsEveryMs !== null && run.nextLogAtMs <= untilMs) {
				this.log(run, run.nextLogAtMs);
				run.nextLogAtMs += run.logsEveryMs;
			}
			while (run.process === "alive" && run.beats && run.nextBeatAtMs <= untilMs) {
				this.#beat(run, run.nextBeatAtMs);
				run.nextBeatAtMs += run.cadenceMs + 15;
			}
		}
	}

	#beat(run: SimRun, atMs: number): void {
		this.#ids += 1;
		run.held.push({ eventId: uuid(3, this.#ids), occurredMs: epochMs + atMs });
		if (!this.up) return;
		for (const { eventId, occurredMs } of run.held.splice(0)) {
			const receivedMs = this.clockMs(atMs);
			const beat = { eventId, occurredMs: this.occurredOf(run, occurredMs), receivedMs };
			run.stored.push(beat);
			const view = { runId: run.id, attempt: null, state: null, beat, labels: noLabels };
			this.#send({ receivedAtMs: atMs, view, receivedMs, follows: null });
		}
	}

	#send(event: SimEvent): void {
		this.history.push(event);
		this.onEvent(event);
	}

	#newState(atMs: number, type: StateType, name: string): StateView {
		this.#ids += 1;
		return {
			id: uuid(2, this.#ids),
			type,
			name,
			timestampMs: this.clockMs(atMs),
			scheduledTimeMs: null,
			fromRest: false,
		};
	}

	viewOf(run: SimRun): RunView {
		const scheduledTimeMs = run.scheduledAtMs === null ? null : this.clockMs(run.scheduledAtMs);
		const state = { ...run.state, scheduledTimeMs, fromRest: true };
		return { runId: run.id, attempt: run.attempt, state, beat: null, labels: run.labels };
	}

	listing(): readonly RunView[] {
		return [...this.runs.values()]
			.filter(({ state, deleted }) => !deleted && !isTerminal(state.type))
			.filter(({ state }) => state.type !== "SCHEDULED" || state.name === "AwaitingRetry")
			.map((run) => this.viewOf(run));
	}

	storedSince(sinceMs: number, untilMs = Number.POSITIVE_INFINITY): readonly RunView[] {
		return this.history
			.filter(({ receivedMs }) => receivedMs >= sinceMs && receivedMs <= untilMs)
			.map((event) => event.view);
	}

	/** As REST does: the newest by `occurred`, from `beatsSinceMs` on. */
	answer(inquiry: Inquiry): InquiryAnswer {
		const run = this.runs.get(inquiry.runId);
		if (run === undefined || run.deleted) return unknownTo(inquiry);
		const found = run.stored
			.filter((beat) => (beat.occurredMs ?? 0) >= inquiry.beatsSinceMs)
			.sort((a, b) => (b.occurredMs ?? 0) - (a.occurredMs ?? 0));
		return {
			inquiry,
			view: this.#withParent(this.viewOf(run)),
			newestBeat: found[0] ?? null,
			earlierBeats: inquiry.isUnheard ? found.slice(0, earlierBeatsMax) : [],
			newestSignMs: inquiry.stage === "identify" ? null : this.#newestSignMs(run, inquiry.beatsSinceMs),
			circumstances: inquiry.stage === "due" ? (this.circumstances.get(run.labels.name ?? "") ?? null) : null,
		};
	}

	#withParent(view: RunView): RunView {
		const { parentTaskRunId } = view.labels;
		const parentRunId = this.taskRuns.get(parentTaskRunId ?? "")?.flowRunId ?? null;
		return { ...view, labels: { ...view.labels, parentRunId } };
	}

	/** Log lines are looked for since then, task runs at any time. */
	#newestSignMs({ id, lastLogMs }: SimRun, sinceMs: number): number | null {
		const signs = [...this.taskRuns.values()].filter(({ flowRunId }) => flowRunId === id).map((task) => task.changedMs);
		if (lastLogMs !== null && lastLogMs > sinceMs) signs.push(lastLogMs);
		return signs.length === 0 ? null : Math.max(...signs);
	}
}

/** The answer about a run that the server does not know. */
export function unknownTo(inquiry: Inquiry): InquiryAnswer {
	return { inquiry, view: null, newestBeat: null, earlierBeats: [], newestSignMs: null };
}
