import type { Inquiry, InquiryAnswer } from "../../../src/core/input.ts";
import { noLabels, type RunView, type StateType, type StateView } from "../../../src/core/run.ts";
import { uuid } from "../../_util/core-server.ts";
import { isWithin, type Script, type ScriptEvent } from "./script.ts";

/** The world's time zero on every calendar: 2026-08-01. */
export const epochMs = Date.UTC(2026, 7, 1);
/** The server's clock less the true one. */
const serverAheadMs = 1_234;
const logEveryMs = 7_000;
/** REST gives so many of an unheard run's stored beats. */
const earlierBeatsMax = 9;

export function serverMs(trueMs: number): number {
	return epochMs + serverAheadMs + trueMs;
}

/** What Prefect says of a script: its events as they arrive, and what REST answers at a moment. */
export class PrefectWorld {
	readonly script: Script;
	readonly #ids: readonly string[];
	readonly #indexOf: ReadonlyMap<string, number>;
	readonly #labels: readonly RunView["labels"][];

	constructor(script: Script) {
		this.script = script;
		this.#ids = script.runs.map((_, run) => uuid(1, run));
		this.#indexOf = new Map(this.#ids.map((id, run) => [id, run]));
		this.#labels = script.runs.map(({ pool }, run) => ({
			...noLabels,
			name: `run-${run}`,
			// One each: nothing that is learned of one run helps another.
			deploymentId: uuid(5, run),
			workPool: `pool-${pool}`,
			clientVersion: "3.8.8",
		}));
	}

	runOf(runId: string): number {
		const run = this.#indexOf.get(runId);
		if (run === undefined) throw new Error(`no such run: ${runId}`);
		return run;
	}

	isUp(atMs: number): boolean {
		return !isWithin(this.script.serverDown, atMs);
	}

	/** Of a state as its event told it. */
	viewOf(event: ScriptEvent): RunView {
		const { run, index, kind, occurredMs, receivedMs } = event;
		const runId = this.#ids[run] ?? "";
		const labels = this.#labels[run] ?? noLabels;
		if (kind !== "beat") {
			const state = this.#state(run, kind === "running" ? "RUNNING" : "COMPLETED", occurredMs, false);
			return { runId, attempt: 1, state, beat: null, labels };
		}
		const skewMs = this.script.runs[run]?.skewMs ?? 0;
		const beat = {
			eventId: `${runId}/${index}`,
			occurredMs: epochMs + occurredMs + skewMs,
			receivedMs: serverMs(receivedMs),
		};
		return { runId, attempt: null, state: null, beat, labels };
	}

	/** What REST says of a run's state; null before it began. */
	restViewOf(run: number, atMs: number): RunView | null {
		const { startMs, endMs } = this.script.runs[run] ?? { startMs: Infinity, endMs: Infinity };
		if (atMs < startMs) return null;
		const state =
			atMs < endMs ? this.#state(run, "RUNNING", startMs, true) : this.#state(run, "COMPLETED", endMs, true);
		return { runId: this.#ids[run] ?? "", attempt: 1, state, beat: null, labels: this.#labels[run] ?? noLabels };
	}

	stateTypeOf(runId: string, atMs: number): StateType | null {
		return this.restViewOf(this.runOf(runId), atMs)?.state?.type ?? null;
	}

	listing(atMs: number): readonly RunView[] {
		const views: RunView[] = [];
		for (const [run, { endMs }] of this.script.runs.entries()) {
			const view = atMs < endMs ? this.restViewOf(run, atMs) : null;
			if (view !== null) views.push(view);
		}
		return views;
	}

	/** The oldest of the events that occurred since then by the workers' clocks, as many as asked for. */
	storedSince(sinceMs: number, atMs: number, eventsMax: number): readonly ScriptEvent[] {
		const found: ScriptEvent[] = [];
		for (const event of this.script.stored) {
			if (event.storedMs > atMs || epochMs + this.#occurredMs(event) < sinceMs) continue;
			found.push(event);
			if (found.length === eventsMax) break;
		}
		return found;
	}

	answer(inquiry: Inquiry, atMs: number): InquiryAnswer {
		const run = this.runOf(inquiry.runId);
		const beats = this.#newestBeats(run, inquiry, atMs);
		return {
			inquiry,
			view: this.restViewOf(run, atMs),
			newestBeat: beats[0] ?? null,
			earlierBeats: inquiry.isUnheard ? beats : [],
			newestSignMs: inquiry.stage === "identify" ? null : this.#newestLogMs(run, atMs, inquiry.beatsSinceMs),
		};
	}

	/** By occurrence, as REST has them. */
	#newestBeats(run: number, { isUnheard, beatsSinceMs }: Inquiry, atMs: number) {
		const { beats } = this.script.runs[run] ?? { beats: [] };
		const found: NonNullable<RunView["beat"]>[] = [];
		for (let index = beats.length - 1; index >= 0 && found.length < (isUnheard ? earlierBeatsMax : 1); index--) {
			const event = beats[index];
			if (event === undefined || event.storedMs > atMs) continue;
			const { beat } = this.viewOf(event);
			if (beat === null || (beat.occurredMs ?? 0) < beatsSinceMs) break;
			found.push(beat);
		}
		return found;
	}

	#newestLogMs(run: number, atMs: number, sinceMs: number): number | null {
		const told = this.script.runs[run];
		if (told === undefined || !told.logs) return null;
		const aliveMs = Math.min(atMs, told.deathMs, told.endMs) - told.startMs;
		const logMs = told.startMs + Math.floor(aliveMs / logEveryMs) * logEveryMs;
		const signMs = epochMs + logMs + told.skewMs;
		return signMs > sinceMs ? signMs : null;
	}

	#occurredMs({ run, occurredMs }: ScriptEvent): number {
		return occurredMs + (this.script.runs[run]?.skewMs ?? 0);
	}

	#state(run: number, type: StateType, atMs: number, fromRest: boolean): StateView {
		const id = uuid(type === "RUNNING" ? 2 : 3, run);
		return { id, type, name: type, timestampMs: serverMs(atMs), scheduledTimeMs: null, fromRest };
	}
}
