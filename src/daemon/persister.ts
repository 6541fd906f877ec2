import type { Episode } from "../core/episode.ts";
import type { GroupIncident } from "../core/group-incident.ts";
import type { LearnedRow } from "../core/learning.ts";
import { viewOfRow } from "../core/record.ts";
import type { RunView } from "../core/run.ts";
import type { Tracker } from "../core/tracker.ts";
import type { Clock } from "../lib/clock.ts";
import { messageOf } from "../lib/errors.ts";
import type { Reporter } from "../observe/reporter.ts";
import type { CommitBatch, HeldRunChange, OutboxKey, OutboxRow, Store, StoredRun } from "../store/store.ts";
import { StoreError } from "../store/store-error.ts";
import { batchRunsMax, takeDue } from "./due-runs.ts";
import { RunVersions } from "./run-versions.ts";

/** A lost tail of heartbeats is harmless, since start-up catches up over REST: a run's are written this often at most. */
const beatsWrittenEveryMs = 60_000;
/** How far the workspace's own record may lag: after a crash that much is read again. */
const workspaceWrittenEveryMs = 10_000;
/**
 * How far the records of held runs may lag. Each changes a few times a silence, so that a million runs that lapse at once
 * are a few million rows in all. What a crash loses is made good by the groups' record: the hold ends with the group's.
 */
const heldWrittenEveryMs = 10_000;
/** Between tries while the store fails. */
const retryMs = 1_000;
/** What a step of the core wants kept. */
export interface Changes {
	readonly changedRuns: ReadonlySet<string>;
	/** Left memory: their versions are forgotten as well, and read again should they come back. */
	readonly evictedRuns: readonly string[];
	readonly episodes: readonly Episode[];
	readonly outbox: readonly OutboxRow[];
	readonly groups: readonly GroupIncident[];
	/** Runs whose part in a mass lapse changed. */
	readonly heldRuns: ReadonlySet<string>;
	readonly learned: readonly LearnedRow[];
}

export interface PersisterOptions {
	readonly store: Store;
	readonly tracker: Tracker;
	readonly reporter: Reporter;
	readonly clock: Clock;
	readonly workspace: string;
	/** Outbox rows kept in memory while the store fails; more are still sent, but not written. */
	readonly outboxRowsMax: number;
	/** The runs as the store held them at the start. */
	readonly loaded: readonly StoredRun[];
	/** A stored run that another writer had changed; merged when this returns, since the run is written again at once. */
	readonly onReloaded: (view: RunView) => void;
	/** Rows that may be sent now. */
	readonly onSendable: (rows: readonly OutboxRow[]) => void;
}

/**
 * Makes decisions durable: one commit in flight, and what comes meanwhile gathers for the next. A failed commit leaves
 * everything dirty and is tried again. Alerts do not wait for a store that fails: they are sent from memory, and
 * written when it is back.
 */
export class Persister {
	readonly #options: PersisterOptions;
	readonly #versions: RunVersions;
	readonly #changedRuns = new Set<string>();
	#episodes: Episode[] = [];
	#outbox: OutboxRow[] = [];
	#delivered: OutboxKey[] = [];
	#groups: GroupIncident[] = [];
	/** Since when the change waits. */
	readonly #heldRuns = new Map<string, number>();
	/** By kind and key: the last word counts. */
	readonly #learned = new Map<string, LearnedRow>();
	/** Keys of rows that were sent from memory because the store failed. */
	readonly #sentUnsaved = new Set<string>();
	#inFlight: Promise<void> | null = null;
	#failing = false;
	#workspaceWrittenMonoMs = Number.NEGATIVE_INFINITY;
	#retryAtMonoMs = Number.NEGATIVE_INFINITY;
	readonly #fault = Promise.withResolvers<never>();

