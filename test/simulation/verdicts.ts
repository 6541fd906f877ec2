import type { Condition, Episode, EpisodeTransition } from "../../src/core/episode.ts";
import type { Failures } from "./failures.ts";
import type { RestAnswers, Said } from "./rest-answers.ts";
import { isProcessAlive, isTerminalType, type SimRun } from "./run.ts";
import type { SimServer } from "./server.ts";
import type { Timeline } from "./timeline.ts";
import { minute, second } from "./units.ts";

/** What a life of the daemon could hear, as the world sees it. By the world's time. */
export interface Senses {
	readonly startedMs: number;
	/** Null: not connected. */
	readonly connectedSinceMs: number | null;
	readonly restFailedMs: number;
	/** By its own word. */
	readonly isBlind: boolean;
	/** By its own word: REST stands in for the socket. */
	readonly isOverRestAlone: boolean;
}

/** As observation.ts and the settings have them: REST settles, and the second pass of a catch-up comes later. */
const restSettleMs = 45 * second;
const secondPassMs = 15 * second;
const restAloneLapseMs = 90 * second;
const witnessAfterCadences = 2;
/** Between the question about a run's state and the verdict lie the other questions, with their retries. */
const answerMsMax = 15 * minute;
/** What mapping the server's clock to ours can be off by. */
const mappingErrorMs = 5 * second;

/** How long a state may last, by the defaults of the settings. */
const limitsMs: Partial<Record<Condition, number>> = {
	stuck_pending: 30 * minute,
	stuck_retry: 5 * minute,
	stuck_cancelling: 10 * minute,
};

/** Every verdict is held against the truth, in the moment in which it is decided. */
export class Verdicts {
	readonly #failures: Failures;
	readonly #server: SimServer;
	readonly #answers: RestAnswers;
	readonly #timeline: Timeline;
	#clockSetMs = Number.NEGATIVE_INFINITY;
	/** Verdicts on live runs that nobody could have known better, by the excuse. */
	readonly excused = new Map<string, number>();

	constructor(options: { failures: Failures; server: SimServer; answers: RestAnswers; timeline: Timeline }) {
		this.#failures = options.failures;
		this.#server = options.server;
		this.#answers = options.answers;
		this.#timeline = options.timeline;
	}

	serverClockSet(): void {
		this.#clockSetMs = this.#timeline.nowMs;
	}

	decided({ kind, episode }: EpisodeTransition, senses: Senses): void {
		const run = this.#server.runs.get(episode.runId);
		const said = this.#answers.said(episode.runId);
		if (run === undefined) {
			this.#fail("a verdict is about a run", episode, "no such run exists");
			return;
		}
		if (kind === "resolved") {
			this.#resolved(episode, run);
			return;
		}
		if (said === null) {
			this.#fail("no verdict without a confirmation", episode, "REST was never asked");
			return;
		}
		this.#confirmed(episode, said);
		this.#heard(episode, senses);
		if (episode.condition === "zombie" || episode.condition === "deaf") this.#silent(episode, run, said, senses);
		else if (episode.condition === "undead") this.#undead(episode, run, said);
		else if (episode.condition === "never_beat") this.#neverBeat(episode, said);
		else this.#stuck(episode, said);
	}

