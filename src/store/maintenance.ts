import { existsSync, linkSync, rmSync } from "node:fs";
import SqliteDatabase, { type Database } from "better-sqlite3";
import { messageOf, OperatorError } from "../lib/errors.ts";
import { inspectDatabaseFile, refusal } from "./database-file.ts";
import { type OpenStoreOptions, openStore } from "./open-store.ts";
import { primaryCodeOf } from "./sqlite-error.ts";
import { parseStoreUrl, shown, urlHint } from "./store-url.ts";

/** How long a statement waits for the daemon's commit to end. */
const busyTimeoutMs = 5_000;
/** Of a badly damaged file; the first few tell enough. */
const faultsMax = 20;

export interface DatabaseReport {
	readonly path: string;
	readonly schemaVersion: number;
	/** What is damaged, a line each; none: it is sound. */
	readonly faults: readonly string[];
	/** Rows that could not be understood and were put aside when they were met. */
	readonly rowsAside: number;
}

/**
 * A whole copy of the database, taken while the daemon goes on.
 *
 * @param target must not exist
 * @throws OperatorError
 */
export async function backUpDatabase(url: string, target: string): Promise<void> {
	const { path } = existingDatabase(url);
	if (existsSync(target)) throw new OperatorError(`${shown(target)} exists; name a new file for the backup`);
	const partial = `${target}.partial`;
	const database = openForReading(path);
	try {
		rmSync(partial, { force: true });
		await database.backup(partial);
		// A link, unlike a rename, does not replace what has come there meanwhile.
		linkSync(partial, target);
	} catch (error) {
		throw new OperatorError(`the backup ${shown(target)} could not be written (${messageOf(error)}); mend that`, {
			cause: error,
		});
	} finally {
		database.close();
		rmSync(partial, { force: true });
	}
}

/**
 * Reads every page and index; the daemon may go on meanwhile. Changes nothing.
 *
 * @throws OperatorError when there is no database of ours
 */
export function checkDatabase(url: string): DatabaseReport {
	const { path, schemaVersion } = existingDatabase(url);
	const found = { path, schemaVersion };
	let database: Database | null = null;
	try {
		database = openForReading(path);
		return { ...found, faults: faultsOf(database), rowsAside: rowsAsideIn(database) };
	} catch (error) {
		const code = primaryCodeOf(error);
		if (code === "CORRUPT" || code === "NOTADB") return { ...found, faults: [messageOf(error)], rowsAside: 0 };
		throw refusal(path, messageOf(error), "mend that", error);
	} finally {
		database?.close();
	}
}

/**
 * Brings the database to the newest schema, as a start would; makes it where there is none.
 *
 * @returns the schema before (0: there was none) and after
 * @throws OperatorError, also while a daemon has it open
 */
export async function migrateDatabase(
	url: string,
	options: OpenStoreOptions,
): Promise<{ readonly path: string; readonly from: number; readonly to: number }> {
	const path = pathOf(url);
	const before = inspectDatabaseFile(path);
	const store = await openStore(url, options);
	await store[Symbol.asyncDispose]();
	const after = inspectDatabaseFile(path);
	return { path, from: versionOf(before), to: versionOf(after) };
}

function versionOf(file: ReturnType<typeof inspectDatabaseFile>): number {
	return file.kind === "new" ? 0 : file.schemaVersion;
}

function pathOf(url: string): string {
	const location = parseStoreUrl(url);
	if (location.kind === "memory") throw new OperatorError(`store.url memory: has no file; ${urlHint}`);
	return location.path;
}

function existingDatabase(url: string): { readonly path: string; readonly schemaVersion: number } {
	const path = pathOf(url);
	const file = inspectDatabaseFile(path);
	if (file.kind === "new") throw refusal(path, "there is none yet", "start zombied once");
	return { path, schemaVersion: file.schemaVersion };
}

function openForReading(path: string): Database {
	return new SqliteDatabase(path, { readonly: true, fileMustExist: true, timeout: busyTimeoutMs });
}

function faultsOf(database: Database): string[] {
	const told = database.pragma(`integrity_check(${faultsMax})`) as { readonly integrity_check: string }[];
	const faults = told.map((row) => row.integrity_check).filter((line) => line !== "ok");
	const strays = database.pragma("foreign_key_check") as { readonly table: string }[];
	return [...faults, ...strays.slice(0, faultsMax).map(({ table }) => `a row of ${table} points nowhere`)];
}

function rowsAsideIn(database: Database): number {
	const row = database.prepare("SELECT count(*) AS rows FROM unreadable_rows").get() as { readonly rows: number };
	return row.rows;
}
