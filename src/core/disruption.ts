import type { Instant } from "../lib/clock.ts";
import {
	type Anchor,
	type ArmedFleet,
	type ArmedRun,
	type Cell,
	countsIn,
	everything,
	type GroupCounts,
	Tally,
} from "./disruption-count.ts";
import {
	byKey,
	countMember,
	holdEndOf,
	incidentOf,
	isHoldOver,
	join,
	noMembers,
	outcomeOfGroup,
	type Pipe,
	settle,
	type TrippedGroup,
	tripped,
	watchPipe,
} from "./disruption-group.ts";
import {
	type KnownGroups,
	type RunSilenceRow,
	silenceFromRow,
	silenceRowOf,
	type TrippedGroupRow,
	tripFromIncident,
	tripFromRow,
	tripRowOf,
} from "./disruption-row.ts";
import { hold, isMember, isSame, newSilence, type RunSilence } from "./disruption-silence.ts";
import { nextTold } from "./disruption-told.ts";
import { type GroupIncident, isMassLapse } from "./group-incident.ts";

/** A run that is set aside for an hour comes back to the silence it was in. */
const vanishedKeptMs = 2 * 60 * 60_000;
const tidyEveryMs = 60_000;

export interface DisruptionSweep {
	readonly opened: readonly GroupIncident[];
	readonly closed: readonly GroupIncident[];
	/** Runs whose A becomes now, before the next sweep; in the order of the input, each once. */
	readonly resetRuns: readonly string[];
}

/**
 * Mass lapses of one workspace. A group (a work pool, a client version, everything) trips when at least 3 and 20 % of its
 * armed runs are lapsed; verdicts on its runs are then held for 345 s, or for 15 minutes while everything is silent and
 * nothing proves that the event pipe works. It is *left* when beats bring its lapsed runs under the line, and every
 * run of it starts afresh; otherwise it ends when each of its lapsed runs has been judged or has ended, and nothing
 * is reset. A hold is bounded by 15 minutes twice: after its group tripped, and after the run was first held; a
 * silence once released is never held again.
 *
 * **Which of several groups is told.** All that trip hold (`holdEndOf`); an incident is told of the one whose armed runs and the lapsed
 * runs coincide best (Dice's coefficient), of equals the more specific: pool, version, everything. What lapses
 * outside the incidents told so far is then explained in the same way, as long as some tripped group is over the line
 * outside of them too. Everything silent in full is told as `everything`, alone; and a group that holds all armed runs says
 * no more than `everything` does, so that it never trips by itself.
 *
 * **A second wave.** While a group lingers after its hold is over (a run with a long fixed threshold waits in it), runs
 * that were never held and are over the line by themselves close it and trip it anew.
 */
export class Disruption {
	readonly #scope: { readonly namespace: string; readonly workspace: string };
	readonly #trips = new Map<string, TrippedGroup>();
	/** Runs that have lapsed in a tripped group, for as long as their silence lasts. */
	readonly #silences = new Map<string, RunSilence>();
	#changedSilences = new Set<string>();
	#tidiedMonoMs = Number.NEGATIVE_INFINITY;

	constructor(scope: { readonly namespace: string; readonly workspace: string }) {
		this.#scope = { namespace: scope.namespace, workspace: scope.workspace };
	}

