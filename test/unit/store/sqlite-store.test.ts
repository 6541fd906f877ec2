import { statSync, writeFileSync } from "node:fs";
import Database from "better-sqlite3";
import { describe, expect, test } from "vitest";
import { InstanceLock } from "../../../src/store/instance-lock.ts";
import { walFileBytesMax } from "../../../src/store/open-sqlite.ts";
import { asStoreError } from "../../../src/store/sqlite-error.ts";
import { SqliteStore } from "../../../src/store/sqlite-store.ts";
import type { RunRow } from "../../../src/store/store.ts";
import { StoreError } from "../../../src/store/store-error.ts";
import { buildSqliteHouse } from "../../_util/store-houses.ts";
import { runsIn } from "../../_util/store-runs.ts";
import { batchOf, rowOf, StandingClock, workspace } from "../../_util/store-samples.ts";

const clock = new StandingClock();

function manyRuns(count: number, from = 0) {
	return Array.from({ length: count }, (_, n) => ({ row: rowOf(from + n), version: 0 }));
}

describe("SQLite's errors", () => {
	test.for([
		["SQLITE_BUSY", true],
		["SQLITE_BUSY_SNAPSHOT", true],
		["SQLITE_LOCKED", true],
		["SQLITE_FULL", true],
		["SQLITE_IOERR_WRITE", true],
		["SQLITE_IOERR", true],
		["SQLITE_CORRUPT", false],
		["SQLITE_NOTADB", false],
		["SQLITE_CONSTRAINT_UNIQUE", false],
		["SQLITE_READONLY", false],
		["SQLITE_ERROR", false],
	] as const)("%s: trying again can help: %s", ([code, retryable]) => {
		const cause = new Database.SqliteError("it\nfailed", code);
		const error = asStoreError("the store's commit", cause);
		expect(error).toBeInstanceOf(StoreError);
		expect(error).toMatchObject({ code, retryable, cause, message: `the store's commit failed: it failed (${code})` });
	});

	test("anything else is a bug and stays what it is", () => {
		const bug = new TypeError("no");
		expect(asStoreError("the store's commit", bug)).toBe(bug);
	});
});

describe("a store whose file fails", () => {
	test("a commit that another process's write bars can be tried again, and then succeeds", async () => {
		await using house = await buildSqliteHouse(clock);
		await using store = await house.open();
		const other = new Database(house.path);
		other.exec("BEGIN IMMEDIATE");
		const batch = batchOf({ runs: manyRuns(1) });
		await expect(store.commit(batch)).rejects.toMatchObject({ code: "SQLITE_BUSY", retryable: true });
		other.exec("ROLLBACK");
		other.close();
		expect(await store.commit(batch)).toMatchObject({ lost: [] });
	});

	test("a transaction whose ROLLBACK failed as well takes no later commit with it", async () => {
		await using house = await buildSqliteHouse(clock);
		await (await house.open())[Symbol.asyncDispose]();
		const database = new Database(house.path);
		const lock = InstanceLock.acquire(house.path);
		{
			await using store = new SqliteStore({ database, lock, clock, onMalformedRow: expect.unreachable });
			await store.commit(batchOf({ runs: manyRuns(1) }));
			// What such a failure leaves behind: half a batch, and no end.
			database.exec("BEGIN IMMEDIATE");
			database.exec("DELETE FROM runs");
			expect(await runsIn(store, workspace)).toHaveLength(1);
			database.exec("BEGIN IMMEDIATE");
			await store.commit(batchOf({ runs: manyRuns(1, 1) }));
		}
		await using store = await house.open();
		expect(await runsIn(store, workspace)).toHaveLength(2);
	});

	test("a commit that finds the disk full keeps nothing, can be tried again, and succeeds when there is room", async () => {
		await using house = await buildSqliteHouse(clock);
		await (await house.open())[Symbol.asyncDispose]();
		const database = new Database(house.path);
		await using store = new SqliteStore({
			database,
			lock: InstanceLock.acquire(house.path),
			clock,
			onMalformedRow: expect.unreachable,
		});
		await store.commit(batchOf({ runs: manyRuns(1) }));
		database.pragma(`max_page_count = ${String(database.pragma("page_count", { simple: true }))}`);
		const batch = batchOf({ runs: manyRuns(200, 1) });
		await expect(store.commit(batch)).rejects.toMatchObject({ code: "SQLITE_FULL", retryable: true });
		expect(await runsIn(store, workspace)).toHaveLength(1);
		database.pragma("max_page_count = 100000");
		expect(await store.commit(batch)).toMatchObject({ lost: [] });
		expect(await runsIn(store, workspace)).toHaveLength(201);
	});

	test("damage within the file is told as damage, for which trying again is no help", async () => {
		await using house = await buildSqliteHouse(clock);
		{
			await using store = await house.open();
			await store.commit(batchOf({ runs: manyRuns(500) }));
		}
		const probe = new Database(house.path, { readonly: true });
		const bytes = probe.serialize();
		const pageSize = Number(probe.pragma("page_size", { simple: true }));
		const root = Number(probe.prepare("SELECT rootpage FROM sqlite_schema WHERE name = 'runs'").pluck().get());
		probe.close();
		bytes.fill(0xee, (root - 1) * pageSize, root * pageSize);
		writeFileSync(house.path, bytes);
		// Opened without a look at its pages: as if the damage had come later.
		await using store = new SqliteStore({
			database: new Database(house.path),
			lock: InstanceLock.acquire(house.path),
			clock,
			onMalformedRow: expect.unreachable,
		});
		await expect(runsIn(store, workspace)).rejects.toMatchObject({
			name: "StoreError",
			code: expect.stringMatching(/^SQLITE_CORRUPT/u),
			retryable: false,
			isDamage: true,
		});
	});
});

