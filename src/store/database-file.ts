import { accessSync, closeSync, constants, mkdirSync, openSync, readSync, realpathSync, statSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { messageOf, OperatorError } from "../lib/errors.ts";
import { shown, urlHint } from "./store-url.ts";

/** Marks a database as zombied's, in its header: "zmbd" in ASCII. */
export const applicationId = 0x7a6d6264;

/** What stands at the path: nothing yet (or an empty file), or a database of ours with the schema of its header. */
export type DatabaseFile = { readonly kind: "new" } | { readonly kind: "zombied"; readonly schemaVersion: number };

/** Where there should be SQLite's header there is something else: a file of some other kind, or one that was damaged. */
export class HeaderError extends OperatorError {}

/** Layout of SQLite's header: https://www.sqlite.org/fileformat.html#the_database_header */
const headerBytes = 100;
const magic = "SQLite format 3\0";
const userVersionOffset = 60;
const applicationIdOffset = 68;

/**
 * Makes the folder of a database and gives the file's real path, so that two ways to one file meet at one lock.
 *
 * @throws OperatorError where the folder cannot be made or written, or the path is no plain file
 */
export function prepareDatabasePath(path: string): string {
	const folder = dirname(path);
	try {
		mkdirSync(folder, { recursive: true });
		accessSync(folder, constants.W_OK | constants.X_OK);
	} catch (error) {
		throw refusal(
			path,
			`its folder cannot be made or written (${messageOf(error)})`,
			"make the folder writable for this user",
		);
	}
	const stats = statSync(path, { throwIfNoEntry: false });
	if (stats === undefined) {
		return join(realpathSync(folder), basename(path));
	}
	if (!stats.isFile()) {
		throw refusal(path, stats.isDirectory() ? "it is a folder" : "it is not a plain file", "name a file");
	}
	try {
		accessSync(path, constants.R_OK | constants.W_OK);
	} catch (error) {
		throw refusal(path, `it may not be read and written (${messageOf(error)})`, "give this user the right to do both");
	}
	return realpathSync(path);
}

/**
 * Reads the header by plain means, so that a file that is refused stays as it is, byte for byte, with nothing beside it.
 * What the header says holds: schema changes never go through the write-ahead log (see migrate.ts).
 *
 * Not to be called while this process has the database open: closing the handle would drop SQLite's locks on it.
 *
 * @throws OperatorError when the file is not a zombied database (HeaderError: no database at all)
 */
export function inspectDatabaseFile(path: string): DatabaseFile {
	const header = readHeader(path);
	if (header === null || header.length === 0) {
		return { kind: "new" };
	}
	if (header.length < headerBytes || header.toString("latin1", 0, magic.length) !== magic) {
		throw new HeaderError(
			refusal(path, "it is not a SQLite database", "name another file, or move this one away").message,
		);
	}
	if (header.readUInt32BE(applicationIdOffset) !== applicationId) {
		throw refusal(path, "it is a database of some other program", "name another file, or move this one away");
	}
	return { kind: "zombied", schemaVersion: header.readUInt32BE(userVersionOffset) };
}

function readHeader(path: string): Buffer | null {
	if (statSync(path, { throwIfNoEntry: false }) === undefined) {
		return null;
	}
	try {
		const handle = openSync(path, "r");
		try {
			const header = Buffer.alloc(headerBytes);
			return header.subarray(0, readSync(handle, header, 0, headerBytes, 0));
		} finally {
			closeSync(handle);
		}
	} catch (error) {
		throw refusal(path, `it cannot be read (${messageOf(error)})`, "mend the file or its disk");
	}
}

/** One line: which file, what is wrong with it, how to mend it. */
export function refusal(path: string, what: string, mend: string, cause?: unknown): OperatorError {
	return new OperatorError(`the database ${shown(path)} cannot be used: ${what}; ${mend}, or ${urlHint}`, { cause });
}
