import { mkdirSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { expect, test } from "vitest";
import { OperatorError } from "../../src/lib/errors.ts";
import { lockPathOf } from "../../src/store/instance-lock.ts";
import { StoreChild } from "../_util/store-child.ts";
import { buildSqliteHouse, openFile } from "../_util/store-houses.ts";
import { runsIn } from "../_util/store-runs.ts";
import { batchOf, rowOf, StandingClock, workspace } from "../_util/store-samples.ts";

const holdStore = new URL("./children/hold-store.ts", import.meta.url);
const clock = new StandingClock();

test("a second process is refused within 2 s, in one line that names the file and what to do", async () => {
	await using house = await buildSqliteHouse(clock);
	await using first = new StoreChild(holdStore, house.path);
	expect(await first.line()).toBe("held");
	await using second = new StoreChild(holdStore, house.path);
	const told: unknown = JSON.parse((await second.line()) ?? "null");
	expect(told).toMatchObject({
		name: "OperatorError",
		message: expect.stringMatching(/^the database ".*zombied\.db" is in use by another zombied .*stop that one, or /u),
	});
	expect(told).toHaveProperty(
		"tookMs",
		expect.toSatisfy((tookMs: number) => tookMs < 2000),
	);
});

test("kill -9 of the first lets the next in at once, with all that was committed", async () => {
	await using house = await buildSqliteHouse(clock);
	{
		await using store = await house.open();
		await store.commit(batchOf({ runs: [{ row: rowOf(1), version: 0 }] }));
	}
	await using first = new StoreChild(holdStore, house.path);
	expect(await first.line()).toBe("held");
	await expect(house.open()).rejects.toThrow(OperatorError);
	await first.kill();
	await using store = await house.open();
	expect(await runsIn(store, workspace)).toStrictEqual([{ row: rowOf(1), version: 1 }]);
});

test("within one process too there is one at a time, and the refused one does not shake the first one's hold", async () => {
	await using house = await buildSqliteHouse(clock);
	await using store = await house.open();
	await expect(house.open()).rejects.toThrow("is in use by another zombied");
	await using other = new StoreChild(holdStore, house.path);
	expect(await other.line()).toContain("is in use by another zombied");
	expect(await store.commit(batchOf({ runs: [{ row: rowOf(1), version: 0 }] }))).toMatchObject({
		lost: [],
		lostBeats: [],
	});
});

test("a link to the file leads to the same lock", async () => {
	await using house = await buildSqliteHouse(clock);
	await using store = await house.open();
	const linkFolder = join(dirname(house.path), "elsewhere");
	mkdirSync(linkFolder);
	symlinkSync(house.path, join(linkFolder, "link.db"));
	await expect(openFile(join(linkFolder, "link.db"), clock)).rejects.toThrow("is in use by another zombied");
	symlinkSync(dirname(house.path), join(linkFolder, "folder"));
	await expect(openFile(join(linkFolder, "folder", "zombied.db"), clock)).rejects.toThrow("is in use by another");
	expect(await store.load(workspace)).toMatchObject({ runsTotal: 0 });
});

test("a closed store leaves its lock's file empty and free", async () => {
	await using house = await buildSqliteHouse(clock);
	await (await house.open())[Symbol.asyncDispose]();
	expect(statSync(lockPathOf(house.path)).size).toBe(0);
	await (await house.open())[Symbol.asyncDispose]();
});

test("a lock's file that is something else is refused in words, and stays as it is", async () => {
	await using house = await buildSqliteHouse(clock);
	writeFileSync(lockPathOf(house.path), "not a lock at all, but somebody's notes");
	await expect(house.open()).rejects.toThrow(/^the lock file ".*zombied\.db\.lock" cannot be used: /u);
	expect(statSync(lockPathOf(house.path)).size).toBe(39);
	expect(statSync(house.path, { throwIfNoEntry: false })).toBeUndefined();
});
