import { mergeView } from "../../src/core/liveness.ts";
import {
	type BeatView,
	newRun,
	noLabels,
	type Run,
	type RunView,
	type StateType,
	type StateView,
} from "../../src/core/run.ts";
import { uuid } from "./core-server.ts";

export const runId = uuid(1, 1);
export const second = 1_000;
/** Every view arrives late, with the server's clock an hour ahead of ours. */
export const arrival = { monoMs: 1_000_000, toMonoMs: (serverMs: number) => serverMs - 3_600_000 };
export const server = 3_600_000;

export function state(number: number, type: StateType, atSeconds: number, fromRest = false): StateView {
	return {
		id: uuid(2, number),
		type,
		name: type,
		timestampMs: server + atSeconds * second,
		scheduledTimeMs: null,
		fromRest,
	};
}

export function beat(number: number, atSeconds: number, occurredSeconds: number | null = atSeconds): BeatView {
	const occurredMs = occurredSeconds === null ? null : server + occurredSeconds * second;
	return { eventId: uuid(3, number), occurredMs, receivedMs: server + atSeconds * second };
}

export function view(told: Partial<RunView>): RunView {
	return { runId, attempt: null, state: null, beat: null, labels: noLabels, ...told };
}

export function merged(...views: readonly Partial<RunView>[]): Run {
	return views.reduce<Run>((run, told) => mergeView(run, view(told), arrival).run, newRun(runId));
}

export const running = state(1, "RUNNING", 0);
export const completed = state(2, "COMPLETED", 100);
