import type { Instant } from "../lib/clock.ts";
import { countArmed } from "./armed-runs.ts";
import { type Census, Coverage } from "./census.ts";
import { Confirmation } from "./confirmation.ts";
import { noteConnection } from "./connection-input.ts";
import { countBlind, type Decisions, noDecisions, type Oddity, odditiesOf } from "./decisions.ts";
import type { ArmedFleet } from "./disruption-count.ts";
import type { RunSilenceRow } from "./disruption-row.ts";
import { Episodes } from "./episodes.ts";
import { Family } from "./family.ts";
import { GroupWatch } from "./group-watch.ts";
import type { Input, InquiryAnswer } from "./input.ts";
import { Inspection } from "./inspection.ts";
import { Learning } from "./learning.ts";
import { type Arrival, isNews, mergeView } from "./liveness.ts";
import { Observation } from "./observation.ts";
import type { Priors } from "./priors.ts";
import { type RunRow, runRowOf, type WorkspaceRow, workspaceRowOf } from "./record.ts";
import { type KnownWorld, Restoration } from "./restoration.ts";
import { Rounds } from "./rounds.ts";
import { isBeatingState, isLabelled, newRun, type RunView } from "./run.ts";
import { RunTable } from "./run-table.ts";
import type { TrackerOptions } from "./settings.ts";
import { keepFaultApart, markUnknown, type Slot, takeOver } from "./slot.ts";
import { StreamLoss } from "./stream-loss.ts";
import { Witnesses } from "./witnesses.ts";
import { Yardstick } from "./yardstick.ts";

/**
 * The liveness of every run of one workspace, and what follows from it. Decides and never acts: inputs go in, decisions
 * are drained, time is a part of each input. Nothing here reads a clock, a file or a socket.
 */
export class Tracker {
	readonly observation: Observation;
	readonly inspection: Inspection;
	readonly #workspace: string;
	readonly #yardstick: Yardstick;
	readonly #confirmation: Confirmation;
	readonly #learning = new Learning();
	readonly #family = new Family();
	readonly #table = new RunTable();
	readonly #groups: GroupWatch;
	readonly #episodes: Episodes;
	readonly #rounds: Rounds;
	readonly #restoration: Restoration;
	readonly #witnesses = new Witnesses();
	readonly #loss: StreamLoss;
	readonly #coverage: Coverage;
	#decided = noDecisions();

