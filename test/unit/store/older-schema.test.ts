import { existsSync, renameSync } from "node:fs";
import Database from "better-sqlite3";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { transitionOf } from "../../../src/core/episode.ts";
import { inspectDatabaseFile } from "../../../src/store/database-file.ts";
import { backUpDatabase, checkDatabase, migrateDatabase } from "../../../src/store/maintenance.ts";
import { backupPathOf, migrate, readMigrations, sqliteMigrationsFolder } from "../../../src/store/migrate.ts";
import type { RunChange, StoredWorld } from "../../../src/store/store.ts";
import { openFile } from "../../_util/store-houses.ts";
import { runsIn } from "../../_util/store-runs.ts";
import {
	bareRowOf,
	batchOf,
	closedOf,
	deliveryOf,
	episodeOf,
	groupDeliveryOf,
	groupOf,
	heldRunOf,
	learnedSamples,
	rowOf,
	runIdOf,
	StandingClock,
	stateOf,
	trippedGroup,
	workspace,
} from "../../_util/store-samples.ts";
import { writeSchema1Database } from "../../_util/store-schema-1.ts";
import { TempFolder } from "../../_util/temp-folder.ts";

const clock = new StandingClock();
const options = {
	clock,
	appVersion: "0.0.0-test",
	onMalformedRow: expect.unreachable,
	onDamaged: null,
	knownDamage: null,
};
const newest = readMigrations(sqliteMigrationsFolder).length;

/** What the rows of store-schema-1.sql say, and null or none where they say nothing. */
const labels = { ...rowOf(1).labels, parentRunId: null };
const sample = episodeOf(1, "alert-1");
const openEpisode = {
	...sample,
	labels,
	evidence: { ...sample.evidence, otherSignAtMs: null, likelyCause: null, impact: null },
	relatedRuns: [],
	groupId: null,
};
const oldWorld: StoredWorld & { readonly runs: readonly RunChange[] } = {
	runsTotal: 2,
	runs: [
		{ row: rowOf(1, { labels, state: { ...stateOf("RUNNING"), scheduledTimeMs: null } }), version: 1 },
		{ row: bareRowOf(2), version: 1 },
	],
	openEpisodes: [openEpisode],
	spentAlerts: [],
	outbox: [{ sink: "log", transition: transitionOf(openEpisode), createdAtMs: 1_790_000_000_000 }],
	workspaces: [
		{
			workspace,
			coveredUntilServerMs: 1_789_999_999_999.875,
			blindSpans: [{ fromServerMs: 1_789_999_000_000, untilServerMs: 1_789_999_060_000.5, cause: "socket" }],
			healthScore: 2,
			trippedGroups: [],
		},
	],
	openGroups: [],
	heldRuns: [],
	learned: [],
};

async function worldIn(path: string): Promise<typeof oldWorld> {
	await using store = await openFile(path, clock);
	return { ...(await store.load(workspace)), runs: await runsIn(store, workspace) };
}

function schemaOf(path: string): unknown {
	return inspectDatabaseFile(path);
}

describe("a database with the schema of 0001", () => {
	let folder: TempFolder;
	let path: string;
	beforeEach(async () => {
		folder = await TempFolder.make("older");
		path = folder.file("zombied.db");
		writeSchema1Database(path);
	});
	afterEach(() => folder[Symbol.asyncDispose]());

	test("is brought to the newest with every row, and what is new is null or empty", async () => {
		expect(await worldIn(path)).toStrictEqual(oldWorld);
		expect(schemaOf(path)).toStrictEqual({ kind: "zombied", schemaVersion: newest });
		// The second start finds nothing to do.
		expect(await worldIn(path)).toStrictEqual(oldWorld);
	});

	test("takes all that is new from then on", async () => {
		const verdict = episodeOf(1, "alert-3", { condition: "undead", severity: "warning" });
		const waiting = { row: rowOf(1, { state: stateOf("SCHEDULED") }), version: 1 };
		{
			await using store = await openFile(path, clock);
			const { lost } = await store.commit(
				batchOf({
					runs: [waiting],
					episodes: [verdict, closedOf(openEpisode, clock.wallMs, "superseded")],
					groups: [{ workspace, incident: groupOf("group-1") }],
					learned: learnedSamples.map((row) => ({ ...row, workspace })),
				}),
			);
			expect(lost).toStrictEqual([]);
		}
		expect(await worldIn(path)).toMatchObject({
			runs: [{ row: waiting.row, version: 2 }, { version: 1 }],
			openEpisodes: [verdict],
			openGroups: [groupOf("group-1")],
			learned: learnedSamples,
		});
	});

	test("is kept beside itself as it was, and is migrated as well when it is put back", async () => {
		await worldIn(path);
		const backup = backupPathOf(path, 1);
		expect(schemaOf(backup)).toStrictEqual({ kind: "zombied", schemaVersion: 1 });
		const kept = new Database(backup, { readonly: true });
		expect(kept.pragma("integrity_check", { simple: true })).toBe("ok");
		expect(kept.prepare("SELECT name FROM sqlite_schema WHERE name = 'learned'").all()).toStrictEqual([]);
		expect(kept.prepare("SELECT count(*) FROM episodes").pluck().get()).toBe(2);
		kept.close();
		renameSync(backup, path);
		expect(await worldIn(path)).toStrictEqual(oldWorld);
		expect(existsSync(backup)).toBe(true);
	});

	test("is checked and backed up as it is, without being migrated", async () => {
		const target = folder.file("copy.db");
		expect(checkDatabase(`sqlite:${path}`)).toStrictEqual({ path, schemaVersion: 1, faults: [], rowsAside: 0 });
		await backUpDatabase(`sqlite:${path}`, target);
		expect(schemaOf(path)).toStrictEqual({ kind: "zombied", schemaVersion: 1 });
		expect(schemaOf(target)).toStrictEqual({ kind: "zombied", schemaVersion: 1 });
		expect(await worldIn(target)).toStrictEqual(oldWorld);
	});

	test("a migration says from where to where, and then has nothing to do", async () => {
		const url = `sqlite:${path}`;
		expect(await migrateDatabase(url, options)).toStrictEqual({ path, from: 1, to: newest });
		expect(await migrateDatabase(url, options)).toStrictEqual({ path, from: newest, to: newest });
		expect(checkDatabase(url)).toStrictEqual({ path, schemaVersion: newest, faults: [], rowsAside: 0 });
	});

	test("a backup taken while the store is at work has the new tables' rows", async () => {
		const target = folder.file("copy.db");
		{
			await using store = await openFile(path, clock);
			const incident = groupOf("group-1");
			const learned = learnedSamples.map((row) => ({ ...row, workspace }));
			await store.commit(batchOf({ groups: [{ workspace, incident }], learned }));
			await backUpDatabase(`sqlite:${path}`, target);
		}
		expect(await worldIn(target)).toStrictEqual({
			...oldWorld,
			openGroups: [groupOf("group-1")],
			learned: learnedSamples,
		});
	});
});

