import type { DeliveryHold, DeliverySettlement } from "../core/delivery.ts";
import type { Episode } from "../core/episode.ts";
import type { GroupIncident } from "../core/group-incident.ts";
import type { LearnedRow } from "../core/learning.ts";
import { viewOfRow } from "../core/record.ts";
import type { RunView } from "../core/run.ts";
import type { TakenBeats } from "../core/stored-rows.ts";
import type { Tracker } from "../core/tracker.ts";
import type { Clock, Instant } from "../lib/clock.ts";
import { messageOf } from "../lib/errors.ts";
import type { Reporter } from "../observe/reporter.ts";
import type { CommitBatch, CommitResult, HeldRunChange, OutboxRow, RunChange, Store } from "../store/store.ts";
import { StoreError } from "../store/store-error.ts";
import { type Changes, learnedKey, rowsIn, sentKey } from "./changes.ts";
import { batchBeatsMax, batchRunsMax, takeDue } from "./due-runs.ts";
import { LeftRuns } from "./left-runs.ts";

/** How far the workspace's own record may lag: after a crash that much is read again. */
const workspaceWrittenEveryMs = 10_000;
/**
 * How far the records of held runs may lag. Each changes a few times a silence, so that a million runs that lapse at once
 * are a few million rows in all. What a crash loses is made good by the groups' record: the hold ends with the group's.
 */
const heldWrittenEveryMs = 10_000;
/** Between tries while the store fails. */
const retryMs = 1_000;
export interface PersisterOptions {
	readonly store: Store;
	readonly tracker: Tracker;
	readonly reporter: Reporter;
	readonly clock: Clock;
	readonly workspace: string;
	/** Outbox rows kept in memory while the store fails; more are still sent, but not written. */
	readonly outboxRowsMax: number;
	/** A stored run that another writer had changed; merged when this returns, since the run is written again at once. */
	readonly onReloaded: (view: RunView) => void;
	/** Rows that may be sent now. */
	readonly onSendable: (rows: readonly OutboxRow[]) => void;
}

interface Gathered {
	readonly batch: CommitBatch;
	readonly beats: TakenBeats;
}

/**
 * Makes decisions durable: one commit in flight, and what comes meanwhile gathers for the next. A failed commit leaves
 * everything dirty and is tried again. Alerts do not wait for a store that fails: they are sent from memory, and
 * written when it is back.
 */
export class Persister {
	readonly #options: PersisterOptions;
	readonly #changedRuns = new Set<string>();
	#episodes: Episode[] = [];
	#outbox: OutboxRow[] = [];
	#held: DeliveryHold[] = [];
	#settled: DeliverySettlement[] = [];
	#groups: GroupIncident[] = [];
	/** Since when the change waits. */
	readonly #heldRuns = new Map<string, number>();
	/** By kind and key: the last word counts. */
	readonly #learned = new Map<string, LearnedRow>();
	/** Keys of rows that were sent from memory because the store failed. */
	readonly #sentUnsaved = new Set<string>();
	readonly #left = new LeftRuns();
	#inFlight: Promise<void> | null = null;
	#failing = false;
	#workspaceWrittenMonoMs = Number.NEGATIVE_INFINITY;
	#retryAtMonoMs = Number.NEGATIVE_INFINITY;
	readonly #fault = Promise.withResolvers<never>();

	constructor(options: PersisterOptions) {
		this.#options = options;
		// Whoever runs it is told; before that nobody is.
		this.#fault.promise.catch(() => undefined);
	}

