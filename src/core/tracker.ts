import type { Instant } from "../lib/clock.ts";
import { messageOf } from "../lib/errors.ts";
import { type Census, countRuns, emptyCensus } from "./census.ts";
import { Confirmation, type Question } from "./confirmation.ts";
import { type Decisions, noDecisions, type Oddity } from "./decisions.ts";
import { type Episode, transitionOf } from "./episode.ts";
import type { Input, InquiryAnswer } from "./input.ts";
import { type Arrival, isNews, type Merge, mergeView } from "./liveness.ts";
import { Observation } from "./observation.ts";
import {
	mapObservation,
	type RunRow,
	runFromRow,
	runRowOf,
	type WorkspaceRow,
	withMappedLife,
	workspaceRowOf,
} from "./record.ts";
import { isBeatingState, isGone, isReopenedUnchecked, isUnidentified, newRun, type RunView } from "./run.ts";
import { isEvictable, RunTable, type Slot } from "./run-table.ts";
import type { DetectorSettings } from "./settings.ts";
import { expectedEventsPerMs } from "./silence.ts";
import { outcomeOf } from "./verdict.ts";

/** A run at which an exception was caught is left alone this long. */
const asideMs = 60 * 60_000;
/** Of a run that the server says it does not know. */
const unknownRunAskAgainMs = 10 * 60_000;

/**
 * The liveness of every run of one workspace, and what follows from it. Decides and never acts: inputs go in, decisions
 * are drained, time is a part of each input. Nothing here reads a clock, a file or a socket.
 */
export class Tracker {
	readonly observation: Observation;
	readonly #workspace: string;
	readonly #settings: DetectorSettings;
	readonly #confirmation: Confirmation;
	readonly #table = new RunTable();
	#census: Census = emptyCensus;
	/** Rows of an earlier process, until the server's clock is known and their instants can be mapped. */
	#unmapped: { readonly runs: readonly RunRow[]; readonly workspace: WorkspaceRow | null } | null = null;
	#decided = noDecisions();

	constructor(options: { namespace: string; workspace: string; settings: DetectorSettings; startedAt: Instant }) {
		this.#workspace = options.workspace;
		this.#settings = options.settings;
		this.observation = new Observation(options.startedAt);
		this.#confirmation = new Confirmation({ ...options, observation: this.observation });
	}

	/** What an earlier process knew. Call once, before any input. */
	restore(
		known: { runs: readonly RunRow[]; openEpisodes: readonly Episode[]; workspace: WorkspaceRow | null },
		at: Instant,
	): void {
		for (const row of known.runs) {
			const run = runFromRow(row);
			if (!isGone(run)) this.#table.add(run, at.monoMs);
		}
		for (const episode of known.openEpisodes) {
			const slot = this.#table.get(episode.runId) ?? this.#table.add(newRun(episode.runId), at.monoMs);
			slot.episode = episode;
			slot.doubtful = true;
		}
		this.#unmapped = { runs: known.runs, workspace: known.workspace };
		this.#census = countRuns(this.#table);
	}

	apply(input: Input): void {
		switch (input.kind) {
			case "event":
				this.#applyEvent(input.at, input.view, input.receivedMs);
				return;
			case "stored":
				for (const view of input.views) this.#applyView(input.at, view);
				return;
			case "listed":
				for (const view of input.views) this.#applyListed(input.at, view);
				return;
			case "reconciled":
				this.#table.doubtUnlisted(input.startedMonoMs);
				return;
			case "answered":
				for (const answer of input.answers) this.#applyAnswer(input.at, answer);
				return;
			case "unanswered":
				for (const { runId } of input.inquiries) this.#confirmation.unanswered(this.#table.get(runId), input.at);
				return;
			case "stream_opened":
				this.observation.streamOpened();
				return;
			case "stream_heard":
				this.observation.streamHeard(input.at);
				return;
			case "stream_closed":
				this.observation.streamClosed(input.at);
				return;
			case "caught_up":
				this.observation.caughtUp(input.at);
				return;
			case "rest_answered":
				this.observation.restAnswered(input.at, input.serverDateMs);
				this.#mapRestored(input.at);
				return;
			case "rest_failed":
				this.observation.restFailed(input.at);
				return;
			case "tick":
				this.#sweep(input.at);
				return;
		}
		input satisfies never;
	}

