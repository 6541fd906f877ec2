import type { Instant } from "../lib/clock.ts";
import { BeatPath } from "./beat-path.ts";
import { ownCadence } from "./cadence.ts";
import type { Census } from "./census.ts";
import { Confirmation } from "./confirmation.ts";
import { noteConnection } from "./connection-input.ts";
import { type Decisions, noDecisions, noteSample, type Oddity, odditiesOf } from "./decisions.ts";
import type { RunSilenceRow } from "./disruption-row.ts";
import { Episodes } from "./episodes.ts";
import { GroupWatch } from "./group-watch.ts";
import type { HeardBeat } from "./heard-beat.ts";
import type { Input, InquiryAnswer } from "./input.ts";
import { Inspection } from "./inspection.ts";
import type { Learning } from "./learning.ts";
import { type Arrival, isNews, mergeView } from "./liveness.ts";
import type { Observation } from "./observation.ts";
import { Pass } from "./pass.ts";
import type { Priors } from "./priors.ts";
import { type WorkspaceRow, workspaceRowOf } from "./record.ts";
import { type KnownRun, type KnownWorld, Restoration } from "./restoration.ts";
import { isBeatingState, isLabelled, newRun, type RunView } from "./run.ts";
import type { RunTable } from "./run-table.ts";
import type { TrackerOptions } from "./settings.ts";
import { keepFaultApart, markUnknown, noteRemedy, type Slot, takeOver } from "./slot.ts";
import { StoredRows } from "./stored-rows.ts";
import { type SharedParts, sharedParts } from "./tracker-parts.ts";

/** Of the runs that were stored, so many may be added before the columns grow. */
const spareRoom = 0.1;

/**
 * The liveness of every run of one workspace, and what follows from it. Decides and never acts: inputs go in, decisions
 * are drained, time is a part of each input. Nothing here reads a clock, a file or a socket.
 */
export class Tracker {
	readonly observation: Observation;
	readonly inspection: Inspection;
	readonly stored: StoredRows;
	readonly #workspace: string;
	readonly #shared: SharedParts;
	readonly #confirmation: Confirmation;
	readonly #learning: Learning;
	readonly #table: RunTable;
	readonly #groups: GroupWatch;
	readonly #episodes: Episodes;
	readonly #pass: Pass;
	readonly #restoration: Restoration;
	readonly #beatPath: BeatPath;
	#decided = noDecisions();

	constructor(options: TrackerOptions) {
		const shared = sharedParts(options);
		this.#shared = shared;
		const { table, workspace, observation, learning } = shared;
		this.#workspace = workspace;
		this.observation = observation;
		this.#learning = learning;
		this.#table = table;
		this.stored = new StoredRows({ table, workspace, clock: observation.clock });
		this.#beatPath = new BeatPath({
			...shared,
			onHeard: (at, receivedMs) => this.#heard(at, receivedMs, true),
			onCadence: (tauMs) => noteSample(this.#decided.cadencesMs, tauMs),
		});
		const groups = new GroupWatch({ ...shared, holds: options.holdsMassLapses });
		const confirmation = new Confirmation({ ...shared, groups });
		this.inspection = new Inspection(table, { ...shared, obstacles: confirmation.obstacles, groups });
		const restoration = new Restoration({ ...shared, groups });
		const episodes = new Episodes({
			...shared,
			onTransition: (transition) => {
				this.#decided.transitions.push(transition);
				this.#decided.changedRuns.add(transition.episode.runId);
			},
		});
		const told = { atRun: this.#atRun.bind(this), note: this.#note.bind(this) };
		this.#pass = new Pass({ ...shared, confirmation, episodes, groups, restoration, ...told });
		this.#groups = groups;
		this.#confirmation = confirmation;
		this.#restoration = restoration;
		this.#episodes = episodes;
	}

	/** So many runs will be restored: before the first. */
	expectRuns(runs: number): void {
		this.#table.reserve(runs + Math.ceil(runs * spareRoom));
	}

	/** A part of the runs that an earlier process knew, before `restore`. */
	restoreRuns(runs: Iterable<KnownRun>, at: Instant): void {
		this.#restoration.takeRuns(runs, at);
	}