describe("a database with the schema of 0002", () => {
	let folder: TempFolder;
	let path: string;
	const { armedTotal: _armed, silentSinceMs: _since, ...oldIncident } = groupOf("group-1");
	const incident = { ...oldIncident, armedTotal: null, silentSinceMs: null };
	const later = episodeOf(2, "alert-9");

	beforeEach(async () => {
		folder = await TempFolder.make("older");
		path = folder.file("zombied.db");
		writeSchema1Database(path);
		const database = new Database(path);
		const migrations = readMigrations(sqliteMigrationsFolder).slice(0, 2);
		await migrate(database, { path, migrations, clock, appVersion: "0.0.0-test" });
		database
			.prepare(
				"INSERT INTO outbox (id, sink, key, workspace, run_id, transition, created_at_ms) VALUES (?, ?, ?, ?, ?, ?, ?)",
			)
			.run(
				77,
				"log",
				"alert-9:raised",
				workspace,
				Buffer.alloc(16),
				JSON.stringify(transitionOf(later)),
				1_790_000_000_000,
			);
		database
			.prepare("INSERT INTO group_incidents (workspace, group_id, incident, opened_at_ms) VALUES (?, ?, ?, ?)")
			.run(workspace, "group-1", JSON.stringify(oldIncident), oldIncident.openedAtMs);
		database.close();
		expect(schemaOf(path)).toStrictEqual({ kind: "zombied", schemaVersion: 2 });
	});
	afterEach(() => folder[Symbol.asyncDispose]());

	const owed = [...oldWorld.outbox, deliveryOf(later)];

	test("keeps what is owed, in its order, and the open incident", async () => {
		expect(await worldIn(path)).toStrictEqual({ ...oldWorld, outbox: owed, openGroups: [incident] });
		expect(schemaOf(path)).toStrictEqual({ kind: "zombied", schemaVersion: newest });
		expect(checkDatabase(`sqlite:${path}`)).toStrictEqual({ path, schemaVersion: newest, faults: [], rowsAside: 0 });
	});

	test("keeps what was delivered as delivered, and each key once", async () => {
		await worldIn(path);
		await using store = await openFile(path, clock);
		const delivered = deliveryOf(closedOf(episodeOf(2, "alert-2"), clock.wallMs));
		await store.commit(batchOf({ outbox: [delivered, deliveryOf(later)] }));
		expect((await store.load(workspace)).outbox).toStrictEqual(owed);
	});

	test("takes deliveries of group incidents and holds from then on", async () => {
		const told = groupDeliveryOf(groupOf("group-2"));
		const sight = { ...oldWorld.workspaces[0]!, trippedGroups: [trippedGroup] };
		const heldRuns = [{ workspace, runId: runIdOf(1), row: heldRunOf(1) }];
		{
			await using store = await openFile(path, clock);
			await store.commit(batchOf({ outbox: [told], workspaces: [sight], heldRuns }));
		}
		expect(await worldIn(path)).toMatchObject({
			outbox: [...owed, told],
			workspaces: [sight],
			heldRuns: [heldRunOf(1)],
		});
	});
});
