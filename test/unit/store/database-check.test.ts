import { readFileSync, writeFileSync } from "node:fs";
import Database from "better-sqlite3";
import { expect, test } from "vitest";
import { faultOf, indexCheckBytesMax } from "../../../src/store/database-check.ts";
import { openFile } from "../../_util/store-houses.ts";
import { batchOf, deliveryOf, episodeOf, rowOf, StandingClock } from "../../_util/store-samples.ts";
import { TempFolder } from "../../_util/temp-folder.ts";

const clock = new StandingClock();

/** A database in which an index has one wrong key. */
async function faultWithWrongKeyIn(index: string | null, indexCheckBytes: number): Promise<string | null> {
	await using folder = await TempFolder.make("check");
	const path = folder.file("zombied.db");
	{
		await using store = await openFile(path, clock);
		const episode = episodeOf(1, "alert-1");
		await store.commit(
			batchOf({ runs: [{ row: rowOf(1), version: 0 }], episodes: [episode], outbox: [deliveryOf(episode)] }),
		);
	}
	if (index !== null) changeKey(path, index);
	const database = new Database(path, { readonly: true });
	const fault = faultOf(database, indexCheckBytes);
	database.close();
	return fault;
}

/** The page ends with the key of the row that came first. */
function changeKey(path: string, index: string): void {
	const database = new Database(path, { readonly: true });
	const root = Number(database.prepare("SELECT rootpage FROM sqlite_schema WHERE name = ?").pluck().get(index));
	database.close();
	const bytes = readFileSync(path);
	const last = root * bytes.readUInt16BE(16) - 1;
	bytes[last] = (bytes[last] ?? 0) ^ 1;
	writeFileSync(path, bytes);
}

test.for([
	[null, indexCheckBytesMax, null],
	[null, 0, null],
	["outbox_undelivered", indexCheckBytesMax, /outbox_undelivered/u],
	["outbox_undelivered", 0, /outbox_undelivered/u],
	["sqlite_autoindex_episodes_1", 0, /sqlite_autoindex_episodes_1/u],
	["sqlite_autoindex_runs_1", indexCheckBytesMax, /sqlite_autoindex_runs_1/u],
	// Too long a look at a great many runs: met when a run is written.
	["sqlite_autoindex_runs_1", 0, null],
] as const)("a wrong key in %s, looked for in databases up to %i bytes: %s", async ([index, bytes, fault]) => {
	const found = await faultWithWrongKeyIn(index, bytes);
	if (fault === null) expect(found).toBeNull();
	else expect(found).toMatch(fault);
});