	/** Call once, before any input. */
	restore(known: KnownWorld, at: Instant): void {
		this.#restoration.begin(known, at);
		this.#shared.coverage.count(at, this.#groups.openByKind);
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
			case "remedied":
				noteRemedy(this.#table.get(input.runId), input.alertId, input.note);
				return;
			case "tick":
				this.#pass.go(input.at, this.#decided);
				return;
		}
		input satisfies never;
	}

	/**
	 * A live heartbeat of a known run, in the short way.
	 *
	 * @returns false when it is not that simple: then nothing is done, and it has to come as an event
	 */
	beat(at: Instant, beat: HeardBeat): boolean {
		return !this.#restoration.isPending && this.#beatPath.take(at, beat);
	}

	/** Takes what has been decided; the next call starts from nothing. */
	drain(): Decisions {
		const decided = this.#decided;
		this.#decided = noDecisions();
		return {
			...decided,
			...this.#shared.departures.take(),
			learned: this.#learning.takeChanged(),
			heldRuns: this.#groups.takeChangedSilences(),
			shortThresholds: this.#shared.coverage.takeDoubtful(),
		};
	}

	get priors(): Pick<Priors, "isSettled"> {
		return this.#learning.priors;
	}

	get census(): Census {
		return this.#shared.coverage.census;
	}

	/** Runs that events alone have told of. */
	get unconfirmedRuns(): number {
		return this.#shared.unconfirmed.size;
	}

	/** A beat of its present attempt has brought the run's labels: the next one may come without. */
	knowsLabels(runId: string): boolean {
		return isLabelled(this.#table.get(runId)?.run);
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
		this.#heard(at, receivedMs, isFresh);
		this.#decided.transitions.push(...this.#restoration.mapIfPossible(at));
		if (view.beat === null) this.#groups.otherEventHeard(at);
		// What was read before an earlier process's instants were mapped is void.
		this.#applyTold(at, view, follows, isPending ? this.#table.get(view.runId) : known);
	}

	/** A live event has come, whatever it says. */
	#heard(at: Instant, receivedMs: number | null, isFresh: boolean): void {
		const { lagMs, clockStepped } = this.observation.eventArrived(at, receivedMs, isFresh);
		if (lagMs !== null) noteSample(this.#decided.lagsMs, lagMs);
		if (clockStepped) this.#note("server_clock_step", null, "the server's clock was set");
	}

	/** What an event says, heard or read. */
	#applyTold(at: Instant, view: RunView, follows: string | null, known: Slot | undefined): void {
		this.#shared.witnesses.note(view, at, (serverMs) => this.observation.clock.toMonoMs(serverMs));
		this.#shared.loss.told(view, known?.run, follows, at);
		this.#shared.departures.heard(this.#applyView(at, view, known), known === undefined);
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
		this.#shared.departures.confirmed(slot);
		this.#shared.loss.learned(known ?? newRun(view.runId), slot.run, at);
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
		this.#shared.departures.confirmed(slot);
		const known = slot.run;
		for (const beat of [...answer.earlierBeats, view.beat]) this.#merge(slot, { ...view, beat }, at);
		this.#shared.loss.learned(known, slot.run, at);
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
		if (merge.run.labels.parentRunId !== null) this.#shared.family.link(view.runId, merge.run.labels.parentRunId);
		slot.first = this.#learning.note(merge.run, slot.first, view, merge);
		this.#decided.oddities.push(...odditiesOf(merge, view));
		if (merge.changed) this.#decided.changedRuns.add(view.runId);
		else if (merge.newBeat) this.#table.unstoredBeats.mark(slot.index);
		const own = merge.newBeat ? ownCadence(merge.run.occurredMs) : null;
		if (own !== null) noteSample(this.#decided.cadencesMs, own.tauMs);
		this.#episodes.closeIfOver(slot, at);
	}

	#atRun(at: Instant, slot: Slot, act: () => void): void {
		keepFaultApart(slot, at, act, (detail) => this.#note("run_set_aside", slot.run.runId, detail));
	}

	#note(kind: Oddity["kind"], runId: string | null, detail: string): void {
		this.#decided.oddities.push({ kind, runId, detail });
	}
}
