import Database from "better-sqlite3";
import { messageOf } from "../lib/errors.ts";
import { StoreError } from "./store-error.ts";

/**
 * Primary result codes that can pass by themselves: another process holds a lock, the disk is full or faltering, memory
 * or file handles are short. All others (CORRUPT, NOTADB, READONLY, CONSTRAINT, …) come back however often one tries.
 * Source: https://www.sqlite.org/rescode.html
 */
const retryableCodes = new Set(["BUSY", "LOCKED", "FULL", "IOERR", "PROTOCOL", "NOMEM", "CANTOPEN", "INTERRUPT"]);

/** The primary code of an extended one: `SQLITE_IOERR_WRITE` gives `IOERR`; null for anything that is not SQLite's. */
export function primaryCodeOf(error: unknown): string | null {
	return error instanceof Database.SqliteError ? (error.code.split("_")[1] ?? "ERROR") : null;
}

/** SQLite's errors as StoreErrors that say whether trying again can help; all else is a bug and stays as it is. */
export function asStoreError(doing: string, error: unknown): unknown {
	const primary = primaryCodeOf(error);
	if (primary === null || !(error instanceof Database.SqliteError)) {
		return error;
	}
	return new StoreError(`${doing} failed: ${messageOf(error)} (${error.code})`, {
		code: error.code,
		retryable: retryableCodes.has(primary),
		cause: error,
	});
}