	/**
	 * Once each sweep, before questions are asked.
	 *
	 * @param fleet in any order
	 */
	sweep(at: Instant, fleet: ArmedFleet, pipe: Pipe): DisruptionSweep {
		const tally = new Tally(fleet, (run) => this.#isFresh(run));
		const superseded = this.#trip(tally, at);
		const whole = this.#trips.get(everything.key);
		if (whole !== undefined) watchPipe(whole, tally, pipe);
		if (this.#trips.size === 0 && !this.#isTidyDue(at)) return { opened: [], closed: [], resetRuns: [] };
		this.#follow(fleet.othersAnd(this.#silences.keys()), tally, at, pipe);
		const { closed, left } = this.#close(tally, at);
		const resetRuns = left.size === 0 ? [] : this.#reset(fleet.all(), tally, left);
		return { opened: this.#report(tally), closed: [...superseded, ...closed], resetRuns };
	}

	/**
	 * The monotonic instant until which a verdict on this silence is held, as of the last sweep; it may have passed. Null
	 * when it is not held.
	 */
	heldUntil(runId: string, aliveAtMonoMs: number): number | null {
		return this.#silenceOf(runId, aliveAtMonoMs)?.held?.untilMonoMs ?? null;
	}

	/** The incident that this silence belongs to, for its alert; it outlives the incident. */
	groupIdOf(runId: string, aliveAtMonoMs: number): string | null {
		return this.#silenceOf(runId, aliveAtMonoMs)?.groupId ?? null;
	}

	/** Everything fell silent together, and that is not over. */
	get holdsEverything(): boolean {
		return this.#trips.has(everything.key);
	}

	/** Everything is silent in full, and held only for want of a proof that the pipe works. */
	awaitsProof(nowMonoMs: number): boolean {
		const whole = this.#trips.get(everything.key);
		return whole?.unheard?.provenMonoMs === null && !isHoldOver(whole, nowMonoMs);
	}

	/** The incidents that are open now. */
	get open(): readonly GroupIncident[] {
		const told = [...this.#trips.values()].filter(({ reported }) => reported);
		return told.toSorted(byKey).map((trip) => incidentOf(trip, null));
	}

	/** What must be known again of the groups after a restart. @param toServerMs from our monotonic clock */
	groupRows(toServerMs: (monoMs: number) => number): readonly TrippedGroupRow[] {
		return [...this.#trips.values()].toSorted(byKey).map((trip) => tripRowOf(trip, toServerMs));
	}

	/** What must be known again of the run; null: nothing (any more). */
	silenceRow(runId: string, toServerMs: (monoMs: number) => number): RunSilenceRow | null {
		const silence = this.#silences.get(runId);
		return silence === undefined ? null : silenceRowOf(runId, silence, toServerMs);
	}

	/** Takes the runs whose `silenceRow` has changed: a few times a silence, however many sweeps it lasts. */
	takeChangedSilences(): ReadonlySet<string> {
		const changed = this.#changedSilences;
		this.#changedSilences = new Set();
		return changed;
	}

	/**
	 * Call before the first sweep, once the server's clock is known.
	 *
	 * @param toMonoMs from the server's clock
	 * @returns open incidents that cannot be gone on with, closed
	 */
	restore(known: KnownGroups, toMonoMs: (serverMs: number) => number, at: Instant): readonly GroupIncident[] {
		const trips = known.tripped.map((row) => tripFromRow(row, toMonoMs));
		for (const trip of trips) this.#trips.set(trip.group.key, trip);
		for (const row of known.silences) this.#silences.set(row.runId, silenceFromRow(row, toMonoMs, at.monoMs));
		const closed: GroupIncident[] = [];
		for (const incident of known.open) {
			const trip = tripFromIncident(incident, at);
			const present = this.#trips.get(trip.group.key);
			if (present === undefined) this.#trips.set(trip.group.key, trip);
			else if (present.groupId !== incident.groupId) {
				closed.push({ ...incident, closed: { outcome: "ended", atMs: at.wallMs } });
			}
		}
		return closed;
	}

	/** Silences outlive their groups; while no group is tripped it is enough to look after them now and then. */
	#isTidyDue(at: Instant): boolean {
		return this.#silences.size > 0 && at.monoMs - this.#tidiedMonoMs >= tidyEveryMs;
	}

	#silenceOf(runId: string, aliveAtMonoMs: number): RunSilence | undefined {
		const silence = this.#silences.get(runId);
		return silence !== undefined && isSame(silence, aliveAtMonoMs) ? silence : undefined;
	}

	#forget(runId: string): void {
		if (this.#silences.delete(runId)) this.#changedSilences.add(runId);
	}

	#isFresh(run: ArmedRun): boolean {
		return (this.#silenceOf(run.runId, run.aliveAtMonoMs)?.held ?? null) === null;
	}

	/** @returns incidents that a second wave closes */
	#trip(tally: Tally, at: Instant): readonly GroupIncident[] {
		const found: TrippedGroup[] = [];
		for (const counts of tally.groups.values()) {
			const anchor = this.#newAnchorOf(counts, tally.whole, at);
			if (anchor !== null) found.push(tripped(counts.group, anchor, at, this.#scope));
		}
		const superseded: GroupIncident[] = [];
		for (const trip of found.toSorted(byKey)) {
			const former = this.#trips.get(trip.group.key);
			if (former?.reported) superseded.push(incidentOf(former, { outcome: "ended", atMs: at.wallMs }));
			this.#trips.set(trip.group.key, trip);
		}
		return superseded;
	}

	/** What a group that trips now rests on. Null when it does not; one that has tripped trips again by a second wave alone. */
	#newAnchorOf({ group, armed, lapsed, fresh, anchor }: GroupCounts, whole: GroupCounts, at: Instant): Anchor | null {
		if (!isMassLapse(lapsed, armed) || (group !== everything && armed === whole.armed)) return null;
		const former = this.#trips.get(group.key);
		if (former === undefined || (isHoldOver(former, at.monoMs) && isMassLapse(fresh, armed))) return anchor;
		return null;
	}

	/**
	 * Goes through the runs that lapse, and those that did: who has shown life, who waits, who is held and until when. The
	 * others are of no concern to it.
	 */
	#follow(runs: Iterable<ArmedRun>, tally: Tally, at: Instant, pipe: Pipe): void {
		for (const trip of this.#trips.values()) trip.now = noMembers();
		const tripsOf = new Map<Cell, readonly TrippedGroup[]>();
		for (const run of runs) {
			const cell = tally.cellOf(run);
			const trips = tripsOf.get(cell) ?? this.#tripsOf(cell);
			tripsOf.set(cell, trips);
			this.#followRun(run, trips, at, pipe);
		}
		this.#tidiedMonoMs = at.monoMs;
		for (const [runId, { seenMonoMs }] of this.#silences) {
			if (at.monoMs - seenMonoMs > vanishedKeptMs) this.#forget(runId);
		}
	}

	#tripsOf(cell: Cell): readonly TrippedGroup[] {
		return cell.groups.map(({ key }) => this.#trips.get(key)).filter((trip) => trip !== undefined);
	}

	#followRun(run: ArmedRun, trips: readonly TrippedGroup[], at: Instant, pipe: Pipe): void {
		const former = this.#silences.get(run.runId);
		if (former !== undefined && !isSame(former, run.aliveAtMonoMs)) {
			for (const trip of trips) trip.recovered ||= isMember(former, trip);
			this.#forget(run.runId);
		}
		if (!run.hasOpenEpisode && run.lapsed && trips.length > 0) this.#lapse(run, trips, at, pipe);
		const silence = this.#silences.get(run.runId);
		if (silence === undefined) return;
		silence.seenMonoMs = at.monoMs;
		for (const trip of trips) if (isMember(silence, trip)) countMember(trip, run);
	}

	#lapse(run: ArmedRun, trips: readonly TrippedGroup[], at: Instant, pipe: Pipe): void {
		const silence = this.#silences.get(run.runId) ?? newSilence(run.aliveAtMonoMs);
		const { groupId, held } = silence;
		const joins = trips.some((trip) => !isMember(silence, trip));
		silence.lapsedMonoMs = at.monoMs;
		silence.groupId ??= trips.find(({ reported }) => reported)?.groupId ?? null;
		hold(silence, holdEndOf(trips, run, pipe, at.monoMs), at.monoMs);
		this.#silences.set(run.runId, silence);
		const moved = silence.held?.untilMonoMs !== held?.untilMonoMs;
		if (joins || moved || silence.groupId !== groupId) this.#changedSilences.add(run.runId);
		for (const trip of trips) join(trip, run.runId);
	}

	#close(tally: Tally, at: Instant): { readonly closed: readonly GroupIncident[]; readonly left: ReadonlySet<string> } {
		const closed: GroupIncident[] = [];
		const left = new Set<string>();
		for (const trip of [...this.#trips.values()].toSorted(byKey)) {
			const { key } = trip.group;
			const counts = countsIn(tally.groups, trip.group);
			settle(trip, counts);
			const outcome = outcomeOfGroup(trip, counts);
			if (outcome === null) continue;
			if (outcome === "recovered") left.add(key);
			if (trip.reported) closed.push(incidentOf(trip, { outcome, atMs: at.wallMs }));
			this.#trips.delete(key);
		}
		return { closed, left };
	}

	/** Every run of a group that has been left, unless it has been judged, starts a silence of its own. */
	#reset(runs: Iterable<ArmedRun>, tally: Tally, left: ReadonlySet<string>): readonly string[] {
		const resetRuns: string[] = [];
		for (const run of runs) {
			if (run.hasOpenEpisode || !tally.cellOf(run).groups.some(({ key }) => left.has(key))) continue;
			resetRuns.push(run.runId);
			// Forgotten, lest A := now be taken for a sign of life.
			this.#forget(run.runId);
		}
		return resetRuns;
	}

	/** See the class: what is told. */
	#report(tally: Tally): readonly GroupIncident[] {
		const opened: TrippedGroup[] = [];
		for (let told = nextTold(this.#trips, tally); told !== null; told = nextTold(this.#trips, tally)) {
			told.reported = true;
			opened.push(told);
		}
		return opened.map((trip) => incidentOf(trip, null));
	}
}
