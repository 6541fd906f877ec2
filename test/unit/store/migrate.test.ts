import { copyFileSync, cpSync, existsSync, readdirSync, writeFileSync } from "node:fs";
import { pathToFileURL } from "node:url";
import Database from "better-sqlite3";
import { describe, expect, test } from "vitest";
import { OperatorError } from "../../../src/lib/errors.ts";
import type { Damage } from "../../../src/store/damaged-database.ts";
import { applicationId, inspectDatabaseFile } from "../../../src/store/database-file.ts";
import { backupPathOf, readMigrations, sqliteMigrationsFolder } from "../../../src/store/migrate.ts";
import { openSqlite } from "../../../src/store/open-sqlite.ts";
import { runsIn } from "../../_util/store-runs.ts";
import { batchOf, fingerprintOf, rowOf, StandingClock, workspace } from "../../_util/store-samples.ts";
import { TempFolder } from "../../_util/temp-folder.ts";

const clock = new StandingClock();
const options = { clock, appVersion: "1.2.3", onMalformedRow: () => undefined, onDamaged: null, knownDamage: null };

/** A folder of migrations: the package's own, and then those given. */
function migrationsWith(folder: TempFolder, more: Readonly<Record<string, string>>) {
	const path = folder.file("migrations/");
	cpSync(sqliteMigrationsFolder, path, { recursive: true });
	for (const [name, sql] of Object.entries(more)) {
		writeFileSync(`${path}${name}`, sql);
	}
	return readMigrations(pathToFileURL(path));
}

async function openWith(folder: TempFolder, more: Readonly<Record<string, string>>) {
	return openSqlite(folder.file("zombied.db"), { ...options, migrations: migrationsWith(folder, more) });
}

function look<Result>(path: string, read: (database: Database.Database) => Result): Result {
	const database = new Database(path, { readonly: true });
	try {
		return read(database);
	} finally {
		database.close();
	}
}

function columnsOfRuns(path: string): unknown[] {
	return look(path, (database) => database.prepare("SELECT name FROM pragma_table_info('runs')").pluck().all());
}

/** The package's newest schema, and the name of a file that would come so many after it. */
const newest = readMigrations(sqliteMigrationsFolder).length;
const numbered = (steps: number, name: string) => `${String(newest + steps).padStart(4, "0")}-${name}`;

const noteSql = "ALTER TABLE runs ADD COLUMN note TEXT; CREATE TABLE notes (id INTEGER) STRICT;";
const addColumn = { [numbered(1, "note.sql")]: noteSql };

