import { statSync } from "node:fs";
import { setImmediate as nextTurn } from "node:timers/promises";
import type { Database, Statement } from "better-sqlite3";
import type { Episode } from "../core/episode.ts";
import type { Clock } from "../lib/clock.ts";
import {
	columnsOfEpisode,
	columnsOfGroup,
	columnsOfHeldRun,
	columnsOfLearned,
	columnsOfOutbox,
	columnsOfWorkspace,
} from "./columns.ts";
import { closingsFirst } from "./episode-order.ts";
import type { EpisodeQuery } from "./episode-query.ts";
import type { InstanceLock } from "./instance-lock.ts";
import { RowReader } from "./row-reader.ts";
import { forgetRun, writeBeats, writeRun } from "./run-writer.ts";
import { asStoreError } from "./sqlite-error.ts";
import { SqliteOutbox } from "./sqlite-outbox.ts";
import { type Guard, SqliteRemedies } from "./sqlite-remedies.ts";
import { SqliteSilences } from "./sqlite-silences.ts";
import { prepareStatements, type SliceBounds, type Statements } from "./statements.ts";
import type {
	CommitBatch,
	CommitResult,
	OutboxRow,
	OwedQuery,
	Retained,
	RetentionLimits,
	RunKey,
	RunsQuery,
	Store,
	StoredRun,
	StoredWorld,
} from "./store.ts";
import { StoreError } from "./store-error.ts";

/** Rows that retention deletes at once: a few milliseconds of the thread, then commits have their turn. */
export const retentionSliceRows = 500;

export interface SqliteStoreParts {
	/** Open, at the newest schema, in WAL mode (open-sqlite.ts); the store owns it from here on. */
	readonly database: Database;
	readonly lock: InstanceLock;
	/** For the time of deliveries and of rows set aside. */
	readonly clock: Clock;
	/** Told of each row that could not be understood: which, and why. Counts and samples; must not throw. */
	readonly onMalformedRow: (sample: string) => void;
}

/** One file of SQLite, answering at once behind the asynchronous interface. The laws are those of `Store`. */
export class SqliteStore implements Store {
	readonly #database: Database;
	readonly #lock: InstanceLock;
	readonly #clock: Clock;
	readonly #statements: Statements;
	readonly #reader: RowReader;
	readonly #write: (batch: CommitBatch) => CommitResult;
	readonly remedies: SqliteRemedies;
	readonly outbox: SqliteOutbox;
	readonly silences: SqliteSilences;
	#syncsEachCommit: boolean | null = null;

