import type { Instant } from "../lib/clock.ts";
import { Casualties } from "./casualties.ts";
import { type Claim, claimsOf } from "./claims.ts";
import { type Episode, isStronger } from "./episode.ts";
import type { Inquiry, InquiryAnswer, InquiryStage } from "./input.ts";
import { inquiryOf, restsOn } from "./inquiry.ts";
import { signInstant, vouchedAt } from "./life-signs.ts";
import { type ObstacleOptions, Obstacles } from "./obstacles.ts";
import { isArmed, isBeatingState, type Run, type RunView, type StateView } from "./run.ts";
import type { Slot } from "./slot.ts";
import { nextQuestion } from "./sweep.ts";
import type { UnconfirmedRuns } from "./unconfirmed-runs.ts";
import { openEpisode } from "./verdict.ts";

/** After a question that REST did not answer. */
const askAgainMs = 5_000;
/** After an answer that settled nothing: REST contradicts an event that is later by its timestamp, say. */
const unsettledAskAgainMs = 60_000;

/** What a run calls for at a moment. */
export interface Question {
	readonly slot: Slot;
	readonly stage: InquiryStage;
	/** What is suspected; null for `identify`. */
	readonly claim: Claim | null;
	/** Past the deadline; infinite when the run's state itself is in doubt. */
	readonly overdueMs: number;
}

/** An answer about a run that the server knows. */
type KnownAnswer = InquiryAnswer & { readonly view: RunView };

export interface ConfirmationOptions extends ObstacleOptions {
	readonly namespace: string;
	readonly workspace: string;
	readonly unconfirmed: UnconfirmedRuns;
}

/**
 * Suspect, confirm, then flag: which question to put to REST, how many at a time, and what its answer comes to. Keeps
 * the number in flight; what a run has been asked is kept in its slot.
 */
export class Confirmation {
	readonly #options: ConfirmationOptions;
	readonly obstacles: Obstacles;
	readonly #casualties = new Casualties();
	#asking = 0;

	constructor(options: ConfirmationOptions) {
		this.#options = options;
		this.obstacles = new Obstacles(options);
	}

	/** Null when the run calls for no question now. */
	questionOf(slot: Slot, at: Instant): Question | null {
		if (slot.asking || at.monoMs < slot.askAgainMonoMs) return null;
		if (slot.doubtful) return { slot, stage: "identify", claim: null, overdueMs: Number.POSITIVE_INFINITY };
		for (const claim of this.#claimsOf(slot, at)) {
			const stage = this.#stageOf(slot, claim, at);
			if (stage !== null) return { slot, stage, claim, overdueMs: claim.elapsedMs - claim.dueAfterMs };
		}
		return this.#isOutOfEarshot(slot, at) ? { slot, stage: "missed", claim: null, overdueMs: 0 } : null;
	}

