import { createHash } from "node:crypto";
import { readdirSync, readFileSync, renameSync, rmSync } from "node:fs";
import { fileURLToPath } from "node:url";
import type { Database } from "better-sqlite3";
import { z } from "zod";
import type { Clock } from "../lib/clock.ts";
import { messageOf } from "../lib/errors.ts";
import { DamagedDatabaseError } from "./damaged-database.ts";
import { applicationId, refusal } from "./database-file.ts";

/** A numbered step of the schema, forward only. Once released it never changes. */
export interface Migration {
	readonly version: number;
	readonly name: string;
	readonly sql: string;
	/** Of the file's bytes, in hex. */
	readonly sha256: string;
}

/** The package's own migrations: `src/store` and `dist/store` lie equally deep in it. */
export const sqliteMigrationsFolder = new URL("../../migrations/sqlite/", import.meta.url);

/**
 * The migrations of a folder in order.
 *
 * @throws Error when the numbers have a gap or there are none: the package is then not whole
 */
export function readMigrations(folder: URL): readonly Migration[] {
	const names = readdirSync(fileURLToPath(folder))
		.filter((name) => name.endsWith(".sql"))
		.toSorted();
	const migrations = names.map((name, index) => {
		const version = index + 1;
		if (!name.startsWith(`${String(version).padStart(4, "0")}-`)) {
			throw new Error(`migration ${version} is missing: found ${name} in its place`);
		}
		const content = readFileSync(new URL(name, folder));
		return {
			version,
			name: name.slice(0, -".sql".length),
			sql: content.toString("utf8"),
			sha256: createHash("sha256").update(content).digest("hex"),
		};
	});
	if (migrations.length === 0) {
		throw new Error("the package has no migrations");
	}
	return migrations;
}

const ledgerSchema = z.array(z.object({ version: z.number(), name: z.string(), sha256: z.string() }));
type Ledger = z.infer<typeof ledgerSchema>;

export interface MigrateOptions {
	/** For messages and the backup's name. */
	readonly path: string;
	readonly migrations: readonly Migration[];
	readonly clock: Clock;
	readonly appVersion: string;
}

/** By chance another hash agrees in 4 of 64 digits: that it agrees in 48 does not happen. */
const damagedDigitsMax = 16;

/** Where the state before a migration is kept; one file a schema version, so that a crash loop does not fill the disk. */
export function backupPathOf(path: string, schemaVersion: number): string {
	return `${path}.schema-${schemaVersion}.backup`;
}

/** The refusal of a schema from the future: what it holds cannot be guarded by a program that does not know it. */
export function refuseNewerSchema(options: MigrateOptions, schemaVersion: number): void {
	const known = options.migrations.length;
	if (schemaVersion > known) {
		throw refusal(
			options.path,
			`its schema ${schemaVersion} is newer than this zombied ${options.appVersion} knows (${known}); it was left unchanged`,
			"run the newer zombied",
		);
	}
}

/**
 * Brings an open database of ours (or an empty one) to the newest schema; a newer one is refused before anything is
 * written. An existing database is backed up first. Each migration is one transaction with its row in the ledger, in
 * rollback-journal mode: so the header in the file itself, which is read before SQLite touches anything, is never behind
 * a write-ahead log. Leaves the journal mode at DELETE when it did something.
 *
 * @throws OperatorError; the schema is then at the last migration that was whole
 */
export async function migrate(database: Database, options: MigrateOptions): Promise<void> {
	const ledger = readLedger(database);
	refuseNewerSchema(options, Math.max(0, ...ledger.map((row) => row.version)));
	refuseForeignHistory(ledger, options);
	const pending = options.migrations.slice(ledger.length);
	if (pending.length === 0) {
		return;
	}
	database.pragma("journal_mode = DELETE");
	if (ledger.length > 0) {
		await backUp(database, options.path, ledger.length);
	}
	for (const migration of pending) {
		try {
			apply(database, migration, options);
		} catch (error) {
			throw refusal(
				options.path,
				`migration ${migration.name} failed (${messageOf(error)}) and was undone`,
				"mend that and start again",
				error,
			);
		}
	}
}

function readLedger(database: Database): Ledger {
	const isEmpty = database.prepare("SELECT 1 FROM sqlite_schema LIMIT 1").get() === undefined;
	return isEmpty
		? []
		: ledgerSchema.parse(
				database.prepare("SELECT version, name, sha256 FROM schema_migrations ORDER BY version").all(),
			);
}

function refuseForeignHistory(ledger: Ledger, options: MigrateOptions): void {
	for (const [index, row] of ledger.entries()) {
		const own = options.migrations[index];
		if (own !== undefined && isDamaged(row.sha256, own.sha256)) {
			throw new DamagedDatabaseError(`the ledger's row of its migration ${row.name} is damaged`);
		}
		if (own === undefined || row.version !== own.version || row.sha256 !== own.sha256) {
			throw refusal(
				options.path,
				`its migration ${row.name} is not the one of this zombied ${options.appVersion}`,
				"run the zombied that made it",
			);
		}
	}
}

/** The hash of another text differs in nearly all of its 64 digits; one that differs in a few has been damaged. */
function isDamaged(stored: string, own: string): boolean {
	const different = Array.from(own).filter((digit, index) => stored[index] !== digit).length;
	return different > 0 && different <= damagedDigitsMax;
}

/** Written under another name first, so that a backup that bears the final name is whole. */
async function backUp(database: Database, path: string, schemaVersion: number): Promise<void> {
	const backupPath = backupPathOf(path, schemaVersion);
	const partialPath = `${backupPath}.partial`;
	try {
		rmSync(partialPath, { force: true });
		await database.backup(partialPath);
		renameSync(partialPath, backupPath);
	} catch (error) {
		throw refusal(
			path,
			`the backup before its migration could not be written (${messageOf(error)}), so nothing was changed`,
			"make room beside it",
			error,
		);
	}
}

function apply(database: Database, migration: Migration, options: MigrateOptions): void {
	database
		.transaction(() => {
			database.exec(migration.sql);
			database.pragma(`application_id = ${applicationId}`);
			database.pragma(`user_version = ${migration.version}`);
			database
				.prepare(
					"INSERT INTO schema_migrations (version, name, sha256, applied_at_ms, app_version) VALUES (?, ?, ?, ?, ?)",
				)
				.run(migration.version, migration.name, migration.sha256, options.clock.now().wallMs, options.appVersion);
		})
		.immediate();
}
