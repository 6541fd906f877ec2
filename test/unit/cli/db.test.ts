import { copyFileSync, existsSync, readFileSync, statSync, writeFileSync } from "node:fs";
import SqliteDatabase from "better-sqlite3";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { DaemonSession, runCommand } from "../../_util/cli-session.ts";
import { TempFolder } from "../../_util/temp-folder.ts";

const usual = "data/zombied.db";

let folder: TempFolder;
beforeEach(async () => {
	folder = await TempFolder.make("db");
});
afterEach(async () => {
	await folder[Symbol.asyncDispose]();
});

function run(...args: readonly string[]) {
	return runCommand(args, { folder: folder.path, env: { ZOMBIED_STORE_URL: `sqlite:${folder.file(usual)}` } });
}

function startDaemon(): Promise<DaemonSession> {
	const env = { PREFECT_API_URL: "http://127.0.0.1:1/api", ZOMBIED_STORE_URL: `sqlite:${folder.file(usual)}` };
	return DaemonSession.start({ folder: folder.path, env });
}

describe("migrate", () => {
	test("makes the database where there is none, and then has nothing to do", async () => {
		expect(await run("db", "migrate")).toMatchObject({
			code: 0,
			stdout: expect.stringMatching(/^schema 0 -> \d+\n$/u),
		});
		expect(await run("db", "migrate")).toMatchObject({
			code: 0,
			stdout: expect.stringMatching(/^nothing to do: schema/u),
		});
	});

	test("O10: a newer schema is refused and left byte for byte", async () => {
		await run("db", "migrate");
		const database = new SqliteDatabase(folder.file(usual));
		database.pragma("user_version = 9999");
		database.close();
		const before = readFileSync(folder.file(usual));
		const { code, stderr } = await run("db", "migrate");
		expect(code).toBe(1);
		expect(stderr).toContain("newer than this zombied");
		expect(readFileSync(folder.file(usual)).equals(before)).toBe(true);
	});

	test("is refused while a daemon has it open", async () => {
		await using _daemon = await startDaemon();
		const { code, stderr } = await run("db", "migrate");
		expect(code).toBe(1);
		expect(stderr).toContain("in use by another zombied");
	});
});

describe("check", () => {
	test("a sound database is 0, as text and as JSON", async () => {
		await run("db", "migrate");
		expect(await run("db", "check")).toMatchObject({ code: 0, stderr: "" });
		const { code, stdout } = await run("db", "check", "--json");
		expect(code).toBe(0);
		expect(JSON.parse(stdout)).toMatchObject({ sound: true, faults: [], rows_aside: 0, path: folder.file(usual) });
	});

	test("a damaged one is 10, with what is damaged", async () => {
		await run("db", "migrate");
		const bytes = readFileSync(folder.file(usual));
		bytes.fill(0xff, 4096, bytes.length);
		writeFileSync(folder.file(usual), bytes);
		const { code, stdout } = await run("db", "check");
		expect(code).toBe(10);
		expect(stdout).toMatch(/is damaged \(schema \d+\).*:\n {2}\S/u);
		const json = await run("db", "check", "--json");
		expect(json.code).toBe(10);
		expect(JSON.parse(json.stdout).faults.length).toBeGreaterThan(0);
	});

	test("one that a crash cut short is 10 as well", async () => {
		await run("db", "migrate");
		const bytes = readFileSync(folder.file(usual));
		writeFileSync(folder.file(usual), bytes.subarray(0, 8192));
		expect((await run("db", "check")).code).toBe(10);
	});

	test.each<[string, string, RegExp]>([
		["none at all", "", /there is none yet/u],
		[
			"another program's file",
			"not a database, and long enough to be looked at as one".repeat(4),
			/not a SQLite database/u,
		],
	])("%s is the operator's fault, and nothing is made of it", async (_case, content, message) => {
		const file = folder.file("other.db");
		if (content !== "") writeFileSync(file, content);
		const { code, stderr } = await run("db", "check", "--store.url", `sqlite:${file}`);
		expect(code).toBe(1);
		expect(stderr).toMatch(message);
		expect(existsSync(file)).toBe(content !== "");
	});

	test("a store in memory has nothing to look after", async () => {
		for (const command of [["check"], ["migrate"], ["backup", "x.db"]]) {
			const { code, stderr } = await run("db", ...command, "--store.url", "memory:");
			expect(code).toBe(1);
			expect(stderr).toContain("memory: has no file");
		}
	});
});

describe("backup", () => {
	test("copies the database whole while a daemon runs, and the copy is sound", async () => {
		await using daemon = await startDaemon();
		expect(await run("db", "backup", "copy.db")).toEqual({ code: 0, stdout: "wrote copy.db\n", stderr: "" });
		expect((await run("db", "check", "--store.url", `sqlite:${folder.file("copy.db")}`)).code).toBe(0);
		expect((await fetch(`${daemon.address}/-/ready`)).status).toBeLessThan(600);
		expect(existsSync(folder.file("copy.db.partial"))).toBe(false);
	});

	test("overwrites nothing", async () => {
		await run("db", "migrate");
		copyFileSync(folder.file(usual), folder.file("copy.db"));
		const { mtimeMs } = statSync(folder.file("copy.db"));
		const { code, stderr } = await run("db", "backup", "copy.db");
		expect(code).toBe(1);
		expect(stderr).toContain("exists; name a new file");
		expect(statSync(folder.file("copy.db")).mtimeMs).toBe(mtimeMs);
	});

	test("a folder that is not there is the operator's fault, and nothing is left behind", async () => {
		await run("db", "migrate");
		const { code, stderr } = await run("db", "backup", "gone/copy.db");
		expect(code).toBe(1);
		expect(stderr).toMatch(/^zombied: the backup .* could not be written/u);
	});
});