	/**
	 * The most overdue of them, as many as may be in flight. Verdicts on runs that REST has told of have half of the room at
	 * least, if they want it: of others, and of runs whose state is to be told, there may be any number.
	 */
	ask(questions: readonly Question[]): readonly Inquiry[] {
		const { yardstick, unconfirmed } = this.#options;
		const free = Math.max(0, yardstick.settings.confirmRunsMax - this.#asking);
		const ordered = questions.toSorted((a, b) => b.overdueMs - a.overdueMs);
		const isUrgent = ({ slot, stage }: Question) => stage !== "identify" && !unconfirmed.has(slot.index);
		const urgent = ordered.filter((question) => isUrgent(question));
		const others = ordered.filter((question) => !isUrgent(question));
		const first = urgent.slice(0, free - Math.min(others.length, Math.floor(free / 2)));
		const asked = [...first, ...others.slice(0, free - first.length)];
		this.#asking += asked.length;
		return asked.map(({ slot, stage, claim }) => {
			slot.asking = true;
			return inquiryOf(slot.run, stage, claim?.condition ?? null);
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
		const { stage, basis, condition } = answer.inquiry;
		if (slot.doubtful) slot.askAgainMonoMs = at.monoMs + unsettledAskAgainMs;
		const { state } = slot.run;
		if (stage === "identify" || state === null || !restsOn(slot.run, basis)) return null;
		const { view } = answer;
		if (view?.state?.id !== state.id) {
			slot.askAgainMonoMs = at.monoMs + unsettledAskAgainMs;
			return null;
		}
		if (condition === "zombie" || stage === "missed") slot.passed = stage;
		if (stage !== "due") return null;
		const claim = this.#claimsOf(slot, at).find((one) => one.condition === condition);
		const isDue = claim !== undefined && claim.elapsedMs >= claim.dueAfterMs;
		if (!isDue || this.obstacles.toJudging(slot.run, claim.condition, at) !== null) return null;
		return this.#judge(slot, state, claim, { ...answer, view }, at);
	}

	/** What the run may be accused of beyond what is open already. */
	#claimsOf(slot: Slot, at: Instant): readonly Claim[] {
		const { episode } = slot;
		const claims = claimsOf(slot.run, this.#options.yardstick, at.monoMs);
		return episode === null ? claims : claims.filter((claim) => isStronger(claim.condition, episode.condition));
	}

	#stageOf(slot: Slot, claim: Claim, at: Instant): Exclude<InquiryStage, "identify"> | null {
		const mayJudge = this.obstacles.toJudging(slot.run, claim.condition, at) === null;
		if (claim.condition !== "zombie") return mayJudge && claim.elapsedMs >= claim.dueAfterMs ? "due" : null;
		const stage = nextQuestion(slot.passed, claim.elapsedMs, { ...claim, cadenceMs: claim.cadence.tauMs });
		if (stage === null || stage === "missed" || stage === "suspect") return stage;
		return mayJudge && this.obstacles.toTelling(slot.run, at) === null ? stage : null;
	}

	/** Once a state: the stream brings no beats of a worker whose clock is slow by more than its reach, and REST has them. */
	#isOutOfEarshot({ run, passed }: Slot, at: Instant): boolean {
		const { state, lastBeat } = run;
		if (lastBeat !== null || passed !== "nothing" || state === null || !isBeatingState(state.type)) return false;
		const { settings } = this.#options.yardstick;
		const sinceMonoMs = this.#options.yardstick.toMonoMs(state.timestampMs);
		return sinceMonoMs !== null && at.monoMs - sinceMonoMs >= settings.slowestCadenceMs;
	}

	/**
	 * Everything has been asked, twice, and nothing has changed since. What is left is the word of others: a young sign of
	 * life puts the verdict off until it is as old as the silence would be had the process died after its last beat.
	 */
	#judge(slot: Slot, state: StateView, claim: Claim, answer: KnownAnswer, at: Instant): Episode | null {
		if (claim.condition === "stale") return this.#judgeStale(slot, state, claim, answer, at);
		if (claim.condition !== "zombie") return this.#open(slot, state, claim, answer, at);
		if (this.obstacles.toTelling(slot.run, at) !== null) return null;
		const { yardstick, family, table } = this.#options;
		const { run } = slot;
		const cadenceMs = yardstick.cadenceMs(run);
		const oldEnoughMs = claim.dueAfterMs - cadenceMs;
		const ageOf = (instantMs: number | null): number =>
			instantMs === null ? Number.POSITIVE_INFINITY : yardstick.silenceSince(run, instantMs, at.monoMs).countedMs;
		const signAgeMs = ageOf(signInstant(run, answer.newestSignMs, at.monoMs));
		const youngestMs = Math.min(signAgeMs, ageOf(vouchedAt(run, family, table)));
		const { off } = yardstick.treatment(run);
		if (youngestMs >= oldEnoughMs) {
			if (!off.has("zombie")) return this.#open(slot, state, claim, answer, at);
			slot.askAgainMonoMs = at.monoMs + unsettledAskAgainMs;
			return null;
		}
		slot.askAgainMonoMs = at.monoMs + Math.max(1_000, oldEnoughMs - youngestMs);
		// It logged within its last cadence, long after its beats had stopped: alive, and its heartbeat is not.
		const isTold = slot.episode !== null && !isStronger("deaf", slot.episode.condition);
		if (signAgeMs >= cadenceMs || isTold || off.has("deaf")) return null;
		return this.#open(slot, state, { ...claim, condition: "deaf" }, answer, at);
	}

	#judgeStale(slot: Slot, state: StateView, claim: Claim, answer: KnownAnswer, at: Instant): Episode | null {
		const { yardstick, family, table } = this.#options;
		const signMonoMs = answer.newestSignMs === null ? null : yardstick.toMonoMs(answer.newestSignMs);
		const latestMs = Math.max(
			signMonoMs ?? Number.NEGATIVE_INFINITY,
			vouchedAt(slot.run, family, table) ?? Number.NEGATIVE_INFINITY,
		);
		const leftMs = claim.dueAfterMs - (at.monoMs - latestMs);
		if (leftMs <= 0) return this.#open(slot, state, claim, answer, at);
		slot.askAgainMonoMs = at.monoMs + leftMs;
		return null;
	}

	#open(slot: Slot, state: StateView, claim: Claim, answer: KnownAnswer, at: Instant): Episode {
		const { namespace, workspace, groups } = this.#options;
		const { run } = slot;
		// Memory need not have the name: REST has just told it.
		const name = run.labels.name ?? answer.view.labels.name;
		const groupId = groups.groupIdOf(run);
		const isZombie = claim.condition === "zombie";
		const incident = groupId === null ? undefined : groups.open.find((open) => open.groupId === groupId);
		const company = isZombie ? this.#casualties.companyOf(run, incident ?? null) : null;
		if (isZombie) this.#casualties.note(run);
		return openEpisode({
			namespace,
			workspace,
			run: { ...run, labels: { ...run.labels, name } },
			state,
			claim,
			newestStoredBeatMs: answer.newestBeat?.receivedMs ?? null,
			otherSignAtMs: answer.newestSignMs,
			circumstances: answer.circumstances ?? null,
			company,
			relatedRuns: isZombie ? this.#silentAncestors(run, at) : [],
			groupId,
			spentAlertIds: slot.spentAlertIds,
			at,
		});
	}

	/** Callers that fell silent with the run: one process, one alert. */
	#silentAncestors(run: Run, at: Instant): readonly string[] {
		const { family, table, yardstick } = this.#options;
		return family.ancestorsOf(run.runId).filter((id) => {
			const relative = table.get(id)?.run;
			return relative !== undefined && isArmed(relative) && yardstick.isLapsed(relative, at.monoMs);
		});
	}
}
