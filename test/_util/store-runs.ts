import { runsOf } from "../../src/store/runs-of.ts";
import type { RunChange, Store, StoredRun } from "../../src/store/store.ts";

/** All stored runs, in the order of their places, which are the store's own affair and left out. */
export async function runsIn(store: Pick<Store, "loadRuns">, workspace: string): Promise<readonly RunChange[]> {
	return (await placedRunsIn(store, workspace)).map(({ row, version }) => ({ row, version }));
}

export async function placedRunsIn(store: Pick<Store, "loadRuns">, workspace: string): Promise<readonly StoredRun[]> {
	const runs: StoredRun[] = [];
	for await (const page of runsOf(store, workspace)) runs.push(...page);
	return runs;
}