/** A thousand bytes that no other run has. */
function longLabelsOf(row: RunRow): RunRow["labels"] {
	return { ...row.labels, name: row.runId.padEnd(1_000, ".") };
}

describe("the write-ahead log", () => {
	test("stays within its bound though far more is written, and is gone when the store is closed", async () => {
		await using house = await buildSqliteHouse(clock);
		const wal = `${house.path}-wal`;
		{
			await using store = await house.open();
			const huge = 20_000;
			const runs = manyRuns(huge).map(({ row }) => ({ row: { ...row, labels: longLabelsOf(row) }, version: 0 }));
			await store.commit(batchOf({ runs, durable: false }));
			expect(statSync(wal).size).toBeGreaterThan(walFileBytesMax);
			for (const n of [1, 2, 3]) {
				await store.commit(batchOf({ runs: manyRuns(1, huge + n) }));
			}
			expect(statSync(wal).size).toBeLessThanOrEqual(walFileBytesMax);
		}
		expect(statSync(wal, { throwIfNoEntry: false })).toBeUndefined();
	}, 60_000);

	test("grows while another program holds an old view, which retention tells, and is cut back when that ends", async () => {
		await using house = await buildSqliteHouse(clock);
		await using store = await house.open();
		let version = 0;
		const rewrite = async (): Promise<void> => {
			const runs = manyRuns(1_000).map(({ row }) => ({ row: { ...row, labels: longLabelsOf(row) }, version }));
			await store.commit(batchOf({ runs, durable: false }));
			version += 1;
		};
		const logBytes = async (): Promise<number | undefined> =>
			(await store.retain({ runsBeforeMs: 0, episodesBeforeMs: 0 })).logBytes;
		await rewrite();
		const reader = new Database(house.path, { readonly: true });
		reader.exec("BEGIN");
		reader.prepare("SELECT count(*) FROM runs").get();
		for (let n = 0; n < 30; n++) await rewrite();
		expect(await logBytes()).toBeGreaterThan(walFileBytesMax);
		reader.exec("COMMIT");
		reader.close();
		for (let n = 0; n < 3; n++) await rewrite();
		expect(await logBytes()).toBeLessThanOrEqual(walFileBytesMax);
		expect((await runsIn(store, workspace)).map((run) => run.version)).toEqual(Array(1_000).fill(version));
	}, 60_000);

	test("durable batches are synced, beats alone are not, in whatever order they come", async () => {
		await using house = await buildSqliteHouse(clock);
		await (await house.open())[Symbol.asyncDispose]();
		const database = new Database(house.path);
		const lock = InstanceLock.acquire(house.path);
		await using store = new SqliteStore({ database, lock, clock, onMalformedRow: expect.unreachable });
		const [normal, full] = [1, 2];
		for (const [durable, level] of [
			[true, full],
			[false, normal],
			[false, normal],
			[true, full],
		] as const) {
			await store.commit(batchOf({ durable }));
			expect(database.pragma("synchronous", { simple: true })).toBe(level);
		}
	});
});