	/** Takes what has been decided; the next call starts from nothing. */
	drain(): Decisions {
		const decided = this.#decided;
		this.#decided = noDecisions();
		return decided;
	}

	get census(): Census {
		return this.#census;
	}

	/** The run as it is to be stored; null once it has left memory. */
	rowOf(runId: string, at: Instant): RunRow | null {
		const run = this.#table.get(runId)?.run;
		return run === undefined ? null : runRowOf(run, this.#workspace, this.observation.clock, at.wallMs);
	}

	/** Null until the server's clock is known and an earlier process's instants are mapped. */
	workspaceRow(at: Instant): WorkspaceRow | null {
		return this.#unmapped === null ? workspaceRowOf(this.observation, this.#workspace, at.monoMs) : null;
	}

	#applyEvent(at: Instant, view: RunView, receivedMs: number | null): void {
		const run = this.#table.get(view.runId)?.run;
		const { lagMs, clockStepped } = this.observation.eventArrived(
			at,
			receivedMs,
			run === undefined || isNews(run, view),
		);
		this.#mapRestored(at);
		if (lagMs !== null) this.#decided.lagsMs.push(lagMs);
		if (clockStepped) this.#note("server_clock_step", null, "the server's clock was set");
		this.#applyView(at, view);
	}

	#applyView(at: Instant, view: RunView): Slot {
		const slot = this.#table.get(view.runId) ?? this.#table.add(newRun(view.runId), at.monoMs);
		this.#atRun(at, slot, () => this.#merge(slot, view, at));
		return slot;
	}

	/** REST lists what is live now: a run heard of in no other way still needs its newest stored beat. */
	#applyListed(at: Instant, view: RunView): void {
		const isKnown = this.#table.get(view.runId) !== undefined;
		const slot = this.#applyView(at, view);
		slot.seenByRestMonoMs = at.monoMs;
		if (!isKnown && slot.run.lastBeat === null && slot.run.state !== null) {
			slot.doubtful = isBeatingState(slot.run.state.type);
		}
	}

	#applyAnswer(at: Instant, answer: InquiryAnswer): void {
		const slot = this.#table.get(answer.inquiry.runId);
		this.#confirmation.cameBack(slot);
		if (slot === undefined) return;
		slot.seenByRestMonoMs = at.monoMs;
		const { view } = answer;
		this.#atRun(at, slot, () => {
			if (view === null) this.#forget(slot, at);
			else this.#learn(slot, { ...view, beat: answer.newestBeat }, answer, at);
		});
	}

	#learn(slot: Slot, view: RunView, answer: InquiryAnswer, at: Instant): void {
		slot.doubtful = false;
		const knownBeat = slot.run.lastBeat;
		this.#merge(slot, view, at);
		if (answer.inquiry.stage !== "identify" && slot.run.lastBeat !== knownBeat) {
			this.#note("stored_beat_not_heard", view.runId, "the server stored a heartbeat that the stream did not bring");
		}
		const episode = this.#confirmation.weigh(slot, answer, at);
		if (episode === null) return;
		slot.episode = episode;
		this.#decided.transitions.push(transitionOf(episode));
		this.#decided.changedRuns.add(view.runId);
	}

	/** The server does not know the run: deleted, or never its own. */
	#forget(slot: Slot, at: Instant): void {
		slot.doubtful = false;
		slot.passed = "nothing";
		slot.askAgainMonoMs = at.monoMs + unknownRunAskAgainMs;
		const endedAtMs = slot.run.endedAtMs ?? this.observation.clock.toServerMs(at.monoMs) ?? at.wallMs;
		slot.run = { ...slot.run, state: null, endedAtMs };
		this.#note("unknown_run", slot.run.runId, "the server does not know this run: deleted");
		this.#decided.changedRuns.add(slot.run.runId);
		this.#closeIfOver(slot, at);
	}

	#merge(slot: Slot, view: RunView, at: Instant): void {
		const { clock } = this.observation;
		const arrival: Arrival = { monoMs: at.monoMs, toMonoMs: (serverMs) => clock.toMonoMs(serverMs) };
		const merge = mergeView(slot.run, view, arrival);
		const aliveBefore = slot.run.aliveAtMonoMs;
		slot.run = merge.run;
		slot.touchedMonoMs = at.monoMs;
		if (merge.newState || merge.run.aliveAtMonoMs !== aliveBefore) slot.passed = "nothing";
		if (isUnidentified(merge.run) || isReopenedUnchecked(merge.run)) slot.doubtful = true;
		this.#noteMerge(merge, view);
		if (merge.changed) this.#decided.changedRuns.add(view.runId);
		else if (merge.newBeat) this.#decided.beatenRuns.add(view.runId);
		this.#closeIfOver(slot, at);
	}

	#noteMerge(merge: Merge, view: RunView): void {
		if (merge.lateBeat) this.#note("late_beat", view.runId, "a heartbeat after the run's end");
		if (merge.terminalOverwritten) this.#note("terminal_overwritten", view.runId, `ended again as ${view.state?.name}`);
	}

	#closeIfOver(slot: Slot, at: Instant): void {
		if (slot.episode === null) return;
		const outcome = outcomeOf(slot.episode, slot.run);
		if (outcome === null) return;
		const closed: Episode = { ...slot.episode, closed: { outcome, atMs: at.wallMs } };
		slot.episode = null;
		slot.passed = "nothing";
		this.#decided.transitions.push(transitionOf(closed));
		this.#decided.changedRuns.add(closed.runId);
	}

	#sweep(at: Instant): void {
		const eventsPerMs = expectedEventsPerMs(this.#table, this.observation, this.#settings, at.monoMs);
		const { elapsedMs, sleptMs } = this.observation.tick(at, eventsPerMs);
		if (sleptMs > 0) this.#note("own_pause", null, `asleep, or the wall clock set, by ${Math.round(sleptMs / 1000)} s`);
		this.#countBlind(elapsedMs);
		const questions: Question[] = [];
		for (const slot of this.#table.values()) {
			this.#atRun(at, slot, () => {
				const question = this.#confirmation.questionOf(slot, at);
				if (question !== null) questions.push(question);
			});
			if (isEvictable(slot, at.monoMs)) this.#evict(slot.run.runId);
		}
		// Until an earlier process's instants are mapped nobody's silence is known.
		if (this.#unmapped === null) this.#decided.inquiries.push(...this.#confirmation.ask(questions));
		this.#census = countRuns(this.#table);
	}

	#evict(runId: string): void {
		this.#table.remove(runId);
		this.#decided.evictedRuns.push(runId);
	}

	#countBlind(elapsedMs: number): void {
		for (const cause of this.observation.openCauses) {
			this.#decided.blind.set(cause, (this.#decided.blind.get(cause) ?? 0) + elapsedMs / 1000);
		}
	}

	/** The server's clock is known now: instants of an earlier process get their place on ours. */
	#mapRestored(at: Instant): void {
		const { offsetMs } = this.observation.clock;
		if (this.#unmapped === null || offsetMs === null) return;
		const { runs, workspace } = this.#unmapped;
		this.#unmapped = null;
		for (const row of runs) {
			const slot = this.#table.get(row.runId);
			if (slot !== undefined) slot.run = withMappedLife(slot.run, row, offsetMs, at.monoMs);
		}
		if (workspace !== null) this.observation.restore(mapObservation(workspace, offsetMs, at.monoMs));
	}

	/** A fault met at one run concerns that run: it is set aside for an hour, and stops nobody else. */
	#atRun(at: Instant, slot: Slot, act: () => void): void {
		if (at.monoMs < slot.asideUntilMonoMs) return;
		try {
			act();
		} catch (error) {
			slot.asideUntilMonoMs = at.monoMs + asideMs;
			this.#note("run_set_aside", slot.run.runId, messageOf(error));
		}
	}

	#note(kind: Oddity["kind"], runId: string | null, detail: string): void {
		this.#decided.oddities.push({ kind, runId, detail });
	}
}
