import type { Clock } from "../lib/clock.ts";
import type { Damage } from "./damaged-database.ts";
import { newMemoryDisk } from "./memory-disk.ts";
import { MemoryStore } from "./memory-store.ts";
import { readMigrations, sqliteMigrationsFolder } from "./migrate.ts";
import { openSqlite } from "./open-sqlite.ts";
import type { Store } from "./store.ts";
import { parseStoreUrl } from "./store-url.ts";

export interface OpenStoreOptions {
	readonly clock: Clock;
	/** Written to the ledger of migrations, and named in messages. */
	readonly appVersion: string;
	/** Told of each stored row that could not be understood and was skipped: which, and why. Must not throw. */
	readonly onMalformedRow: (sample: string) => void;
	/** See SqliteOptions. */
	readonly onDamaged: ((damage: Damage) => void) | null;
	readonly knownDamage: string | null;
}

/**
 * Opens the store that `store.url` names (store-url.ts), making folder and file where there is none. The caller owns it.
 *
 * @throws OperatorError with one line that says what is wrong, where, and how to mend it
 */
export async function openStore(url: string, options: OpenStoreOptions): Promise<Store> {
	const location = parseStoreUrl(url);
	switch (location.kind) {
		case "memory":
			return new MemoryStore({ clock: options.clock, disk: newMemoryDisk() });
		case "sqlite":
			return openSqlite(location.path, { ...options, migrations: readMigrations(sqliteMigrationsFolder) });
	}
	return location satisfies never;
}
