import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { basename } from "node:path";
import Database from "better-sqlite3";
import { describe, expect, test } from "vitest";
import type { Damage } from "../../../src/store/damaged-database.ts";
import { openStore } from "../../../src/store/open-store.ts";
import type { Store } from "../../../src/store/store.ts";
import { StoreError } from "../../../src/store/store-error.ts";
import { runsIn } from "../../_util/store-runs.ts";
import { batchOf, rowOf, StandingClock, workspace } from "../../_util/store-samples.ts";
import { TempFolder } from "../../_util/temp-folder.ts";

const clock = new StandingClock();
const today = "20260921T141320Z";

class House implements AsyncDisposable {
	readonly told: Damage[] = [];
	readonly #folder: TempFolder;

	private constructor(folder: TempFolder) {
		this.#folder = folder;
	}

	/** With a database that holds a run. */
	static async build(): Promise<House> {
		const house = new House(await TempFolder.make("damaged"));
		await using store = await house.open();
		await store.commit(batchOf({ runs: [{ row: rowOf(1), version: 0 }] }));
		return house;
	}

	get path(): string {
		return this.#folder.file("zombied.db");
	}

	get files(): readonly string[] {
		return readdirSync(this.#folder.path);
	}

	open(knownDamage: string | null = null): Promise<Store> {
		return openStore(`sqlite:${this.path}`, {
			clock,
			appVersion: "0.0.0-test",
			onMalformedRow: expect.unreachable,
			onDamaged: (damage) => this.told.push(damage),
			knownDamage,
		});
	}

	async [Symbol.asyncDispose](): Promise<void> {
		await this.#folder[Symbol.asyncDispose]();
	}
}

/** Overwrites a page, counted from 1. */
function overwrite(path: string, page: number, byte: number): Buffer {
	const bytes = readFileSync(path);
	const pageBytes = bytes.readUInt16BE(16);
	bytes.fill(byte, (page - 1) * pageBytes, page * pageBytes);
	writeFileSync(path, bytes);
	return bytes;
}

function rootPageOf(path: string, table: string): number {
	const database = new Database(path, { readonly: true });
	const root = database.prepare("SELECT rootpage FROM sqlite_schema WHERE name = ?").pluck().get(table);
	database.close();
	return Number(root);
}

describe("a damaged database", () => {
	test.for([
		["its header is gone", () => 1, 0x00],
		["its schema is noise", () => 1, 0xee],
		["a table is noise", (path: string) => rootPageOf(path, "runs"), 0xee],
		["an index is empty", (path: string) => rootPageOf(path, "episodes_one_open"), 0x00],
		["the ledger of migrations is noise", (path: string) => rootPageOf(path, "schema_migrations"), 0x5a],
	] as const)("is kept under the date, and a new one is made: %s", async ([, pageIn, byte]) => {
		await using house = await House.build();
		const bytes = overwrite(house.path, pageIn(house.path), byte);
		await using store = await house.open();
		expect(house.told).toEqual([
			{ path: house.path, keptAs: `${house.path}.damaged-${today}`, detail: expect.stringMatching(/\w/u) },
		]);
		expect(readFileSync(`${house.path}.damaged-${today}`).equals(bytes)).toBe(true);
		expect(await runsIn(store, workspace)).toEqual([]);
		await store.commit(batchOf({ runs: [{ row: rowOf(2), version: 0 }] }));
		expect(await runsIn(store, workspace)).toHaveLength(1);
	});

	test("a sound one is opened as it is", async () => {
		await using house = await House.build();
		await using store = await house.open();
		expect(house.told).toEqual([]);
		expect(await runsIn(store, workspace)).toHaveLength(1);
	});

	test("one that showed damage while it was open is set aside without another look", async () => {
		await using house = await House.build();
		await using store = await house.open("database disk image is malformed");
		expect(house.told.map(({ detail }) => detail)).toEqual(["database disk image is malformed"]);
		expect(await runsIn(store, workspace)).toEqual([]);
	});

	test("takes its write-ahead log along", async () => {
		await using house = await House.build();
		writeFileSync(`${house.path}-wal`, "log");
		overwrite(house.path, 1, 0);
		await using _store = await house.open();
		expect(readFileSync(`${house.path}.damaged-${today}-wal`, "utf8")).toBe("log");
	});

	test("five are kept: the oldest goes", async () => {
		await using house = await House.build();
		for (let count = 0; count < 6; count++) {
			await (await house.open(`fault ${count}`))[Symbol.asyncDispose]();
		}
		const names = house.files.filter((name) => name.includes(".damaged-"));
		const first = `${basename(house.path)}.damaged-${today}`;
		expect(names).toEqual([2, 3, 4, 5, 6].map((number) => `${first}.${number}`));
	});

	test("is refused, and left as it is, where nobody has asked for a new one", async () => {
		await using house = await House.build();
		const bytes = overwrite(house.path, rootPageOf(house.path, "runs"), 0xee);
		const opened = openStore(`sqlite:${house.path}`, {
			clock,
			appVersion: "0.0.0-test",
			onMalformedRow: expect.unreachable,
			onDamaged: null,
			knownDamage: null,
		});
		await expect(opened).rejects.toThrow(/it is damaged \(.*put a backup in its place/u);
		expect(readFileSync(house.path).equals(bytes)).toBe(true);
	});
});

test.for([
	["SQLITE_CORRUPT", true],
	["SQLITE_CORRUPT_INDEX", true],
	["SQLITE_NOTADB", true],
	["SQLITE_IOERR", false],
	["SQLITE_FULL", false],
] as const)("%s tells of damage: %s", ([code, isDamage]) => {
	expect(new StoreError("it failed", { code, retryable: false }).isDamage).toBe(isDamage);
});
