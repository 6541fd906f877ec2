import { existsSync } from "node:fs";
import SqliteDatabase, { type Database } from "better-sqlite3";
import type { Clock } from "../lib/clock.ts";
import { messageOf, OperatorError } from "../lib/errors.ts";
import { type Damage, DamagedDatabaseError, setAsideDamaged } from "./damaged-database.ts";
import { faultOf, indexCheckBytesMax } from "./database-check.ts";
import { HeaderError, inspectDatabaseFile, prepareDatabasePath, refusal } from "./database-file.ts";
import { InstanceLock, lockPathOf } from "./instance-lock.ts";
import { type Migration, migrate, refuseNewerSchema } from "./migrate.ts";
import { primaryCodeOf } from "./sqlite-error.ts";
import { SqliteStore } from "./sqlite-store.ts";

/**
 * How long a statement waits, holding the thread, for another process (an operator's sqlite3) to let go. Short, because
 * the socket waits as well and the server drops what is not read; the commit is tried again by whoever asked for it
 * (`zombied_store_errors_total`, code SQLITE_BUSY).
 */
const busyTimeoutMs = 250;

/**
 * The write-ahead log is brought into the file when it has grown to this (SQLite's default; 4 MiB at 4 KiB a page): the
 * larger, the longer the one commit that pays for it.
 */
const walCheckpointPages = 1000;

/** A log that one huge batch has blown up is cut back to this at the next checkpoint: four times the usual size. */
export const walFileBytesMax = 16 * 1024 * 1024;
/**
 * A log of this size is told: as long as another program holds an old view of the database open, no checkpoint can begin
 * the log anew, and it grows with every commit (`zombied_store_log_bytes`). No bursts of our own come near: a batch has a few MiB.
 */
export const walToldBytesMin = 64 * 1024 * 1024;

export interface SqliteOptions {
	readonly clock: Clock;
	/** Written to the ledger of migrations, and named in messages. */
	readonly appVersion: string;
	readonly migrations: readonly Migration[];
	/** See SqliteStoreParts. */
	readonly onMalformedRow: (sample: string) => void;
	/** Told of a damaged database that was set aside, a new one being made in its place. Null: it is refused instead. */
	readonly onDamaged: ((damage: Damage) => void) | null;
	/** What SQLite said of this database while it was last open, when that was damage: it is set aside unread. */
	readonly knownDamage: string | null;
}

/**
 * Opens or makes the database at an absolute path. What is refused is left byte for byte as it was. All that is in it can
 * be learned again from Prefect, so that damage is no reason not to start.
 *
 * @throws OperatorError with one line that says what, where and how to mend it
 */
export async function openSqlite(path: string, options: SqliteOptions): Promise<SqliteStore> {
	const realPath = prepareDatabasePath(path);
	// Where no instance has ever been, nobody can have the file open, so it is looked at before a lock is put beside it.
	if (!existsSync(lockPathOf(realPath))) {
		checkFile(realPath, options);
	}
	const lock = InstanceLock.acquire(realPath);
	try {
		const database = await openOrReplace(realPath, options);
		const { clock, onMalformedRow } = options;
		return new SqliteStore({ database, lock, clock, onMalformedRow });
	} catch (error) {
		await lock[Symbol.asyncDispose]();
		throw asRefusal(realPath, error);
	}
}

async function openOrReplace(path: string, options: SqliteOptions): Promise<Database> {
	const { onDamaged, knownDamage, clock } = options;
	try {
		if (knownDamage !== null) throw new DamagedDatabaseError(knownDamage);
		return await openWhole(path, options);
	} catch (error) {
		if (onDamaged === null || !isDamage(error)) throw error;
		onDamaged(setAsideDamaged(path, clock.now().wallMs, messageOf(error)));
		return openWhole(path, options);
	}
}

async function openWhole(path: string, options: SqliteOptions): Promise<Database> {
	checkFile(path, options);
	const database = new SqliteDatabase(path, { timeout: busyTimeoutMs });
	try {
		// Damage is met here, all at once, rather than one day at a commit.
		const fault = faultOf(database, indexCheckBytesMax);
		if (fault !== null) throw new DamagedDatabaseError(fault);
		await migrate(database, { ...options, path });
		setUp(database, path);
		return database;
	} catch (error) {
		database.close();
		throw error;
	}
}

/** Without a header: an instance of ours has had this file open, or it would have been refused before its lock was made. */
function isDamage(error: unknown): boolean {
	if (error instanceof DamagedDatabaseError || error instanceof HeaderError) return true;
	const code = primaryCodeOf(error);
	return code === "CORRUPT" || code === "NOTADB";
}

function checkFile(path: string, options: SqliteOptions): void {
	const file = inspectDatabaseFile(path);
	if (file.kind === "zombied") {
		refuseNewerSchema({ ...options, path }, file.schemaVersion);
	}
}

function setUp(database: Database, path: string): void {
	if (database.pragma("journal_mode = WAL", { simple: true }) !== "wal") {
		throw refusal(path, "its file system has no write-ahead logging", "put it on a local disk");
	}
	database.pragma("foreign_keys = ON");
	database.pragma("synchronous = FULL");
	database.pragma(`wal_autocheckpoint = ${walCheckpointPages}`);
	database.pragma(`journal_size_limit = ${walFileBytesMax}`);
}

/** What SQLite says while opening, in words that an operator can act on. */
function asRefusal(path: string, error: unknown): unknown {
	if (error instanceof OperatorError) return error;
	const told = messageOf(error);
	if (isDamage(error)) {
		return refusal(path, `it is damaged (${told})`, "put a backup in its place, or move it away", error);
	}
	switch (primaryCodeOf(error)) {
		case null:
			return error;
		case "BUSY":
		case "LOCKED":
			return refusal(path, `another program is using it (${told})`, "close that program", error);
		case "FULL":
			return refusal(path, `its disk is full (${told})`, "make room", error);
		default:
			return refusal(path, told, "mend that", error);
	}
}