	constructor(parts: SqliteStoreParts) {
		this.#database = parts.database;
		this.#lock = parts.lock;
		this.#clock = parts.clock;
		this.#statements = prepareStatements(parts.database);
		this.#reader = new RowReader({ ...parts, statements: this.#statements });
		// Immediate: a lock held by another process is met at the start, not half-way.
		const write = parts.database.transaction((batch: CommitBatch) => this.#writeAll(batch));
		this.#write = (batch) => write.immediate(batch);
		const guard: Guard = (doing, work) =>
			this.#guard(doing, () => {
				this.#syncEachCommit(true);
				return work();
			});
		this.remedies = new SqliteRemedies(parts.database, guard);
		this.outbox = new SqliteOutbox({ database: parts.database, guard, nowMs: () => this.#clock.now().wallMs });
		this.silences = new SqliteSilences(parts.database, guard);
	}

	async load(workspace: string): Promise<StoredWorld> {
		return this.#guard("loading from the store", () => {
			this.#syncEachCommit(true);
			return this.#reader.readWorld(workspace);
		});
	}

	async loadRuns(query: RunsQuery): Promise<readonly StoredRun[]> {
		return this.#guard("loading from the store", () => {
			this.#syncEachCommit(true);
			return this.#reader.readRuns(query);
		});
	}

	async loadRun(key: RunKey): Promise<StoredRun | null> {
		return this.#guard("loading from the store", () => {
			this.#syncEachCommit(true);
			return this.#reader.readRun(key);
		});
	}

	async loadOutbox(owed: OwedQuery): Promise<readonly OutboxRow[]> {
		return this.#guard("loading from the store", () => {
			this.#syncEachCommit(true);
			return this.#reader.readOutbox(owed);
		});
	}

	async loadEpisodes(query: EpisodeQuery): Promise<readonly Episode[]> {
		return this.#guard("loading from the store", () => this.#reader.readEpisodes(query));
	}

	async commit(batch: CommitBatch): Promise<CommitResult> {
		const result = this.#guard("the store's commit", () => {
			this.#syncEachCommit(batch.durable);
			return this.#write(batch);
		});
		// Beats come a part at a time, and others have their turn in between; what is urgent does not wait for them.
		if (!batch.durable) await nextTurn();
		return result;
	}

	async retain(limits: RetentionLimits): Promise<Retained> {
		this.#refuseWhenClosed();
		const runs = await this.#deleteInSlices(this.#statements.deleteRuns, limits.runsBeforeMs);
		await this.#deleteInSlices(this.#statements.deleteLabels, limits.runsBeforeMs);
		const episodes = await this.#deleteInSlices(this.#statements.deleteEpisodes, limits.episodesBeforeMs);
		await this.#deleteInSlices(this.#statements.deleteDelivered, limits.episodesBeforeMs);
		await this.#deleteInSlices(this.#statements.deleteGroups, limits.episodesBeforeMs);
		await this.#deleteInSlices(this.#statements.deleteRemedies, limits.episodesBeforeMs);
		await this.#deleteInSlices(this.#statements.deleteSilences, limits.episodesBeforeMs);
		await this.#deleteInSlices(this.#statements.deleteAcknowledgements, limits.episodesBeforeMs);
		await this.#deleteInSlices(this.#statements.deleteUnreadable, limits.episodesBeforeMs);
		return { runs, episodes, logBytes: statSync(`${this.#database.name}-wal`, { throwIfNoEntry: false })?.size ?? 0 };
	}

	/** Brings the write-ahead log into the file, so that a copy of the file alone is whole, and lets the next instance in. */
	async [Symbol.asyncDispose](): Promise<void> {
		if (!this.#database.open) {
			return;
		}
		try {
			this.#database.pragma("wal_checkpoint(TRUNCATE)");
		} catch {
			// Everything committed is in the log, which the next start reads: nothing is lost by leaving it there.
		} finally {
			this.#database.close();
			await this.#lock[Symbol.asyncDispose]();
		}
	}

	#refuseWhenClosed(): void {
		if (!this.#database.open) {
			throw new StoreError("the store is closed", { code: "CLOSED", retryable: false });
		}
	}

	#guard<Result>(doing: string, work: () => Result): Result {
		this.#refuseWhenClosed();
		try {
			this.#endLeftover();
			return work();
		} catch (error) {
			throw asStoreError(doing, error);
		}
	}

	/**
	 * A transaction whose ROLLBACK failed as well stays open, and whatever comes next would be a part of it: told as
	 * committed, and gone with the process.
	 */
	#endLeftover(): void {
		if (this.#database.inTransaction) this.#database.exec("ROLLBACK");
	}

	/** In WAL mode NORMAL leaves the fsync to the next FULL commit or checkpoint, which then takes the earlier ones along. */
	#syncEachCommit(each: boolean): void {
		if (this.#syncsEachCommit !== each) {
			this.#database.pragma(`synchronous = ${each ? "FULL" : "NORMAL"}`);
			this.#syncsEachCommit = each;
		}
	}

	#writeAll(batch: CommitBatch): CommitResult {
		const statements = this.#statements;
		const lost: RunKey[] = [];
		for (const key of batch.forgottenRuns) forgetRun(statements, key);
		const places = batch.runs.map((run) => {
			const place = writeRun(statements, run);
			if (place === null) lost.push({ workspace: run.row.workspace, runId: run.row.runId });
			return place ?? 0;
		});
		const lostBeats = writeBeats(statements, batch.beats);
		for (const episode of closingsFirst(batch.episodes)) {
			statements.putEpisode.run(columnsOfEpisode(episode));
		}
		for (const row of batch.outbox) {
			statements.putOutbox.run(columnsOfOutbox(row));
		}
		const nowMs = this.#clock.now().wallMs;
		for (const hold of batch.held) statements.hold.run(hold);
		for (const { fate, ...row } of batch.settled) {
			statements.settle.run({ ...row, fate: fate === "delivered" ? null : fate, nowMs });
		}
		this.#writeKnowledge(batch);
		return { lost, lostBeats, places };
	}

	/** What a restart takes up. */
	#writeKnowledge(batch: CommitBatch): void {
		const statements = this.#statements;
		for (const row of batch.workspaces) {
			statements.putWorkspace.run(columnsOfWorkspace(row));
		}
		for (const row of batch.groups) {
			statements.putGroup.run(columnsOfGroup(row));
		}
		for (const change of batch.heldRuns) {
			const write = change.row === null ? statements.forgetHeldRun : statements.putHeldRun;
			write.run(columnsOfHeldRun(change));
		}
		for (const { row, ...place } of batch.learned) {
			if (row === null) statements.forgetLearned.run(place);
			else statements.putLearned.run(columnsOfLearned({ row, ...place }));
		}
	}

	async #deleteInSlices(statement: Statement<[SliceBounds]>, beforeMs: number): Promise<number> {
		let deleted = 0;
		// Closed meanwhile: the rest waits for the next time.
		while (this.#database.open) {
			const { changes } = this.#guard("the store's retention", () => {
				// What a crash brings back is deleted again.
				this.#syncEachCommit(false);
				return statement.run({ beforeMs, rowsMax: retentionSliceRows });
			});
			deleted += changes;
			if (changes < retentionSliceRows) {
				break;
			}
			await nextTurn();
		}
		return deleted;
	}
}
