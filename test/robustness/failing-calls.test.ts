import Database from "better-sqlite3";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { systemClock } from "../../src/lib/clock.ts";
import { messageOf, OperatorError, OutsideError } from "../../src/lib/errors.ts";
import { StoreError } from "../../src/store/store-error.ts";
import { type DriverFailure, type FailingCode, FailingDriver } from "../_util/failing-driver.ts";
import { openFile } from "../_util/store-houses.ts";
import { TempFolder } from "../_util/temp-folder.ts";
import { Chance } from "../simulation/chance.ts";
import { playStory, type StoryEnd } from "./disk-story.ts";
import { firstSeed, timesOf } from "./extent.ts";

const codes: readonly FailingCode[] = ["SQLITE_FULL", "SQLITE_IOERR_WRITE", "SQLITE_BUSY", "SQLITE_CORRUPT"];
const manners: readonly Pick<DriverFailure, "times" | "isDone">[] = [
	{ times: 1, isDone: false },
	// The statement and then its ROLLBACK.
	{ times: 2, isDone: false },
	{ times: Number.POSITIVE_INFINITY, isDone: false },
	{ times: 1, isDone: true },
];
/** A shutdown has 10 s in all, of which the deliveries may take 5; here they take none. */
const hungAfterMs = 5_000;

/** Of the sixteen ways in which each call can fail, those that are tried. */
const waysEach = timesOf({ short: 1, long: codes.length * manners.length });

let folder: TempFolder;
let sound: StoryEnd;
let callsCount: number;

beforeAll(async () => {
	folder = await TempFolder.make("failing");
	using driver = new FailingDriver({ atCall: Number.POSITIVE_INFINITY, code: "SQLITE_FULL", ...manners[0]! });
	sound = await playStory(folder.file("sound.db"));
	callsCount = driver.calls;
}, 60_000);
afterAll(() => folder[Symbol.asyncDispose]());

interface Kept {
	/** Keys of the alerts that are owed or were delivered. */
	readonly outbox: readonly string[];
	/** Alerts, and whether they are still open. */
	readonly episodes: readonly string[];
}

/** What the next start finds. */
async function keptIn(path: string): Promise<Kept> {
	// Opened as a start does: whatever is wrong with it is refused.
	const store = await openFile(path, systemClock);
	await store[Symbol.asyncDispose]();
	const database = new Database(path, { readonly: true });
	try {
		const outbox = database.prepare("SELECT key FROM outbox ORDER BY id").pluck().all() as string[];
		const episodes = database
			.prepare(
				"SELECT alert_id || CASE WHEN closed_at_ms IS NULL THEN ' open' ELSE ' closed' END FROM episodes ORDER BY 1",
			)
			.pluck()
			.all() as string[];
		return { outbox, episodes };
	} finally {
		database.close();
	}
}

/** A bug would end the process with 70; these end it with 1 or 75, or have the database set aside. */
function isForeseen(failure: unknown): boolean {
	const cause = failure instanceof Error ? failure.cause : null;
	return (
		failure instanceof OperatorError ||
		failure instanceof OutsideError ||
		(cause instanceof StoreError && cause.isDamage)
	);
}

async function tryFailure(failure: DriverFailure): Promise<void> {
	const path = folder.file(`${failure.atCall}-${failure.code}-${failure.times}-${failure.isDone}.db`);
	let end: StoryEnd;
	const startedMs = performance.now();
	{
		using driver = new FailingDriver(failure);
		end = await playStory(path);
		expect(driver.hasFailed).toBe(true);
	}
	expect(performance.now() - startedMs).toBeLessThan(hungAfterMs);
	expect(end.told).toEqual(sound.told.slice(0, end.told.length));
	const kept = await keptIn(path);
	if (end.failure === null) {
		expect(end.told).toEqual(sound.told);
		expect(kept).toEqual(await keptIn(folder.file("sound.db")));
	} else {
		expect(isForeseen(end.failure), messageOf(end.failure)).toBe(true);
	}
}

describe("R2: whichever call of SQLite fails", () => {
	test("without a failure everything is told, and kept", async () => {
		expect(sound.failure).toBeNull();
		expect(sound.told).toHaveLength(3);
		expect(callsCount).toBeGreaterThan(100);
		const [first, , second] = sound.told.map((key) => key.split(":")[0]);
		const { outbox, episodes } = await keptIn(folder.file("sound.db"));
		expect(outbox).toEqual(sound.told);
		expect(new Set(episodes)).toEqual(new Set([`${first} closed`, `${second} open`]));
	});

	// A test of its own for each call would have to know how many there are before the story has been played.
	test(`success means that every verdict is saved, alerts are told once and in order, and the end comes (seed ${firstSeed})`, async () => {
		const random = new Chance(firstSeed).random;
		const faults: string[] = [];
		for (let atCall = 1; atCall <= callsCount; atCall++) {
			const ways = codes.flatMap((code) => manners.map((manner) => ({ atCall, code, ...manner })));
			const drawn = ways.map((way) => ({ way, at: random() })).toSorted((a, b) => a.at - b.at);
			for (const { way } of drawn.slice(0, waysEach)) {
				await tryFailure(way).catch((error: unknown) => faults.push(`${JSON.stringify(way)}: ${messageOf(error)}`));
			}
		}
		expect(faults).toEqual([]);
	}, 3_600_000);
});
