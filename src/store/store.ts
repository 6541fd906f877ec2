import type { BeatRows } from "../core/beat-rows.ts";
import type { DeliveryHold, DeliverySettlement } from "../core/delivery.ts";
import type { RunSilenceRow } from "../core/disruption-row.ts";
import type { Episode, SpentAlert, Transition } from "../core/episode.ts";
import type { GroupIncident } from "../core/group-incident.ts";
import type { Learned, LearnedRow } from "../core/learning.ts";
import type { RunRow, WorkspaceRow } from "../core/record.ts";

import type { EpisodeQuery } from "./episode-query.ts";
import type { OutboxStore } from "./outbox-store.ts";
import type { RemedyStore } from "./remedy-store.ts";
import type { SilenceStore } from "./silence-store.ts";

export type { BeatRows } from "../core/beat-rows.ts";
export type { BlindSpanRow, RunRow, WorkspaceRow } from "../core/record.ts";

export interface RunKey {
	readonly workspace: string;
	readonly runId: string;
}

/** A versioned row: the version counts the commits that changed it, and is 0 before the first. */
export interface RunChange {
	readonly row: RunRow;
	readonly version: number;
}

/** As it is read back. */
export interface StoredRun extends RunChange {
	/** Where the store keeps it, which beats are written to. Opaque, greater than 0, and never another run's meanwhile. */
	readonly place: number;
}

export interface RunsQuery {
	readonly workspace: string;
	/** Of the last run that was read; 0: from the first. */
	readonly afterPlace: number;
	readonly rowsMax: number;
}

/** A delivery that is owed: one row for each transition and sink. */
export interface OutboxRow {
	readonly sink: string;
	readonly transition: Transition;
	/** Our wall clock. */
	readonly createdAtMs: number;
}

/** A group incident with its key: workspace and `groupId`. */
export interface GroupRow {
	readonly workspace: string;
	readonly incident: GroupIncident;
}

/** A run's part in a mass lapse, or that it has none any more (`row` is null); one row for each run. */
export interface HeldRunChange extends RunKey {
	readonly row: RunSilenceRow | null;
}

/** What was learned anew of a deployment, or is forgotten (`row` is null); one row for each workspace, kind and key. */
export type LearnedChange = LearnedRow & { readonly workspace: string };

/** As it is read back: each kind in its shape. */
export type StoredLearned = Learned & { readonly key: string };

/**
 * Everything one step changed. Structured-cloneable plain data, so that a store may live in another thread or process.
 * All of it becomes durable, or none.
 */
export interface CommitBatch {
	/** Not stored any more, before `runs`; one that is not stored is none. */
	readonly forgottenRuns: readonly RunKey[];
	/** Compare-and-set: `version` is the one the change was made on; 0 when the run was not stored before. */
	readonly runs: readonly RunChange[];
	/** Of stored runs of which nothing but their beats has changed; compare-and-set as well. After `runs`. */
	readonly beats: BeatRows;
	/** Opened or closed. An id that is already there stays as it opened; a closed episode stays closed. */
	readonly episodes: readonly Episode[];
	/** A key that is already there for the sink stays as it is. */
	readonly outbox: readonly OutboxRow[];
	/** Before `settled`. */
	readonly held: readonly DeliveryHold[];
	readonly settled: readonly DeliverySettlement[];
	readonly workspaces: readonly WorkspaceRow[];
	/** Opened, changed or closed. The last word counts while it is open; a closed one stays as it closed. */
	readonly groups: readonly GroupRow[];
	/** The last word counts. */
	readonly heldRuns: readonly HeldRunChange[];
	/** The last word counts. */
	readonly learned: readonly LearnedChange[];
	/** False: nothing but proofs of life, whose loss is harmless; the store may skip the fsync. */
	readonly durable: boolean;
}

export interface CommitResult {
	/** Runs whose stored version was another: left as stored; load them again and merge. */
	readonly lost: readonly RunKey[];
	/** The same of `beats`: which rows. */
	readonly lostBeats: readonly number[];
	/** For each of `runs` in turn: the place of a run that this commit stored first; 0: it has one already, or was lost. */
	readonly places: readonly number[];
}

/** All that is alive but the runs, of which there may be a million. */
export interface StoredWorld {
	/** Stored runs, those included that cannot be understood. */
	readonly runsTotal: number;
	readonly openEpisodes: readonly Episode[];
	/** Of closed episodes, those whose outcome lets them come again, by alert id. */
	readonly spentAlerts: readonly SpentAlert[];
	readonly workspaces: readonly WorkspaceRow[];
	/** To be sent: neither settled nor held; oldest first. */
	readonly outbox: readonly OutboxRow[];
	readonly openGroups: readonly GroupIncident[];
	/** By run id. */
	readonly heldRuns: readonly RunSilenceRow[];
	/** In the order in which they were last written. */
	readonly learned: readonly StoredLearned[];
}