	#confirmed(episode: Episode, { atMs, state }: Said): void {
		const rule = "no verdict for a run that the API calls ended";
		const isEnded = state === null || isTerminalType(state.type);
		const nowMs = this.#timeline.nowMs;
		if (nowMs - atMs > answerMsMax) this.#fail(rule, episode, `REST was last asked ${nowMs - atMs} ms ago`);
		else if (episode.condition !== "undead" && isEnded) this.#fail(rule, episode, `it said ${state?.type ?? "404"}`);
	}

	#heard(episode: Episode, senses: Senses): void {
		const { startedMs, connectedSinceMs, restFailedMs, isBlind, isOverRestAlone } = senses;
		const rule = "no verdict while blind";
		const nowMs = this.#timeline.nowMs;
		if (isBlind) this.#fail(rule, episode, "by its own word it is");
		if (isOverRestAlone) this.#heardOverRest(episode, senses);
		else if (connectedSinceMs === null) this.#fail(rule, episode, "the socket is down, and REST does not stand in");
		else if (nowMs - connectedSinceMs < secondPassMs) this.#fail(rule, episode, "the socket has not been caught up");
		if (nowMs - Math.max(startedMs, restFailedMs) < restSettleMs) this.#fail(rule, episode, "REST has not settled");
	}

	/** The socket has been away for a while, or is not caught up with yet, and REST has been read within the lapse. */
	#heardOverRest(episode: Episode, { startedMs }: Senses): void {
		const rule = "no verdict while blind";
		const readMs = Math.max(this.#answers.readMs, startedMs);
		const { nowMs } = this.#timeline;
		if (nowMs - readMs > restAloneLapseMs) this.#fail(rule, episode, `REST was last read ${nowMs - readMs} ms ago`);
	}

	/** Over REST alone: somebody else was heard since, so that not everybody's way to the server is cut. */
	#witnessed(episode: Episode, run: SimRun, newestBeatMs: number): void {
		if (this.#clockSetMs > newestBeatMs) return;
		// The detector's cadence is learned, and may be a little shorter.
		const fromMs = newestBeatMs + witnessAfterCadences * 0.95 * run.cadenceMs - mappingErrorMs;
		const isWitnessed = this.#server.events.some(
			({ runId, name, acceptedMs }) => acceptedMs > fromMs && (runId !== run.id || !name.endsWith(".heartbeat")),
		);
		if (!isWitnessed) this.#fail("no verdict over REST alone without a witness", episode, "nobody else was heard");
	}

	#silent(episode: Episode, run: SimRun, said: Said, senses: Senses): void {
		const rule = "no verdict on a run that beats";
		const thresholdMs = episode.evidence.thresholdSeconds * second;
		const { newestBeat } = said;
		if (newestBeat === null) {
			this.#fail(rule, episode, "it has never beaten");
			return;
		}
		const silentMs = said.atMs - newestBeat.acceptedMs;
		if (!isProcessAlive(run) && this.#isSetUnheard(newestBeat.acceptedMs, senses.startedMs)) {
			this.#excuse("dead, and told early: the server's clock was set while the daemon was down");
			return;
		}
		if (silentMs < thresholdMs - mappingErrorMs) {
			this.#fail(rule, episode, `REST had a beat of ${silentMs} ms ago; its deadline is ${thresholdMs} ms`);
			return;
		}
		if (senses.isOverRestAlone) this.#witnessed(episode, run, newestBeat.acceptedMs);
		if (!isProcessAlive(run)) return;
		const missingMs = thresholdMs - run.cadenceMs - 20 * second;
		const excuse = this.#excuseFor(run, newestBeat.acceptedMs, missingMs);
		if (excuse === null) {
			this.#fail(rule, episode, "it is alive, and nothing has kept its beats");
			return;
		}
		this.#excuse(excuse);
	}

	/** Between the beat and the start of the process: what was stored is on another clock, and nothing tells so. */
	#isSetUnheard(beatMs: number, startedMs: number): boolean {
		return this.#clockSetMs > beatMs && this.#clockSetMs < startedMs;
	}

	#excuse(why: string): void {
		this.excused.set(why, (this.excused.get(why) ?? 0) + 1);
	}

	/** Why a live run was not heard for so long; null: there is no reason. */
	#excuseFor(run: SimRun, fromMs: number, missingMs: number): string | null {
		const { nowMs } = this.#timeline;
		let excusedMs = 0;
		let longest: { readonly ms: number; readonly why: string } | null = null;
		let countedUntilMs = fromMs;
		for (const span of run.excuses.toSorted((a, b) => a.fromMs - b.fromMs)) {
			const ms = Math.min(nowMs, span.untilMs) - Math.max(countedUntilMs, span.fromMs);
			if (ms <= 0) continue;
			excusedMs += ms;
			countedUntilMs = Math.min(nowMs, span.untilMs);
			if (longest === null || ms > longest.ms) longest = { ms, why: span.why };
		}
		return longest !== null && excusedMs >= missingMs ? longest.why : null;
	}

	#undead(episode: Episode, run: SimRun, { state }: Said): void {
		const rule = "undead is only who goes on beating";
		if (state === null || !isTerminalType(state.type)) this.#fail(rule, episode, `REST said ${state?.type ?? "404"}`);
		else if ((run.endMs ?? run.deathMs ?? Number.POSITIVE_INFINITY) <= state.atMs + second) {
			this.#fail(rule, episode, "its process ended with it");
		}
	}

	#neverBeat(episode: Episode, { newestBeat }: Said): void {
		if (newestBeat !== null) this.#fail("never_beat is only who never beat", episode, "REST had a beat");
	}

	#stuck(episode: Episode, { atMs, state }: Said): void {
		const limitMs = limitsMs[episode.condition];
		if (limitMs === undefined || state === null || this.#clockSetMs > state.atMs) return;
		const waitMs = state.scheduledMs === null ? 0 : state.scheduledMs - state.timestampMs;
		const stuckMs = atMs - state.atMs - waitMs;
		if (stuckMs >= limitMs - mappingErrorMs) return;
		this.#fail("nobody is stuck before the limit", episode, `${episode.condition} after ${stuckMs} ms of ${limitMs}`);
	}

	#resolved(episode: Episode, run: SimRun): void {
		const rule = "an alert is resolved for a reason";
		const outcome = episode.closed?.outcome;
		const hadEnded = run.states.some(({ type }) => isTerminalType(type)) || run.deletedMs !== null;
		if (outcome === "ended" && !hadEnded) this.#fail(rule, episode, "it has not ended");
		if (outcome === "deleted" && run.deletedMs === null) this.#fail(rule, episode, "it was not deleted");
		if (outcome === "disabled") this.#fail(rule, episode, "nobody has disabled anything");
	}

	#fail(rule: string, episode: Episode, words: string): void {
		this.#failures.report(rule, episode.runId, `${episode.condition}: ${words}`);
	}
}