	/** Resolves on abort; rejects when trying again cannot help: on a damaged database (a StoreError), and on a bug. */
	async run(signal: AbortSignal): Promise<void> {
		const { promise: aborted, resolve } = Promise.withResolvers<void>();
		signal.addEventListener("abort", () => resolve(), { once: true });
		if (signal.aborted) resolve();
		await Promise.race([aborted, this.#fault.promise]);
	}

	/** While true the daemon is not ready: verdicts are made and sent, yet not durable. */
	get isFailing(): boolean {
		return this.#failing;
	}

	/** Episodes and group incidents that were decided, and are not in the store. */
	get unsavedVerdicts(): number {
		return this.#episodes.length + this.#groups.length;
	}

	get isBusy(): boolean {
		return this.#inFlight !== null;
	}

	record(changes: Changes): void {
		const { monoMs } = this.#options.clock.now();
		for (const runId of changes.evictedRuns) this.#changedRuns.delete(runId);
		for (const runId of changes.changedRuns) this.#changedRuns.add(runId);
		for (const runId of changes.heldRuns) {
			if (!this.#heldRuns.has(runId)) this.#heldRuns.set(runId, monoMs);
		}
		this.#left.note(changes);
		this.#episodes.push(...changes.episodes);
		this.#outbox.push(...changes.outbox);
		this.#groups.push(...changes.groups);
		for (const row of changes.learned) this.#learned.set(learnedKey(row), row);
		if (this.#failing) this.#sendUnsaved();
		this.commitIfDue();
	}

	hold(hold: DeliveryHold): void {
		this.#held.push(hold);
		this.commitIfDue();
	}

	/** All or none of them. */
	settle(settlements: readonly DeliverySettlement[]): void {
		this.#settled.push(...settlements);
		this.commitIfDue();
	}

	/** Called with every tick as well: beats and the workspace's record come due with time. */
	commitIfDue(): void {
		const { monoMs } = this.#options.clock.now();
		if (this.#inFlight !== null || monoMs < this.#retryAtMonoMs) return;
		const gathered = this.#gather(monoMs, false);
		if (gathered !== null) this.#begin(gathered);
	}

	/**
	 * Writes everything, beats included; for the end. Also tries what failed before, and gives up after one failure of its
	 * own: what is lost is rebuilt over REST.
	 */
	async flush(): Promise<void> {
		await this.settled();
		this.#workspaceWrittenMonoMs = Number.NEGATIVE_INFINITY;
		for (;;) {
			const gathered = this.#gather(this.#options.clock.now().monoMs, true);
			if (gathered === null) return;
			this.#begin(gathered);
			if (!(await this.settled())) return;
		}
	}

	/** Waits for the commit in flight and those that follow from it; true: all that is urgent is in the store then. */
	async settled(): Promise<boolean> {
		while (this.#inFlight !== null) await this.#inFlight;
		return !this.#failing;
	}

	#begin(gathered: Gathered): void {
		this.#left.commitBegins();
		this.#inFlight = this.#commit(gathered).finally(() => {
			this.#inFlight = null;
			this.commitIfDue();
		});
	}

	#gather(nowMonoMs: number, everything: boolean): Gathered | null {
		const { tracker, clock } = this.#options;
		const now = clock.now();
		const durable = this.#urgent() > 0;
		const workspaceDue = nowMonoMs - this.#workspaceWrittenMonoMs >= workspaceWrittenEveryMs;
		// Before the beats: those of a run that is written whole go with it.
		const changed = this.#takeChanged(now);
		const beats = tracker.stored.takeBeats({ everything, rowsMax: batchBeatsMax }, now);
		const heldDue = takeDue(this.#heldRuns, everything || durable ? nowMonoMs : nowMonoMs - heldWrittenEveryMs);
		const forgotten = this.#left.takeForgotten();
		const coalesced = beats.slots.length + beats.wholeRuns.length + heldDue.length + forgotten.length;
		if (!durable && coalesced === 0 && !workspaceDue) return null;
		this.#workspaceWrittenMonoMs = nowMonoMs;
		const workspace = tracker.workspaceRow(now);
		if (!durable && coalesced === 0 && workspace === null) return null;
		const batch: CommitBatch = {
			forgottenRuns: forgotten.map((runId) => ({ workspace: this.#options.workspace, runId })),
			runs: [...changed, ...this.#runChanges(beats.wholeRuns, now)],
			beats: beats.rows,
			episodes: this.#episodes,
			outbox: this.#outbox,
			held: this.#held,
			settled: this.#settled,
			workspaces: workspace === null ? [] : [workspace],
			groups: this.#groups.map((incident) => ({ workspace: this.#options.workspace, incident })),
			heldRuns: heldDue.map((runId) => this.#heldRun(runId)),
			// What was learned is not urgent: it goes with whatever is written next.
			learned: [...this.#learned.values()].map((row) => ({ ...row, workspace: this.#options.workspace })),
			durable,
		};
		this.#groups = [];
		this.#learned.clear();
		this.#episodes = [];
		this.#outbox = [];
		this.#held = [];
		this.#settled = [];
		return { batch, beats };
	}

	#takeChanged(now: Instant): readonly RunChange[] {
		const changed = [...this.#changedRuns].slice(0, batchRunsMax);
		for (const runId of changed) this.#changedRuns.delete(runId);
		return this.#runChanges(changed, now);
	}

	#runChanges(runIds: readonly string[], now: Instant): readonly RunChange[] {
		return runIds.flatMap((runId) => this.#options.tracker.stored.takeRun(runId, now) ?? []);
	}

	/** Changes that must not wait. */
	#urgent(): number {
		const deliveries = this.#outbox.length + this.#held.length + this.#settled.length;
		return deliveries + this.#episodes.length + this.#groups.length + this.#changedRuns.size;
	}

	#heldRun(runId: string): HeldRunChange {
		const { tracker, workspace } = this.#options;
		return { workspace, runId, row: tracker.heldRowOf(runId) };
	}

	async #commit(gathered: Gathered): Promise<void> {
		const { store, reporter, clock } = this.#options;
		const startedMonoMs = clock.now().monoMs;
		const { batch } = gathered;
		try {
			for (const runId of this.#written(gathered, await store.commit(batch))) await this.#reload(runId);
		} catch (error) {
			return this.#keepForLater(gathered, error);
		}
		reporter.committed({ durationMs: clock.now().monoMs - startedMonoMs, rows: rowsIn(batch) });
		if (this.#failing) {
			this.#failing = false;
			reporter.storeRecovered();
		}
		this.#send(batch.outbox);
	}

	/** @returns runs that the store has in another version */
	#written({ batch, beats }: Gathered, { lost, lostBeats, places }: CommitResult): readonly string[] {
		const { stored } = this.#options.tracker;
		const lostIds = new Set(lost.map(({ runId }) => runId));
		for (const [index, { row, version }] of batch.runs.entries()) {
			if (lostIds.has(row.runId) || this.#left.hasLeft(row)) continue;
			stored.runWritten(row.runId, version + 1, places[index] ?? 0);
		}
		return [...lostIds, ...stored.beatsWritten(beats, lostBeats)];
	}

	/** Another wrote the run in between, or it is back in memory: what is stored is merged into ours, and written again. */
	async #reload(runId: string): Promise<void> {
		const stored = await this.#options.store.loadRun({ workspace: this.#options.workspace, runId });
		this.#options.tracker.stored.runReloaded(runId, stored);
		this.#changedRuns.add(runId);
		if (stored !== null) this.#options.onReloaded(viewOfRow(stored.row));
	}

	#keepForLater({ batch, beats }: Gathered, error: unknown): void {
		const { reporter, clock, tracker, outboxRowsMax } = this.#options;
		if (!(error instanceof StoreError) || error.isDamage) this.#fault.reject(error);
		reporter.storeFailed(error instanceof StoreError ? error.code : "unexpected", messageOf(error));
		this.#failing = true;
		this.#retryAtMonoMs = clock.now().monoMs + retryMs;
		for (const { row } of batch.runs) this.#changedRuns.add(row.runId);
		tracker.stored.beatsNotWritten(beats);
		this.#left.notForgotten(batch.forgottenRuns);
		for (const { runId } of batch.heldRuns) this.#heldRuns.set(runId, clock.now().monoMs);
		for (const { workspace: _, ...row } of batch.learned) {
			if (!this.#learned.has(learnedKey(row))) this.#learned.set(learnedKey(row), row);
		}
		this.#groups = [...batch.groups.map(({ incident }) => incident), ...this.#groups];
		this.#episodes = [...batch.episodes, ...this.#episodes];
		this.#outbox = [...batch.outbox, ...this.#outbox];
		this.#held = [...batch.held, ...this.#held];
		this.#settled = [...batch.settled, ...this.#settled];
		this.#sendUnsaved();
		for (const row of this.#outbox.splice(outboxRowsMax)) this.#sentUnsaved.delete(sentKey(row));
	}

	#sendUnsaved(): void {
		const unsent = this.#outbox.filter((row) => !this.#sentUnsaved.has(sentKey(row)));
		for (const row of unsent) this.#sentUnsaved.add(sentKey(row));
		if (unsent.length > 0) this.#options.onSendable(unsent);
	}

	#send(rows: readonly OutboxRow[]): void {
		const unsent = rows.filter((row) => !this.#sentUnsaved.delete(sentKey(row)));
		if (unsent.length > 0) this.#options.onSendable(unsent);
	}
}
