import { copyFileSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { systemClock } from "../../src/lib/clock.ts";
import { checkDatabase } from "../../src/store/maintenance.ts";
import { RunningDaemon } from "../_util/daemon-process.ts";
import { sumSeries } from "../_util/metrics-page.ts";
import { heartbeat } from "../_util/prefect-events.ts";
import { PrefectStub } from "../_util/prefect-stub.ts";
import { openFile } from "../_util/store-houses.ts";
import { batchOf, deliveryOf, episodeOf } from "../_util/store-samples.ts";
import { TempFolder } from "../_util/temp-folder.ts";
import { Chance } from "../simulation/chance.ts";
import { firstSeed, timesOf } from "./extent.ts";

const runsCount = 60;
const damages = timesOf({ short: 25, long: 500 });
const pageBytes = 4096;

let folder: TempFolder;
let stub: PrefectStub;

/** A database as a daemon leaves it: runs with their beats, and open episodes of old. */
beforeAll(async () => {
	folder = await TempFolder.make("corrupt");
	stub = await PrefectStub.start();
	for (let count = 0; count < runsCount; count++) stub.addRun();
	beatAll();
	await using daemon = startDaemon(folder.file("whole.db"));
	await untilAllAreKnown(daemon);
	await daemon.stop();
	await using store = await openFile(folder.file("whole.db"), systemClock);
	const episodes = Array.from({ length: 200 }, (_, n) => episodeOf(n, `alert-${n}`, { workspace: "other" }));
	await store.commit(batchOf({ episodes, outbox: episodes.map((episode) => deliveryOf(episode)) }));
}, 60_000);
afterAll(async () => {
	await stub[Symbol.asyncDispose]();
	await folder[Symbol.asyncDispose]();
});

/** Of each run one beat is stored, of now: left alone for 21 minutes they would all be due, and rightly told. */
function beatAll(): void {
	stub.stored.length = 0;
	for (const runId of stub.runs.keys()) stub.store(heartbeat({ runId, occurredMs: stub.nowMs() }));
}

function startDaemon(storePath: string): RunningDaemon {
	return new RunningDaemon({ apiUrl: `http://127.0.0.1:${stub.port}/api`, folder: folder.path, storePath });
}

async function untilAllAreKnown(daemon: RunningDaemon): Promise<void> {
	await daemon.until(
		async () => sumSeries((await daemon.page("/metrics")).text, "zombied_runs", { coverage: "beating" }) === runsCount,
		"all runs to be known",
	);
}

type Page = { readonly page: Buffer; readonly file: Buffer; readonly random: () => number };

/** What a failing disk makes of a page. */
const kindsOfDamage: readonly ((of: Page) => void)[] = [
	({ page }) => page.fill(0),
	({ page, random }) => {
		for (let at = 0; at < page.length; at++) page[at] = Math.floor(random() * 256);
	},
	({ page, random }) => {
		for (let flips = 0; flips < 8; flips++) {
			const at = Math.floor(random() * page.length);
			page[at] = (page[at] ?? 0) ^ (1 << Math.floor(random() * 8));
		}
	},
	({ page, random }) => page.fill(0xee, Math.floor(random() * page.length)),
	// Another page's content, as a misdirected write leaves it.
	({ page, file, random }) => {
		const from = Math.floor((random() * file.length) / pageBytes) * pageBytes;
		Buffer.from(file.subarray(from, from + pageBytes)).copy(page);
	},
];

function damage(path: string, seed: number): void {
	const random = new Chance(seed).random;
	const file = readFileSync(path);
	const at = Math.floor((random() * file.length) / pageBytes) * pageBytes;
	const page = file.subarray(at, at + pageBytes);
	kindsOfDamage[Math.floor(random() * kindsOfDamage.length)]?.({ page, file, random });
	writeFileSync(path, file);
}

describe(`R4: ${damages} times a page is corrupt`, () => {
	const seeds = Array.from({ length: damages }, (_, n) => firstSeed + n);

	test.each(seeds)("the daemon starts, knows every run again, and says nothing wrong (seed %i)", async (seed) => {
		const path = folder.file(`${seed}.db`);
		// With the lock that its daemon has left: a file without one may be anybody's, and is never moved.
		for (const part of ["", ".lock"]) copyFileSync(folder.file(`whole.db${part}`), `${path}${part}`);
		damage(path, seed);
		beatAll();
		await using daemon = startDaemon(path);
		await untilAllAreKnown(daemon);
		await daemon.stop();
		expect(daemon.stdout.text).toBe("");
		expect(daemon.logged("bug")).toEqual([]);
		expect(checkDatabase(`sqlite:${path}`).faults).toEqual([]);
		const kept = readdirSync(folder.path).filter((name) => name.startsWith(`${seed}.db.damaged-`));
		expect(kept).toHaveLength(daemon.logged("store.set_aside").length);
	});
});