	constructor(options: TrackerOptions) {
		const { namespace, workspace, live, holdsMassLapses: holds } = options;
		this.#workspace = workspace;
		this.observation = new Observation(options.startedAt);
		this.#loss = new StreamLoss(this.observation);
		this.#yardstick = new Yardstick({ live, observation: this.observation, learning: this.#learning });
		this.#coverage = new Coverage({ table: this.#table, yardstick: this.#yardstick });
		const shared = {
			namespace,
			workspace,
			table: this.#table,
			family: this.#family,
			learning: this.#learning,
			observation: this.observation,
			yardstick: this.#yardstick,
		};
		this.#groups = new GroupWatch({ ...shared, holds });
		this.#confirmation = new Confirmation({ ...shared, groups: this.#groups, witnesses: this.#witnesses });
		const { obstacles } = this.#confirmation;
		this.inspection = new Inspection(this.#table, { ...shared, obstacles, groups: this.#groups });
		this.#restoration = new Restoration({ ...shared, groups: this.#groups });
		this.#episodes = new Episodes({
			yardstick: this.#yardstick,
			learning: this.#learning,
			onTransition: (transition) => {
				this.#decided.transitions.push(transition);
				this.#decided.changedRuns.add(transition.episode.runId);
			},
		});
		this.#rounds = new Rounds({ ...shared, episodes: this.#episodes, confirmation: this.#confirmation });
	}

	/** Call once, before any input. */
	restore(known: KnownWorld, at: Instant): void {
		this.#restoration.begin(known, at);
		this.#coverage.count(at, this.#groups.openByKind);
	}

	apply(input: Input): void {
		switch (input.kind) {
			case "event":
				this.#applyEvent(input);
				return;
			case "stored":
				for (const view of input.views) this.#applyTold(input.at, view, null, this.#table.get(view.runId));
				return;
			case "lesson":
				this.#learning.learnStored(input.rows, input.isOver);
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
			case "stream_heard":
			case "stream_closed":
			case "caught_up":
			case "covered_over_rest":
			case "rest_failed":
				noteConnection(this.observation, input);
				return;
			case "rest_answered":
				this.observation.restAnswered(input.at, input.serverDateMs);
				this.#decided.transitions.push(...this.#restoration.mapIfPossible(input.at));
				return;
			case "workers":
				this.#groups.workersAre(input.workPool, input.offline);
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
		return {
			...decided,
			learned: this.#learning.takeChanged(),
			heldRuns: this.#groups.takeChangedSilences(),
			shortThresholds: this.#coverage.takeDoubtful(),
		};
	}

	get priors(): Pick<Priors, "isSettled"> {
		return this.#learning.priors;
	}

	get census(): Census {
		return this.#coverage.census;
	}

	/** A beat of its present attempt has brought the run's labels: the next one may come without. */
	knowsLabels(runId: string): boolean {
		return isLabelled(this.#table.get(runId)?.run);
	}

	/** The run as it is to be stored; null once it has left memory. */
	rowOf(runId: string, at: Instant): RunRow | null {
		const run = this.#table.get(runId)?.run;
		return run === undefined ? null : runRowOf(run, this.#workspace, this.observation.clock, at.wallMs);
	}

	/** The row is in the store: its name need not be kept in memory any more. */
	stored(runId: string): void {
		this.#table.stored(runId);
	}

	/** The run's part in a mass lapse as it is to be stored; null when it has none (any more). */
	heldRowOf(runId: string): RunSilenceRow | null {
		return this.#groups.silenceRow(runId, this.observation.clock);
	}

	/** Null until the server's clock is known and an earlier process's instants are mapped. */
	workspaceRow(at: Instant): WorkspaceRow | null {
		if (this.#restoration.isPending) return null;
		return workspaceRowOf({ observation: this.observation, groups: this.#groups }, this.#workspace, at.monoMs);
	}

	#applyEvent({ at, view, receivedMs, follows = null }: Extract<Input, { kind: "event" }>): void {
		const { isPending } = this.#restoration;
		const known = this.#table.get(view.runId);
		const isFresh = known === undefined || isNews(known.run, view);
		const { lagMs, clockStepped } = this.observation.eventArrived(at, receivedMs, isFresh);
		this.#decided.transitions.push(...this.#restoration.mapIfPossible(at));
		if (view.beat === null) this.#groups.otherEventHeard(at);
		if (lagMs !== null) this.#decided.lagsMs.push(lagMs);
		if (clockStepped) this.#note("server_clock_step", null, "the server's clock was set");
		// What was read before an earlier process's instants were mapped is void.
		this.#applyTold(at, view, follows, isPending ? this.#table.get(view.runId) : known);
	}

	/** What an event says, heard or read. */
	#applyTold(at: Instant, view: RunView, follows: string | null, known: Slot | undefined): void {
		this.#witnesses.note(view, at, (serverMs) => this.observation.clock.toMonoMs(serverMs));
		this.#loss.told(view, known?.run, follows, at);
		this.#applyView(at, view, known);
	}

	#applyView(at: Instant, view: RunView, known: Slot | undefined): Slot {
		const slot = known ?? this.#table.add(newRun(view.runId), at.monoMs);
		this.#atRun(at, slot, () => this.#merge(slot, view, at));
		return slot;
	}

	/** REST lists what is live now: a run heard of in no other way still needs its newest stored beat. */
	#applyListed(at: Instant, view: RunView): void {
		const before = this.#table.get(view.runId);
		const known = before?.run;
		const slot = this.#applyView(at, view, before);
		this.#loss.learned(known ?? newRun(view.runId), slot.run, at);
		slot.touchedMonoMs = at.monoMs;
		if (known === undefined && slot.run.lastBeat === null && slot.run.state !== null) {
			slot.doubtful = isBeatingState(slot.run.state.type);
		}
	}

	#applyAnswer(at: Instant, answer: InquiryAnswer): void {
		const slot = this.#table.get(answer.inquiry.runId);
		this.#confirmation.cameBack(slot);
		if (slot === undefined) return;
		slot.touchedMonoMs = at.monoMs;
		this.#atRun(at, slot, () => {
			if (answer.view === null) this.#forget(slot, at);
			else this.#learn(slot, { ...answer.view, beat: answer.newestBeat }, answer, at);
		});
	}

	#learn(slot: Slot, view: RunView, answer: InquiryAnswer, at: Instant): void {
		slot.doubtful = false;
		const known = slot.run;
		for (const beat of [...answer.earlierBeats, view.beat]) this.#merge(slot, { ...view, beat }, at);
		this.#loss.learned(known, slot.run, at);
		slot.parentUnknown = view.labels.parentTaskRunId !== null && view.labels.parentRunId === null;
		const isLate = answer.inquiry.stage !== "identify" && slot.run.lastBeat?.eventId !== known.lastBeat?.eventId;
		if (isLate && this.observation.hearingSinceMonoMs !== null) this.#groups.eventLost(at);
		const episode = this.#confirmation.weigh(slot, answer, at);
		if (episode !== null) this.#episodes.open(slot, episode, at);
	}

	/** The server does not know the run: deleted, or never its own. */
	#forget(slot: Slot, at: Instant): void {
		markUnknown(slot, at.monoMs, this.observation.clock.toServerMs(at.monoMs) ?? at.wallMs);
		this.#note("unknown_run", slot.run.runId, "the server does not know this run: deleted");
		this.#decided.changedRuns.add(slot.run.runId);
		this.#episodes.closeIfOver(slot, at);
	}

	#merge(slot: Slot, view: RunView, at: Instant): void {
		const arrival: Arrival = { monoMs: at.monoMs, toMonoMs: (serverMs) => this.observation.clock.toMonoMs(serverMs) };
		const merge = mergeView(slot.run, view, arrival);
		takeOver(slot, merge, at.monoMs);
		if (merge.run.labels.parentRunId !== null) this.#family.link(view.runId, merge.run.labels.parentRunId);
		slot.first = this.#learning.note(merge.run, slot.first, view, merge);
		this.#decided.oddities.push(...odditiesOf(merge, view));
		if (merge.changed) this.#decided.changedRuns.add(view.runId);
		else if (merge.newBeat) this.#decided.beatenRuns.add(view.runId);
		this.#episodes.closeIfOver(slot, at);
	}

	#sweep(at: Instant): void {
		this.#yardstick.refresh(at.wallMs);
		const { eventsPerMs, fleet } = countArmed(this.#table, this.#yardstick, at.monoMs);
		const { elapsedMs, sleptMs } = this.observation.tick(at, eventsPerMs);
		if (sleptMs > 0) this.#note("own_pause", null, `asleep, or the wall clock set, by ${Math.round(sleptMs / 1000)} s`);
		countBlind(this.#decided.blind, this.observation.openCauses, elapsedMs);
		for (const { kind, runId } of this.#loss.takeLost(at)) {
			if (kind === "stored_state_not_heard") this.#groups.eventLost(at);
			this.#note(kind, runId, "the server stored an event that the stream did not bring");
		}
		this.#sweepGroups(at, fleet);
		const { isPending } = this.#restoration;
		const round = this.#rounds.go(at, (slot, act) => this.#atRun(at, slot, act), !isPending);
		for (const runId of round.evictedRuns) this.#decided.evictedRuns.push(runId);
		// Until an earlier process's instants are mapped nobody's silence is known.
		if (!isPending) this.#decided.inquiries.push(...this.#confirmation.ask(round.questions));
		this.#coverage.count(at, this.#groups.openByKind);
	}

	#sweepGroups(at: Instant, fleet: ArmedFleet): void {
		// Before the first catch-up the runs that are known first would be everything there is, and stored beats are old.
		if (!this.observation.hasCaughtUp || this.#restoration.isPending) return;
		const { transitions, resetRuns } = this.#groups.sweep(at, fleet);
		this.#decided.transitions.push(...transitions);
		this.#decided.workPools.push(...this.#groups.poolsToAsk(at, fleet));
		// At once: unlike a beat, that a silence began afresh is not read again over REST.
		for (const runId of resetRuns) this.#decided.changedRuns.add(runId);
	}

	#atRun(at: Instant, slot: Slot, act: () => void): void {
		keepFaultApart(slot, at, act, (detail) => this.#note("run_set_aside", slot.run.runId, detail));
	}

	#note(kind: Oddity["kind"], runId: string | null, detail: string): void {
		this.#decided.oddities.push({ kind, runId, detail });
	}
}
