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
}

/** A flow run and the process that works on it. */
export interface SimRun {
	readonly id: string;
	readonly labels: RunLabels;
	cadenceMs: number;
	/** Its client sends heartbeats at all. */
	beats: boolean;
	process: "alive" | "frozen" | "dead";
	nextBeatAtMs: number;
	/** The worker's clock less the true time. */
	skewMs: number;
	attempt: number;
	state: StateView;
	deleted: boolean;
	/** `occurred` of beats that the client holds while the server is away. */
	held: { readonly eventId: string; readonly occurredMs: number }[];
	stored: BeatView[];
}

/** A server of Prefect with its runs: the truth that REST tells, and the events that it sends. */
export class SimServer {
	readonly runs = new Map<string, SimRun>();
	readonly history: SimEvent[] = [];
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
	start(atMs: number, options: { name: string; cadenceMs?: number; beats?: boolean; skewMs?: number }): SimRun {
		this.#ids += 1;
		const run: SimRun = {
			id: uuid(1, this.#ids),
			labels: { ...noLabels, name: options.name, tags: ["sim"] },
			cadenceMs: options.cadenceMs ?? 30_000,
			beats: options.beats ?? true,
			process: "alive",
			nextBeatAtMs: atMs + 50,
			skewMs: options.skewMs ?? 0,
			attempt: 0,
			state: this.#newState(atMs, "PENDING", "Pending"),
			deleted: false,
			held: [],
			stored: [],
		};
		this.runs.set(run.id, run);
		this.setState(run, atMs, "PENDING");
		this.run(run, atMs + 10);
		return run;
	}

	/** A new attempt begins. */
	run(run: SimRun, atMs: number): void {
		run.attempt += 1;
		run.process = "alive";
		run.nextBeatAtMs = atMs + 50;
		this.setState(run, atMs, "RUNNING");
	}

	/** The process waits elsewhere for its retry: no beats. */
	awaitRetry(run: SimRun, atMs: number): void {
		run.process = "dead";
		this.setState(run, atMs, "SCHEDULED", "AwaitingRetry");
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
	}

	setState(run: SimRun, atMs: number, type: StateType, name: string = type): void {
		run.state = this.#newState(atMs, type, name);
		const view = { runId: run.id, attempt: run.attempt, state: run.state, beat: null, labels: run.labels };
		this.#send({ receivedAtMs: atMs, view, receivedMs: this.clockMs(atMs) });
	}

	/** Everything that the processes do up to `untilMs`. */
	advance(untilMs: number): void {
		for (const run of this.runs.values()) {
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
			this.#send({ receivedAtMs: atMs, view, receivedMs });
		}
	}

	#send(event: SimEvent): void {
		this.history.push(event);
		this.onEvent(event);
	}

	#newState(atMs: number, type: StateType, name: string): StateView {
		this.#ids += 1;
		return { id: uuid(2, this.#ids), type, name, timestampMs: this.clockMs(atMs), fromRest: false };
	}

	viewOf(run: SimRun): RunView {
		const state = { ...run.state, fromRest: true };
		return { runId: run.id, attempt: run.attempt, state, beat: null, labels: run.labels };
	}

	listing(): readonly RunView[] {
		return [...this.runs.values()]
			.filter(({ state, deleted }) => !deleted && !isTerminal(state.type))
			.filter(({ state }) => state.type !== "SCHEDULED" || state.name === "AwaitingRetry")
			.map((run) => this.viewOf(run));
	}

	storedSince(receivedMs: number): readonly RunView[] {
		return this.history.filter((event) => event.receivedMs >= receivedMs).map((event) => event.view);
	}

	/** As REST does: the newest by `occurred`, from `beatsSinceMs` on. */
	answer(inquiry: Inquiry): InquiryAnswer {
		const run = this.runs.get(inquiry.runId);
		if (run === undefined || run.deleted) return { inquiry, view: null, newestBeat: null };
		const found = run.stored.filter((beat) => (beat.occurredMs ?? 0) >= inquiry.beatsSinceMs);
		const newestBeat = found.sort((a, b) => (b.occurredMs ?? 0) - (a.occurredMs ?? 0))[0] ?? null;
		return { inquiry, view: this.viewOf(run), newestBeat };
	}
}
