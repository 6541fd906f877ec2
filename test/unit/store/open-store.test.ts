import { chmodSync, existsSync, mkdirSync, readdirSync, symlinkSync, writeFileSync } from "node:fs";
import { basename } from "node:path";
import Database from "better-sqlite3";
import { describe, expect, test } from "vitest";
import { OperatorError } from "../../../src/lib/errors.ts";
import { applicationId } from "../../../src/store/database-file.ts";
import { openStore } from "../../../src/store/open-store.ts";
import { openFile } from "../../_util/store-houses.ts";
import { runsIn } from "../../_util/store-runs.ts";
import { batchOf, fingerprintOf, rowOf, StandingClock, workspace } from "../../_util/store-samples.ts";
import { TempFolder } from "../../_util/temp-folder.ts";

const clock = new StandingClock();

/** What the folder holds is the same before and after a refusal, which is one line that matches. */
async function expectRefusal(folder: TempFolder, path: string, words: RegExp): Promise<void> {
	const before = fingerprintOf(folder.path);
	const error: unknown = await openFile(path, clock).catch((thrown: unknown) => thrown);
	expect(error).toBeInstanceOf(OperatorError);
	expect(error).toHaveProperty("message", expect.stringMatching(words));
	expect(error).toHaveProperty("message", expect.not.stringContaining("\n"));
	expect(error).toHaveProperty("message", expect.stringContaining("set store.url (ZOMBIED_STORE_URL)"));
	expect(fingerprintOf(folder.path)).toStrictEqual(before);
}

async function makeZombiedDatabase(path: string): Promise<void> {
	await using store = await openFile(path, clock);
	await store.commit(batchOf({ runs: [{ row: rowOf(1), version: 0 }] }));
}

