import Database from "better-sqlite3";
import { messageOf, OperatorError } from "../lib/errors.ts";
import { primaryCodeOf } from "./sqlite-error.ts";
import { shown } from "./store-url.ts";

/** How long a starting instance waits for one that is just stopping. With the start of the process well under 2 s. */
const instanceLockWaitMs = 500;

/** The lock's file stands beside the database, as -wal and -shm do. */
export function lockPathOf(databasePath: string): string {
	return `${databasePath}.lock`;
}

/**
 * Keeps a second instance off a database: a tiny second database, held in an exclusive transaction for life. It is a
 * lock of the kernel, so it falls with the process, however that ends; no pid to compare, nothing to clean up. The file
 * stays behind empty: to delete it would let two instances hold locks on two files of the same name.
 *
 * The lock's file must never be opened by other means in this process: POSIX drops a process's locks on a file when any
 * of its handles on it is closed.
 */
export class InstanceLock implements AsyncDisposable {
	readonly #database: Database.Database;

	private constructor(database: Database.Database) {
		this.#database = database;
	}

	/** @throws OperatorError when another instance holds it, or the file cannot be made */
	static acquire(databasePath: string): InstanceLock {
		const path = lockPathOf(databasePath);
		let database: Database.Database | null = null;
		try {
			database = new Database(path, { timeout: instanceLockWaitMs });
			database.exec("BEGIN EXCLUSIVE");
			return new InstanceLock(database);
		} catch (error) {
			database?.close();
			const code = primaryCodeOf(error);
			if (code === "BUSY" || code === "LOCKED") {
				throw new OperatorError(
					`the database ${shown(databasePath)} is in use by another zombied (which holds ${shown(path)}); stop that one, or give this one a file of its own with store.url (ZOMBIED_STORE_URL)`,
					{ cause: error },
				);
			}
			throw new OperatorError(
				`the lock file ${shown(path)} cannot be used: ${messageOf(error)}; it has to be an empty file that this user may write: mend its permissions, or move it away while no zombied runs`,
				{ cause: error },
			);
		}
	}

	async [Symbol.asyncDispose](): Promise<void> {
		this.#database.close();
	}
}
