import { closeSync, openSync, readdirSync, readSync, writeSync } from "node:fs";
import Database from "better-sqlite3";
import { afterEach, beforeEach, expect, test } from "vitest";
import { checkDatabase } from "../../../src/store/maintenance.ts";
import { RunningDaemon } from "../../_util/daemon-process.ts";
import { sumSeries } from "../../_util/metrics-page.ts";
import { stateEvent } from "../../_util/prefect-events.ts";
import { PrefectStub } from "../../_util/prefect-stub.ts";
import { TempFolder } from "../../_util/temp-folder.ts";

let folder: TempFolder;
let stub: PrefectStub;

beforeEach(async () => {
	folder = await TempFolder.make("damaged");
	stub = await PrefectStub.start();
});
afterEach(async () => {
	await stub[Symbol.asyncDispose]();
	await folder[Symbol.asyncDispose]();
});

function startDaemon(): RunningDaemon {
	return new RunningDaemon({
		apiUrl: `http://127.0.0.1:${stub.port}/api`,
		folder: folder.path,
		storePath: folder.file("zombied.db"),
	});
}

async function untilRunsAre(daemon: RunningDaemon, count: number): Promise<void> {
	await daemon.until(
		async () => sumSeries((await daemon.page("/metrics")).text, "zombied_runs") === count,
		`${count} runs to be known`,
	);
}

/** Every page but the first becomes noise, beneath whoever has the file open. */
function damage(path: string): void {
	const other = new Database(path);
	other.pragma("wal_checkpoint(TRUNCATE)");
	const pages = Number(other.pragma("page_count", { simple: true }));
	const pageBytes = Number(other.pragma("page_size", { simple: true }));
	// A change by somebody else makes SQLite read its pages anew.
	other.exec("CREATE TABLE change_by_another (x)");
	other.pragma("wal_checkpoint(TRUNCATE)");
	other.close();
	const file = openSync(path, "r+");
	writeSync(file, Buffer.alloc((pages - 1) * pageBytes, 0xee), 0, (pages - 1) * pageBytes, pageBytes);
	closeSync(file);
}

function damagedFiles(): readonly string[] {
	return readdirSync(folder.path).filter((name) => /\.damaged-\d{8}T\d{6}Z$/u.test(name));
}

test("a daemon that finds its database damaged starts all the same, and learns its runs over REST", async () => {
	stub.addRun();
	stub.addRun();
	{
		await using daemon = startDaemon();
		await untilRunsAre(daemon, 2);
	}
	damage(folder.file("zombied.db"));
	await using daemon = startDaemon();
	expect(await daemon.untilLogged("store.set_aside")).toMatchObject({ level: "error" });
	expect(await daemon.untilLogged("daemon.ready")).toMatchObject({ runs: 0 });
	await untilRunsAre(daemon, 2);
	await daemon.stop();
	expect(damagedFiles()).toHaveLength(1);
	expect(checkDatabase(`sqlite:${folder.file("zombied.db")}`).faults).toEqual([]);
}, 60_000);

/** The root of an empty index becomes a page of a table, which SQLite's integrity check takes for sound. */
function damageUnseen(path: string): void {
	const database = new Database(path);
	const pageBytes = Number(database.pragma("page_size", { simple: true }));
	const rootOf = database.prepare("SELECT rootpage FROM sqlite_schema WHERE name = ?").pluck();
	const [index, table] = [rootOf.get("group_incidents_open"), rootOf.get("unreadable_rows")].map(Number);
	if (index === undefined || table === undefined) throw new Error("the schema has neither");
	database.close();
	const file = openSync(path, "r+");
	const page = Buffer.alloc(pageBytes);
	readSync(file, page, 0, pageBytes, (table - 1) * pageBytes);
	writeSync(file, page, 0, pageBytes, (index - 1) * pageBytes);
	closeSync(file);
	expect(checkDatabase(`sqlite:${path}`).faults).toEqual([]);
}

test("damage that only whoever reads there meets does not keep it from starting either", async () => {
	stub.addRun();
	{
		await using daemon = startDaemon();
		await untilRunsAre(daemon, 1);
		await daemon.stop();
	}
	damageUnseen(folder.file("zombied.db"));
	await using daemon = startDaemon();
	await daemon.untilLogged("store.set_aside");
	await untilRunsAre(daemon, 1);
	await daemon.stop();
	expect(damagedFiles()).toHaveLength(1);
	expect(daemon.stdout.text).toBe("");
}, 60_000);

test("one whose database is damaged while it runs goes on in the same process, with the same pages", async () => {
	stub.addRun();
	await using daemon = startDaemon();
	await untilRunsAre(daemon, 1);
	await daemon.untilLogged("catch_up.done", 2);
	const { address } = await daemon.untilLogged("http.listening");
	damage(folder.file("zombied.db"));
	const { id } = stub.addRun();
	stub.emit(stateEvent({ runId: id, type: "RUNNING", atMs: stub.nowMs() }));
	await daemon.untilLogged("store.set_aside");
	await daemon.untilLogged("daemon.ready", 2);
	await untilRunsAre(daemon, 2);
	expect((await daemon.page("/-/ready")).status).toBe(200);
	expect(daemon.logged("http.listening").map((line) => line.address)).toEqual([address]);
	expect(sumSeries((await daemon.page("/metrics")).text, "zombied_store_errors_total", { code: "damaged" })).toBe(1);
	await daemon.stop();
	expect(daemon.stdout.text).toBe("");
	expect(damagedFiles()).toHaveLength(1);
	expect(checkDatabase(`sqlite:${folder.file("zombied.db")}`).faults).toEqual([]);
}, 60_000);
