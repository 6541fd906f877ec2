import type { Instant } from "../lib/clock.ts";
import { cadenceOf } from "./cadence.ts";
import type { Episode } from "./episode.ts";
import type { Inquiry, InquiryAnswer, InquiryStage } from "./input.ts";
import { inquiryOf, restsOn } from "./inquiry.ts";
import type { Observation } from "./observation.ts";
import { isArmed, type Run, type StateView } from "./run.ts";
import type { Slot } from "./run-table.ts";
import type { DetectorSettings } from "./settings.ts";
import { runDeadline, runSilence } from "./silence.ts";
import { nextQuestion } from "./sweep.ts";
import { openZombie } from "./verdict.ts";

/** After a question that REST did not answer. */
const askAgainMs = 5_000;
/** After an answer that settled nothing: REST contradicts an event that is later by its timestamp, say. */
const unsettledAskAgainMs = 60_000;

/** What a run calls for at a moment. */
export interface Question {
	readonly slot: Slot;
	readonly stage: InquiryStage;
	/** Past the deadline; infinite when the run's state itself is in doubt. */
	readonly overdueMs: number;
}

/**
 * Suspect, confirm, then flag: which question to put to REST, how many at a time, and what its answer comes to. Keeps
 * the number in flight; what a run has been asked is kept in its slot.
 */
export class Confirmation {
	readonly #namespace: string;
	readonly #workspace: string;
	readonly #settings: DetectorSettings;
	readonly #observation: Observation;
	#asking = 0;

	constructor(options: {
		namespace: string;
		workspace: string;
		settings: DetectorSettings;
		observation: Observation;
	}) {
		this.#namespace = options.namespace;
		this.#workspace = options.workspace;
		this.#settings = options.settings;
		this.#observation = options.observation;
	}

	/** Null when the run calls for no question now. */
	questionOf(slot: Slot, at: Instant): Question | null {
		if (slot.asking || at.monoMs < slot.askAgainMonoMs) return null;
		if (slot.doubtful) return { slot, stage: "identify", overdueMs: Number.POSITIVE_INFINITY };
		if (!isArmed(slot.run) || slot.episode !== null) return null;
		const deadline = runDeadline(slot.run, this.#observation, this.#settings);
		const { countedMs } = runSilence(slot.run, this.#observation, this.#settings, at.monoMs);
		const stage = nextQuestion(slot.passed, countedMs, deadline);
		if (stage === null || (stage !== "suspect" && !this.#observation.mayJudge(at.monoMs))) return null;
		return { slot, stage, overdueMs: countedMs - deadline.dueAfterMs };
	}

	/** The most overdue of them, as many as may be in flight. */
	ask(questions: readonly Question[]): readonly Inquiry[] {
		const free = Math.max(0, this.#settings.confirmRunsMax - this.#asking);
		const asked = questions.toSorted((a, b) => b.overdueMs - a.overdueMs).slice(0, free);
		this.#asking += asked.length;
		return asked.map(({ slot, stage }) => {
			slot.asking = true;
			return inquiryOf(slot.run, stage);
		});
	}

	/** A question came back, answered or not. Undefined: its run has left memory meanwhile. */
	cameBack(slot: Slot | undefined): void {
		this.#asking -= 1;
		if (slot !== undefined) slot.asking = false;
	}

	unanswered(slot: Slot | undefined, at: Instant): void {
		this.cameBack(slot);
		if (slot !== undefined) slot.askAgainMonoMs = at.monoMs + askAgainMs;
	}

	/**
	 * What the answer, already merged into the slot's run, comes to: the next stage, or at the last one a verdict.
	 *
	 * @returns the episode that opens
	 */
	weigh(slot: Slot, answer: InquiryAnswer, at: Instant): Episode | null {
		const { stage, basis } = answer.inquiry;
		if (slot.doubtful) slot.askAgainMonoMs = at.monoMs + unsettledAskAgainMs;
		const { state } = slot.run;
		if (stage === "identify" || state === null || !restsOn(slot.run, basis)) return null;
		if (answer.view?.state?.id !== state.id) {
			slot.askAgainMonoMs = at.monoMs + unsettledAskAgainMs;
			return null;
		}
		slot.passed = stage;
		return stage === "due" ? this.#judge(slot.run, state, answer, at) : null;
	}

	/** Everything has been asked, twice, and nothing has changed since: all that is left is that the time is really up. */
	#judge(run: Run, state: StateView, answer: InquiryAnswer, at: Instant): Episode | null {
		const deadline = runDeadline(run, this.#observation, this.#settings);
		const silence = runSilence(run, this.#observation, this.#settings, at.monoMs);
		if (silence.countedMs < deadline.dueAfterMs || !this.#observation.mayJudge(at.monoMs)) return null;
		return openZombie({
			namespace: this.#namespace,
			workspace: this.#workspace,
			run,
			state,
			cadence: cadenceOf(run.occurredMs),
			deadline,
			silence,
			newestStoredBeatMs: answer.newestBeat?.receivedMs ?? null,
			at,
		});
	}
}
