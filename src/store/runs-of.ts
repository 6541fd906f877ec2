import type { Store, StoredRun } from "./store.ts";

/** Read at once: a few milliseconds of the thread, and a few megabytes. */
const pageRowsMax = 250;

/** All stored runs of a workspace, a page at a time. @throws StoreError */
export async function* runsOf(
	store: Pick<Store, "loadRuns">,
	workspace: string,
): AsyncGenerator<readonly StoredRun[], void, undefined> {
	let afterPlace = 0;
	for (;;) {
		const page = await store.loadRuns({ workspace, afterPlace, rowsMax: pageRowsMax });
		const last = page.at(-1);
		if (last === undefined) return;
		afterPlace = last.place;
		yield page;
	}
}