	constructor(options: PersisterOptions) {
		this.#options = options;
		this.#versions = new RunVersions(options.loaded);
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

	/** A commit is in flight. */
	get isBusy(): boolean {
		return this.#inFlight !== null;
	}

	record(changes: Changes): void {
		const { monoMs } = this.#options.clock.now();
		for (const runId of changes.changedRuns) this.#changedRuns.add(runId);
		for (const runId of changes.heldRuns) {
			if (!this.#heldRuns.has(runId)) this.#heldRuns.set(runId, monoMs);
		}
		for (const runId of changes.evictedRuns) this.#versions.forget(runId);
		this.#episodes.push(...changes.episodes);
		this.#outbox.push(...changes.outbox);
		this.#groups.push(...changes.groups);
		for (const row of changes.learned) this.#learned.set(learnedKey(row), row);
		if (this.#failing) this.#sendUnsaved();
		this.commitIfDue();
	}

	delivered(key: OutboxKey): void {
		this.#delivered.push(key);
		this.commitIfDue();
	}

	/** Called with every tick as well: beats and the workspace's record come due with time. */
	commitIfDue(): void {
		const { monoMs } = this.#options.clock.now();
		if (this.#inFlight !== null || monoMs < this.#retryAtMonoMs) return;
		const batch = this.#gather(monoMs, false);
		if (batch !== null) this.#begin(batch);
	}

	/**
	 * Writes everything, beats included; for the end. Also tries what failed before, and gives up after one failure of its
	 * own: what is lost is rebuilt over REST.
	 */
	async flush(): Promise<void> {
		await this.settled();
		this.#workspaceWrittenMonoMs = Number.NEGATIVE_INFINITY;
		for (;;) {
			const batch = this.#gather(this.#options.clock.now().monoMs, true);
			if (batch === null) return;
			this.#begin(batch);
			if (!(await this.settled())) return;
		}
	}

	/** Waits for the commit in flight and those that follow from it; true: all that is urgent is in the store then. */
	async settled(): Promise<boolean> {
		while (this.#inFlight !== null) await this.#inFlight;
		return !this.#failing;
	}

	#begin(batch: CommitBatch): void {
		this.#versions.commitBegins();
		this.#inFlight = this.#commit(batch).finally(() => {
			this.#inFlight = null;
			this.commitIfDue();
		});
	}

	#gather(nowMonoMs: number, everything: boolean): CommitBatch | null {
		const { tracker } = this.#options;
		const durable = this.#urgent() > 0;
		const workspaceDue = nowMonoMs - this.#workspaceWrittenMonoMs >= workspaceWrittenEveryMs;
		const beaten = tracker.takeUnstored(everything ? nowMonoMs : nowMonoMs - beatsWrittenEveryMs, batchRunsMax);
		const heldDue = takeDue(this.#heldRuns, everything || durable ? nowMonoMs : nowMonoMs - heldWrittenEveryMs);
		const coalesced = beaten.length + heldDue.length;
		if (!durable && coalesced === 0 && !workspaceDue) return null;
		const changed = [...this.#changedRuns].slice(0, batchRunsMax);
		for (const runId of changed) this.#changedRuns.delete(runId);
		this.#workspaceWrittenMonoMs = nowMonoMs;
		const workspace = tracker.workspaceRow(this.#options.clock.now());
		if (!durable && coalesced === 0 && workspace === null) return null;
		const batch: CommitBatch = {
			runs: [...new Set([...changed, ...beaten])].flatMap((runId) => this.#storedRun(runId) ?? []),
			episodes: this.#episodes,
			outbox: this.#outbox,
			delivered: this.#delivered,
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
		this.#delivered = [];
		return batch;
	}

	/** Changes that must not wait. */
	#urgent(): number {
		const rows = this.#episodes.length + this.#outbox.length + this.#delivered.length + this.#groups.length;
		return rows + this.#changedRuns.size;
	}

	#storedRun(runId: string): StoredRun | null {
		const row = this.#options.tracker.rowOf(runId, this.#options.clock.now());
		return row === null ? null : { row, version: this.#versions.of(runId) };
	}

	#heldRun(runId: string): HeldRunChange {
		const { tracker, workspace } = this.#options;
		return { workspace, runId, row: tracker.heldRowOf(runId) };
	}

	async #commit(batch: CommitBatch): Promise<void> {
		const { store, tracker, reporter, clock } = this.#options;
		const startedMonoMs = clock.now().monoMs;
		try {
			const { lost } = await store.commit(batch);
			const lostIds = new Set(lost.map((key) => key.runId));
			const written = batch.runs.filter(({ row }) => !lostIds.has(row.runId));
			for (const run of written) this.#versions.written(run);
			for (const { row } of written) tracker.stored(row.runId);
			for (const key of lost) await this.#reload(key.runId);
		} catch (error) {
			this.#keepForLater(batch, error);
			return;
		}
		const rows = batch.runs.length + batch.episodes.length + batch.outbox.length + batch.delivered.length;
		reporter.committed({ durationMs: clock.now().monoMs - startedMonoMs, rows });
		if (this.#failing) {
			this.#failing = false;
			reporter.storeRecovered();
		}
		this.#send(batch.outbox);
	}

	/** Another wrote the run in between, or it is back in memory: what is stored is merged into ours, and written again. */
	async #reload(runId: string): Promise<void> {
		const stored = await this.#options.store.loadRun({ workspace: this.#options.workspace, runId });
		this.#versions.reloaded(runId, stored?.version ?? 0);
		this.#changedRuns.add(runId);
		if (stored !== null) this.#options.onReloaded(viewOfRow(stored.row));
	}

	#keepForLater(batch: CommitBatch, error: unknown): void {
		const { reporter, clock, outboxRowsMax } = this.#options;
		if (!(error instanceof StoreError) || error.isDamage) this.#fault.reject(error);
		reporter.storeFailed(error instanceof StoreError ? error.code : "unexpected", messageOf(error));
		this.#failing = true;
		this.#retryAtMonoMs = clock.now().monoMs + retryMs;
		for (const { row } of batch.runs) this.#changedRuns.add(row.runId);
		for (const { runId } of batch.heldRuns) this.#heldRuns.set(runId, clock.now().monoMs);
		for (const { workspace: _, ...row } of batch.learned) {
			if (!this.#learned.has(learnedKey(row))) this.#learned.set(learnedKey(row), row);
		}
		this.#groups = [...batch.groups.map(({ incident }) => incident), ...this.#groups];
		this.#episodes = [...batch.episodes, ...this.#episodes];
		this.#outbox = [...batch.outbox, ...this.#outbox];
		this.#delivered = [...batch.delivered, ...this.#delivered];
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

function learnedKey({ kind, key }: LearnedRow): string {
	return `${kind} ${key}`;
}

function sentKey(row: OutboxRow): string {
	return `${row.sink} ${row.transition.key}`;
}
