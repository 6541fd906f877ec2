import { readFileSync } from "node:fs";
import Database from "better-sqlite3";
import { applicationId } from "../../src/store/database-file.ts";
import { sqliteMigrationsFolder } from "../../src/store/migrate.ts";

const rows = new URL("./store-schema-1.sql", import.meta.url);

/** A file as the first release left it. Its ledger holds the hash that 0001-tracker.sql had then. */
export function writeSchema1Database(path: string): void {
	const database = new Database(path);
	database.pragma("journal_mode = WAL");
	database.exec(readFileSync(new URL("0001-tracker.sql", sqliteMigrationsFolder), "utf8"));
	database.exec(readFileSync(rows, "utf8"));
	database.pragma(`application_id = ${applicationId}`);
	database.pragma("user_version = 1");
	database.close();
}
