import type { Clock } from "../../src/lib/clock.ts";
import { newMemoryDisk } from "../../src/store/memory-disk.ts";
import { MemoryStore } from "../../src/store/memory-store.ts";
import { openStore } from "../../src/store/open-store.ts";
import type { Store } from "../../src/store/store.ts";
import { TempFolder } from "./temp-folder.ts";

/** Opens the store of a file as the daemon does; a row that is not understood fails the test. */
export async function openFile(path: string, clock: Clock): Promise<Store> {
	return openStore(`sqlite:${path}`, {
		clock,
		appVersion: "0.0.0-test",
		onMalformedRow: (sample) => {
			throw new Error(`a row was not understood: ${sample}`);
		},
		onDamaged: null,
		knownDamage: null,
	});
}

/** A house whose stores share a file in a folder of its own. */
export async function buildSqliteHouse(clock: Clock) {
	const folder = await TempFolder.make("store");
	const path = folder.file("zombied.db");
	return {
		path,
		open: () => openFile(path, clock),
		[Symbol.asyncDispose]: () => folder[Symbol.asyncDispose](),
	};
}

/** A house whose stores share a disk in memory. */
export async function buildMemoryHouse(clock: Clock) {
	const disk = newMemoryDisk();
	return {
		open: async (): Promise<Store> => new MemoryStore({ clock, disk }),
		[Symbol.asyncDispose]: async () => {
			disk.runs.clear();
		},
	};
}