describe("opening a store", () => {
	test("folders on the way are made, and a closed store is one file beside its lock", async () => {
		await using folder = await TempFolder.make("open");
		await makeZombiedDatabase(folder.file("a/b/zombied.db"));
		expect(readdirSync(folder.file("a/b"))).toStrictEqual(["zombied.db", "zombied.db.lock"]);
		await using store = await openFile(folder.file("a/b/zombied.db"), clock);
		expect(await runsIn(store, workspace)).toStrictEqual([{ row: rowOf(1), version: 1 }]);
	});

	test("an empty file is taken as new", async () => {
		await using folder = await TempFolder.make("open");
		writeFileSync(folder.file("zombied.db"), "");
		await makeZombiedDatabase(folder.file("zombied.db"));
		await using store = await openFile(folder.file("zombied.db"), clock);
		expect(await runsIn(store, workspace)).toHaveLength(1);
	});

	test("a store in memory leaves nothing behind and shares nothing", async () => {
		const options = {
			clock,
			appVersion: "0.0.0-test",
			onMalformedRow: () => undefined,
			onDamaged: null,
			knownDamage: null,
		};
		await using one = await openStore("memory:", options);
		await using other = await openStore("memory:", options);
		await one.commit(batchOf({ runs: [{ row: rowOf(1), version: 0 }] }));
		expect(await runsIn(one, workspace)).toHaveLength(1);
		expect(await runsIn(other, workspace)).toHaveLength(0);
	});

	test.for([
		["a text file", "it was a dark and stormy night, ".repeat(200)],
		["one byte", "S"],
		["a cut header", "SQLite format 3\0"],
	] as const)("%s is refused and left as it is", async ([, content]) => {
		await using folder = await TempFolder.make("open");
		writeFileSync(folder.file("notes.txt"), content);
		await expectRefusal(folder, folder.file("notes.txt"), /"[^"]*notes\.txt" cannot be used: it is not a SQLite/u);
	});

	test.for(["wal", "delete"])("another program's database (%s) is refused and left as it is", async (journal) => {
		await using folder = await TempFolder.make("open");
		const other = new Database(folder.file("other.db"));
		other.pragma(`journal_mode = ${journal}`);
		other.exec("CREATE TABLE notes (text TEXT); INSERT INTO notes VALUES ('mine')");
		other.close();
		await expectRefusal(folder, folder.file("other.db"), /other\.db" cannot be used: it is a database of some other/u);
	});

	test("a newer schema is refused by its header and left as it is", async () => {
		await using folder = await TempFolder.make("open");
		await makeZombiedDatabase(folder.file("zombied.db"));
		const newer = new Database(folder.file("zombied.db"));
		newer.pragma("user_version = 999");
		newer.close();
		await expectRefusal(folder, folder.file("zombied.db"), /its schema 999 is newer than this zombied 0\.0\.0-test/u);
	});

	test("a newer schema is refused by its ledger and left as it is", async () => {
		await using folder = await TempFolder.make("open");
		await makeZombiedDatabase(folder.file("zombied.db"));
		const newer = new Database(folder.file("zombied.db"));
		newer.exec("INSERT INTO schema_migrations VALUES (999, '0999-future', 'ab', 0, '9.9.9')");
		newer.close();
		await expectRefusal(folder, folder.file("zombied.db"), /its schema 999 is newer .*run the newer zombied/u);
	});

	test("a newer schema that was never locked here gets no lock beside it", async () => {
		await using folder = await TempFolder.make("open");
		const newer = new Database(folder.file("copied.db"));
		newer.pragma(`application_id = ${applicationId}`);
		newer.pragma("user_version = 2000");
		newer.exec("CREATE TABLE future (x TEXT) STRICT");
		newer.close();
		await expectRefusal(folder, folder.file("copied.db"), /its schema 2000 is newer/u);
		expect(readdirSync(folder.path)).toStrictEqual(["copied.db"]);
	});

	test("a folder in place of the file is refused", async () => {
		await using folder = await TempFolder.make("open");
		mkdirSync(folder.file("zombied.db"));
		await expectRefusal(folder, folder.file("zombied.db"), /cannot be used: it is a folder; name a file/u);
		expect(readdirSync(folder.path)).toStrictEqual(["zombied.db"]);
	});

	test("what is neither file nor folder is refused", async () => {
		await using folder = await TempFolder.make("open");
		symlinkSync("/dev/null", folder.file("zombied.db"));
		await expectRefusal(folder, folder.file("zombied.db"), /cannot be used: it is not a plain file/u);
	});

	test("a path under a file is refused", async () => {
		await using folder = await TempFolder.make("open");
		writeFileSync(folder.file("file"), "kept");
		await expectRefusal(folder, folder.file("file/x/zombied.db"), /its folder cannot be made or written \(/u);
		await expectRefusal(folder, folder.file("file/zombied.db"), /its folder cannot be made or written \(/u);
	});

	test.skipIf(process.getuid?.() === 0)(
		"a read-only folder and a read-only file are refused (root may all)",
		async () => {
			await using folder = await TempFolder.make("open");
			await makeZombiedDatabase(folder.file("data/zombied.db"));
			chmodSync(folder.file("data/zombied.db"), 0o400);
			await expectRefusal(folder, folder.file("data/zombied.db"), /it may not be read and written/u);
			chmodSync(folder.file("data"), 0o500);
			await expectRefusal(folder, folder.file("data/zombied.db"), /its folder cannot be made or written/u);
			chmodSync(folder.file("data"), 0o700);
		},
	);

	test("a damaged file is refused in words", async () => {
		await using folder = await TempFolder.make("open");
		await makeZombiedDatabase(folder.file("zombied.db"));
		const damage = new Database(folder.file("zombied.db"));
		const header = damage.serialize().subarray(0, 100);
		damage.close();
		writeFileSync(folder.file("zombied.db"), Buffer.concat([header, Buffer.alloc(8092, 0xee)]));
		await expectRefusal(folder, folder.file("zombied.db"), /it is damaged \(.*put a backup in its place/u);
	});

	test("a refused start leaves the way free for the next one", async () => {
		await using folder = await TempFolder.make("open");
		await makeZombiedDatabase(folder.file("zombied.db"));
		const busy = new Database(folder.file("zombied.db"));
		busy.pragma("locking_mode = EXCLUSIVE");
		busy.exec("BEGIN EXCLUSIVE");
		await expect(openFile(folder.file("zombied.db"), clock)).rejects.toThrow(
			/another program is using it .*close that/u,
		);
		busy.close();
		await using store = await openFile(folder.file("zombied.db"), clock);
		expect(await runsIn(store, workspace)).toHaveLength(1);
	});

	test("a path with quotes and spaces is one path, and shown whole", async () => {
		await using folder = await TempFolder.make("open");
		const path = folder.file(`it's a "db" %41`);
		await makeZombiedDatabase(path);
		expect(existsSync(path)).toBe(true);
		writeFileSync(path, "x");
		await expectRefusal(folder, path, /it's a \\"db\\" %41" cannot be used/u);
		expect(readdirSync(folder.path)).toStrictEqual([basename(path), `${basename(path)}.lock`]);
	});
});
