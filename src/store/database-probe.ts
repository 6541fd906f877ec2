import { accessSync, constants, existsSync, statSync } from "node:fs";
import { dirname } from "node:path";
import SqliteDatabase from "better-sqlite3";
import { messageOf, OperatorError } from "../lib/errors.ts";
import { type Finding, fault, well } from "../lib/finding.ts";
import { inspectDatabaseFile } from "./database-file.ts";
import { lockPathOf } from "./instance-lock.ts";
import { checkDatabase } from "./maintenance.ts";
import { readMigrations, sqliteMigrationsFolder } from "./migrate.ts";
import { primaryCodeOf } from "./sqlite-error.ts";
import { parseStoreUrl, shown } from "./store-url.ts";

/** Whether a daemon could use the database, or does. Makes and changes nothing; a running daemon goes on. */
export function probeDatabase(url: string): Finding {
	const location = parseStoreUrl(url);
	if (location.kind === "memory") return well("memory: nothing is kept over a restart");
	const { path } = location;
	try {
		return folderFault(path) ?? fileFault(path) ?? contents(url, path);
	} catch (error) {
		if (!(error instanceof OperatorError)) throw error;
		// One line: what is wrong, and after the first semicolon how to mend it.
		const [what = "", ...mend] = error.message.split("; ");
		return fault(what, mend.join("; "));
	}
}

function folderFault(path: string): Finding | null {
	let folder = dirname(path);
	// What is missing would be made.
	while (!existsSync(folder) && folder !== dirname(folder)) folder = dirname(folder);
	if (!statSync(folder).isDirectory()) return fault(`${shown(folder)} is no folder`, "name another path in store.url");
	try {
		accessSync(folder, constants.W_OK | constants.X_OK);
		return null;
	} catch (error) {
		return fault(
			`the folder ${shown(folder)} cannot be written (${messageOf(error)})`,
			"make it writable for the user that zombied runs as, or name another one with store.url (ZOMBIED_STORE_URL)",
		);
	}
}

function fileFault(path: string): Finding | null {
	if (!existsSync(path)) return null;
	if (!statSync(path).isFile()) return fault(`${shown(path)} is no plain file`, "name a file in store.url");
	try {
		accessSync(path, constants.R_OK | constants.W_OK);
		return null;
	} catch (error) {
		return fault(
			`${shown(path)} may not be read and written (${messageOf(error)})`,
			"give this user the right to do both",
		);
	}
}

function contents(url: string, path: string): Finding {
	const file = inspectDatabaseFile(path);
	if (file.kind === "new") return well(`${shown(path)} does not exist yet: the first start makes it`);
	const known = readMigrations(sqliteMigrationsFolder).length;
	if (file.schemaVersion > known) {
		return fault(
			`the schema ${file.schemaVersion} of ${shown(path)} is newer than this zombied knows (${known})`,
			"run the newer zombied, or name another database with store.url",
		);
	}
	const { faults, schemaVersion } = checkDatabase(url);
	if (faults.length > 0) {
		return fault(
			`${shown(path)} is damaged (${faults[0]})`,
			"start the daemon again: it sets a damaged database aside and fills a new one over REST; and look at the disk",
		);
	}
	const user = isHeld(path) ? "a daemon is using it" : "no daemon is using it";
	return well(`${shown(path)} is sound (schema ${schemaVersion}); ${user}`);
}

/** Looked at without taking the lock, which would turn away a daemon that starts just then. */
function isHeld(path: string): boolean {
	const lockPath = lockPathOf(path);
	if (!existsSync(lockPath)) return false;
	const lock = new SqliteDatabase(lockPath, { readonly: true, timeout: 0 });
	try {
		lock.prepare("SELECT 1 FROM sqlite_schema").get();
		return false;
	} catch (error) {
		if (primaryCodeOf(error) === "BUSY") return true;
		throw error;
	} finally {
		lock.close();
	}
}