describe("the indexes", () => {
	test.for([
		["open episodes", "SELECT * FROM episodes WHERE workspace = 'a' AND closed_at_ms IS NULL"],
		[
			"deliveries to be sent",
			"SELECT * FROM outbox WHERE workspace = 'a' AND delivered_at_ms IS NULL AND fate IS NULL ORDER BY created_at_ms, id",
		],
		[
			"held deliveries that are due",
			"SELECT sink FROM outbox WHERE workspace = 'a' AND delivered_at_ms IS NULL AND fate IS NOT NULL AND held_until_ms <= 1",
		],
		[
			"deliveries that could not be made",
			"SELECT * FROM outbox WHERE workspace = 'a' AND delivered_at_ms IS NOT NULL AND fate IS NOT NULL ORDER BY created_at_ms, id",
		],
		["silences", "SELECT silence FROM silences WHERE workspace = 'a' AND silence_id = 'b'"],
		[
			"old runs",
			"SELECT rowid FROM runs WHERE state_type IN ('COMPLETED', 'FAILED', 'CRASHED', 'CANCELLED') AND updated_at_ms < 1",
		],
		["old episodes", "SELECT rowid FROM episodes WHERE closed_at_ms IS NOT NULL AND closed_at_ms < 1"],
		[
			"open group incidents",
			"SELECT * FROM group_incidents WHERE workspace = 'a' AND closed_at_ms IS NULL ORDER BY opened_at_ms, group_id",
		],
		["old group incidents", "SELECT rowid FROM group_incidents WHERE closed_at_ms IS NOT NULL AND closed_at_ms < 1"],
		[
			"alerts that may come again",
			"SELECT run_id, alert_id FROM episodes WHERE workspace = 'a' AND closed_outcome IN ('superseded', 'disabled') ORDER BY alert_id",
		],
		["held runs", "SELECT * FROM held_runs WHERE workspace = 'a' ORDER BY workspace, run_id"],
		["what was learned of a deployment", "SELECT * FROM learned WHERE workspace = 'a' AND kind = 'b' AND key = 'c'"],
		["old deliveries", "SELECT id FROM outbox WHERE delivered_at_ms IS NOT NULL AND delivered_at_ms < 1"],
	] as const)("%s are found without reading the whole table or sorting it", async ([, sql]) => {
		await using house = await buildSqliteHouse(clock);
		await (await house.open())[Symbol.asyncDispose]();
		const database = new Database(house.path, { readonly: true });
		const plan = database.prepare(`EXPLAIN QUERY PLAN ${sql}`).all();
		database.close();
		expect(plan).toStrictEqual([
			expect.objectContaining({ detail: expect.stringMatching(/^SEARCH .* USING (?:COVERING )?INDEX /u) }),
		]);
	});

	test.for([
		[
			"a page of runs",
			"SELECT * FROM runs WHERE id > 7 AND +workspace = 'a' ORDER BY id LIMIT 5",
			"SEARCH runs USING INTEGER",
		],
		[
			"unused labels",
			"SELECT id FROM run_labels WHERE NOT EXISTS (SELECT 1 FROM runs WHERE labels_id = run_labels.id)",
			"SEARCH runs USING COVERING INDEX runs_of_labels",
		],
	])("%s are found without reading all runs or sorting them", async ([, sql, how]) => {
		await using house = await buildSqliteHouse(clock);
		await (await house.open())[Symbol.asyncDispose]();
		const database = new Database(house.path, { readonly: true });
		const plan = database.prepare(`EXPLAIN QUERY PLAN ${sql}`).all() as { detail: string }[];
		database.close();
		const steps = plan.map(({ detail }) => detail);
		expect(steps).toContainEqual(expect.stringContaining(String(how)));
		expect(steps.filter((step) => /SCAN runs|TEMP B-TREE/u.test(step))).toEqual([]);
	});
});