export interface OwedQuery {
	readonly workspace: string;
	readonly sink: string;
	readonly rowsMax: number;
}

/** What is older than these instants (our wall clock) is deleted; what is just as old stays. */
export interface RetentionLimits {
	readonly runsBeforeMs: number;
	readonly episodesBeforeMs: number;
}

/** What was deleted, and how the store is. */
export interface Retained {
	readonly runs: number;
	readonly episodes: number;
	/** Of the file in which commits gather before they are brought into the main one; missing where there is none. */
	readonly logBytes?: number;
}

/**
 * Durable memory. Laws, which the conformance suite holds every store to:
 * 1. a batch is atomic: all or nothing, also through a crash;
 * 2. a run row is written if and only if its stored version equals the one named, and then counts one more; a name that
 *    is stored stays when the row has none. So it is with beats, which leave all else of their row as it is; the place of
 *    a run stays as long as it is stored. A run that is forgotten is as one that was never stored;
 * 3. an episode opens once and closes once, whatever is committed twice or late: a closing that comes without its opening
 *    is stored as closed, and what an episode opened with stays. A run's attempt has one open episode at most: a second
 *    one fails the batch, unless the first closes in it (closings come first, wherever they stand in the batch);
 * 4. an outbox row exists once for each sink and key, and once settled stays as it was settled, unless `OutboxStore.retry`
 *    takes it up; a row that is held or settled in the batch that brings it is stored so; a hold or a settlement of an
 *    unknown row is nothing, and so is a hold of a settled one;
 * 5. `load` gives back what was committed, field by field: numbers are finite, text is well-formed Unicode, run ids are
 *    UUIDs in lower case (another one fails the batch). A stored row that cannot be understood is told to whoever opened
 *    the store, put aside and skipped: what it told then counts as never stored;
 * 6. what was learned is there once for each workspace, kind and key, as it was written last, until it is forgotten; so
 *    is a run's part in a mass lapse, for each workspace and run;
 *    a group incident once for each workspace and id, as it was written last until it is closed, and then as it closed;
 * 7. after disposal everything is refused with the code `CLOSED`; disposing twice is harmless.
 */
export interface Store extends AsyncDisposable {
	/** What was done about runs, and what was not. */
	readonly remedies: RemedyStore;
	/** Deliveries as operators see them, and what is held. */
	readonly outbox: OutboxStore;
	/** What people have said about alerts. */
	readonly silences: SilenceStore;
	/**
	 * Everything that is alive but the runs: open episodes by the time they were raised, then alert id, rows to be sent by
	 * the time they were created, then the order of commits, open group incidents by the time they opened, then id, what was
	 * learned in the order in which it was last written.
	 *
	 * @throws StoreError
	 */
	load(workspace: string): Promise<StoredWorld>;
	/**
	 * Stored runs (ended ones too, while retention keeps them), `rowsMax` at most, in the order of their places; none: those
	 * were all. `runsOf` goes through all of them.
	 *
	 * @throws StoreError
	 */
	loadRuns(query: RunsQuery): Promise<readonly StoredRun[]>;
	/**
	 * The stored run, after a lost compare-and-set; null: it is not stored (any more), so its version is 0.
	 *
	 * @throws StoreError
	 */
	loadRun(key: RunKey): Promise<StoredRun | null>;
	/**
	 * What is owed to one sink, in the order of `load`, the first `rowsMax` rows of it. Rows that cannot be understood count
	 * as read.
	 *
	 * @throws StoreError
	 */
	loadOutbox(owed: OwedQuery): Promise<readonly OutboxRow[]>;
	/**
	 * Episodes, open and closed ones, for whoever looks; those that cannot be understood are left out.
	 *
	 * @throws StoreError
	 */
	loadEpisodes(query: EpisodeQuery): Promise<readonly Episode[]>;
	/** @throws StoreError; nothing of the batch is kept then. */
	commit(batch: CommitBatch): Promise<CommitResult>;
	/**
	 * Deletes ended runs unchanged since `runsBeforeMs` that have no open episode, episodes and group incidents closed
	 * before `episodesBeforeMs`, and deliveries settled, silences ended and acknowledgements (of alerts that are over) given
	 * before it. In slices: commits go on meanwhile.
	 *
	 * @throws StoreError; what was deleted before it stays deleted
	 */
	retain(limits: RetentionLimits): Promise<Retained>;
}
