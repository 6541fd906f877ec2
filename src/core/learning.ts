import { cadenceBeatsMax, ownCadence } from "./cadence.ts";
import type { FirstSigns } from "./first-signs.ts";
import { beatsPromptly, type HabitRow, Habits } from "./habits.ts";
import { Patience, type PatienceRow } from "./patience.ts";
import { type PriorRow, Priors, type StoredBeats } from "./priors.ts";
import { hasEnded, type Run, type RunView } from "./run.ts";

/** A row of what was learned, for the store: rows of one kind have one shape. */
export interface LearnedRow {
	readonly kind: "prior" | "habit" | "patience" | "lesson";
	readonly key: string;
	/** Null: forgotten. */
	readonly row: unknown;
}

/** A stored row, read back in its shape. */
export type Learned =
	| { readonly kind: "prior"; readonly row: PriorRow }
	| { readonly kind: "habit"; readonly row: HabitRow }
	| { readonly kind: "patience"; readonly row: PatienceRow }
	| { readonly kind: "lesson"; readonly row: LessonRow };

/** Stored: the lesson of the beats before the first start is over, and no later start needs it. */
export interface LessonRow {
	readonly key: typeof lessonKey;
}

export const lessonKey = "stored_beats";

/** What the runs of a deployment teach about its next ones. */
export class Learning {
	readonly priors = new Priors();
	readonly habits = new Habits();
	readonly patience = new Patience();
	#isLessonOver = false;

	/**
	 * Takes a view that was merged into the run.
	 *
	 * @returns the run's first signs, as they are known now
	 */
	note(run: Run, first: FirstSigns, view: RunView, news: { newState: boolean; newBeat: boolean }): FirstSigns {
		const known = {
			runningAtMs: first.runningAtMs ?? (news.newState ? runningBegunMs(view) : null),
			firstBeatMs: first.firstBeatMs ?? view.beat?.receivedMs ?? null,
		};
		const hasJustEnded = news.newState && hasEnded(run);
		// A full ring moves by milliseconds with each beat: what it teaches is known by then.
		if (hasJustEnded || (news.newBeat && run.occurredMs.length < cadenceBeatsMax)) this.#learn(run, known);
		return known;
	}

	#learn(run: Run, first: FirstSigns): void {
		const { deploymentId, clientVersion } = run.labels;
		const cadence = ownCadence(run.occurredMs);
		if (cadence !== null) this.priors.learn(deploymentId, clientVersion, { runId: run.runId, ...cadence });
		// A retried run's first beat says nothing of how the deployment starts.
		if (first.runningAtMs === null || run.attempt > 1) return;
		const endedAtMs = hasEnded(run) ? run.endedAtMs : null;
		const isPrompt = beatsPromptly({ runningAtMs: first.runningAtMs, firstBeatMs: first.firstBeatMs, endedAtMs });
		if (isPrompt !== null) this.habits.learn(deploymentId, run.runId, isPrompt);
	}

	/**
	 * What the server had stored of runs before the first start. Habits are not learned from it: it is found by its beats,
	 * so that a run that never beat is not in it.
	 */
	learnStored(rows: readonly StoredBeats[], isOver: boolean): void {
		this.priors.learnFromBeats(rows);
		this.#isLessonOver ||= isOver;
	}

	/** What an earlier process had learned. Call once, before any `learn`. */
	restore(rows: readonly Learned[], nowWallMs: number): void {
		this.priors.restore(rows.flatMap((one) => (one.kind === "prior" ? one.row : [])));
		this.habits.restore(rows.flatMap((one) => (one.kind === "habit" ? one.row : [])));
		this.patience.restore(
			rows.flatMap((one) => (one.kind === "patience" ? one.row : [])),
			nowWallMs,
		);
	}

	/** Rows that changed since the last call, to be stored. */
	takeChanged(): readonly LearnedRow[] {
		const lesson: readonly LearnedRow[] = this.#isLessonOver
			? [{ kind: "lesson", key: lessonKey, row: { key: lessonKey } }]
			: [];
		this.#isLessonOver = false;
		return [
			...lesson,
			...this.priors.takeChanged().map((key) => ({ kind: "prior" as const, key, row: this.priors.rowOf(key) })),
			...this.habits.takeChanged().map((key) => ({ kind: "habit" as const, key, row: this.habits.rowOf(key) })),
			...this.patience.takeChanged().map((key) => ({ kind: "patience" as const, key, row: this.patience.rowOf(key) })),
		];
	}
}

/** An event tells of a beginning; of a run that REST shows amid its life the first beat is not known. */
function runningBegunMs({ state }: RunView): number | null {
	return state?.type === "RUNNING" && !state.fromRest ? state.timestampMs : null;
}