describe("migrations", () => {
	test("a new database has every migration in its ledger, with its hash, its time and who made it", async () => {
		await using folder = await TempFolder.make("migrate");
		await (await openWith(folder, {}))[Symbol.asyncDispose]();
		const [first] = readMigrations(sqliteMigrationsFolder);
		const row = look(folder.file("zombied.db"), (database) => {
			expect(database.pragma("application_id", { simple: true })).toBe(applicationId);
			expect(database.pragma("user_version", { simple: true })).toBe(newest);
			return database.prepare("SELECT * FROM schema_migrations WHERE version = 1").get();
		});
		expect(row).toStrictEqual({
			version: 1,
			name: first?.name,
			sha256: expect.stringMatching(/^[0-9a-f]{64}$/u),
			applied_at_ms: clock.wallMs,
			app_version: "1.2.3",
		});
		expect(readdirSync(folder.path)).not.toContain("zombied.db.schema-0.backup");
	});

	test("every table is strict", async () => {
		await using folder = await TempFolder.make("migrate");
		await (await openWith(folder, {}))[Symbol.asyncDispose]();
		const loose = look(folder.file("zombied.db"), (database) =>
			database
				.prepare("SELECT name FROM pragma_table_list WHERE schema = 'main' AND strict = 0 AND name NOT LIKE 'sqlite_%'")
				.all(),
		);
		expect(loose).toStrictEqual([]);
	});

	test("an existing database is backed up beside itself, then brought forward with its rows", async () => {
		await using folder = await TempFolder.make("migrate");
		const path = folder.file("zombied.db");
		{
			await using store = await openWith(folder, {});
			await store.commit(batchOf({ runs: [{ row: rowOf(1), version: 0 }] }));
		}
		{
			await using store = await openWith(folder, addColumn);
			expect(await runsIn(store, workspace)).toStrictEqual([{ row: rowOf(1), version: 1 }]);
		}
		expect(columnsOfRuns(path)).toContain("note");
		const backup = backupPathOf(path, newest);
		expect(columnsOfRuns(backup)).not.toContain("note");
		expect(look(backup, (database) => database.prepare("SELECT count(*) FROM runs").pluck().get())).toBe(1);
		expect(look(path, (database) => database.pragma("journal_mode", { simple: true }))).toBe("wal");
		expect(readdirSync(folder.path).filter((name) => name.includes("partial"))).toStrictEqual([]);
	});

	test("the file itself tells its schema as soon as it is migrated, not only once the log is brought in", async () => {
		await using folder = await TempFolder.make("migrate");
		const path = folder.file("zombied.db");
		await (await openWith(folder, {}))[Symbol.asyncDispose]();
		await using store = await openWith(folder, addColumn);
		await store.commit(batchOf({ runs: [{ row: rowOf(1), version: 0 }] }));
		copyFileSync(path, folder.file("copy.db"));
		expect(inspectDatabaseFile(folder.file("copy.db"))).toStrictEqual({ kind: "zombied", schemaVersion: newest + 1 });
	});

	test("a migration that fails half-way is undone whole, and the database works on with the schema it had", async () => {
		await using folder = await TempFolder.make("migrate");
		const path = folder.file("zombied.db");
		{
			await using store = await openWith(folder, {});
			await store.commit(batchOf({ runs: [{ row: rowOf(1), version: 0 }] }));
		}
		const broken = {
			[numbered(1, "broken.sql")]: "ALTER TABLE runs ADD COLUMN note TEXT; INSERT INTO nowhere VALUES (1);",
		};
		const failing = openWith(folder, broken);
		await expect(failing).rejects.toThrow(OperatorError);
		await expect(failing).rejects.toThrow(
			`migration ${numbered(1, "broken")} failed (no such table: nowhere) and was undone`,
		);
		expect(columnsOfRuns(path)).not.toContain("note");
		expect(existsSync(backupPathOf(path, newest))).toBe(true);
		await using mended = await openWith(folder, { [numbered(1, "broken.sql")]: noteSql });
		expect(await runsIn(mended, workspace)).toStrictEqual([{ row: rowOf(1), version: 1 }]);
	});

	test("of several migrations those before the failing one hold", async () => {
		await using folder = await TempFolder.make("migrate");
		const failing = openWith(folder, {
			...addColumn,
			[numbered(2, "broken.sql")]: "CREATE TABLE runs (id INTEGER) STRICT;",
		});
		await expect(failing).rejects.toThrow(`migration ${numbered(2, "broken")} failed`);
		expect(columnsOfRuns(folder.file("zombied.db"))).toContain("note");
		await using store = await openWith(folder, {
			[numbered(2, "broken.sql")]: "CREATE TABLE third (id INTEGER) STRICT;",
		});
		expect(await store.load(workspace)).toMatchObject({ runsTotal: 0 });
	});

	test("a schema that went further is refused by the older program and left as it is", async () => {
		await using newer = await TempFolder.make("migrate");
		await (await openWith(newer, addColumn))[Symbol.asyncDispose]();
		const before = fingerprintOf(newer.path);
		const older = readMigrations(sqliteMigrationsFolder);
		await expect(openSqlite(newer.file("zombied.db"), { ...options, migrations: older })).rejects.toThrow(
			`its schema ${newest + 1} is newer than this zombied 1.2.3 knows (${newest}); it was left unchanged`,
		);
		expect(fingerprintOf(newer.path)).toStrictEqual(before);
	});

	test("a migration that is not the one that was applied is refused", async () => {
		await using folder = await TempFolder.make("migrate");
		await (await openWith(folder, addColumn))[Symbol.asyncDispose]();
		const before = fingerprintOf(folder.file("."));
		const changed = { [numbered(1, "note.sql")]: `${noteSql} -- changed` };
		const migrations = migrationsWith(folder, changed);
		await expect(openSqlite(folder.file("zombied.db"), { ...options, migrations })).rejects.toThrow(
			`its migration ${numbered(1, "note")} is not the one of this zombied`,
		);
		expect(fingerprintOf(folder.path)[folder.file("zombied.db")]).toBe(before[folder.file("zombied.db")]);
	});

	test("a few digits of a migration's hash that are not as they were are damage, not another history", async () => {
		await using folder = await TempFolder.make("migrate");
		await (await openWith(folder, {}))[Symbol.asyncDispose]();
		const database = new Database(folder.file("zombied.db"));
		database.exec("UPDATE schema_migrations SET sha256 = '*!' || substr(sha256, 3) WHERE version = 2");
		database.close();
		const told: Damage[] = [];
		const onDamaged = (damage: Damage): unknown => told.push(damage);
		const migrations = readMigrations(sqliteMigrationsFolder);
		const store = await openSqlite(folder.file("zombied.db"), { ...options, migrations, onDamaged });
		await store[Symbol.asyncDispose]();
		expect(told.map(({ detail }) => detail)).toEqual([expect.stringContaining("ledger's row of its migration 0002")]);
	});

	test.for([
		[
			"a gap",
			{ [numbered(2, "late.sql")]: "SELECT 1" },
			`migration ${newest + 1} is missing: found ${numbered(2, "late.sql")}`,
		],
		["a twin", { "0001-twin.sql": "SELECT 1" }, /migration 2 is missing: found 0001-/u],
		["no number", { "note.sql": "SELECT 1" }, `migration ${newest + 1} is missing: found note.sql`],
	] as const)("migrations with %s are a broken package, no matter of the operator", async ([, more, words]) => {
		await using folder = await TempFolder.make("migrate");
		expect(() => migrationsWith(folder, more)).toThrow(words);
		expect(() => migrationsWith(folder, more)).not.toThrow(OperatorError);
	});

	test("a folder without migrations is a broken package", async () => {
		await using folder = await TempFolder.make("migrate");
		expect(() => readMigrations(pathToFileURL(`${folder.path}/`))).toThrow("the package has no migrations");
	});

	test("a backup that cannot be written stops the migration before anything is changed", async () => {
		await using folder = await TempFolder.make("migrate");
		const path = folder.file("zombied.db");
		await (await openWith(folder, {}))[Symbol.asyncDispose]();
		// A folder that is not empty stands where the backup should go.
		cpSync(sqliteMigrationsFolder, backupPathOf(path, newest), { recursive: true });
		await expect(openWith(folder, addColumn)).rejects.toThrow(/the backup before its migration could not be written/u);
		expect(columnsOfRuns(path)).not.toContain("note");
	});
});
