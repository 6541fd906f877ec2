import { isGone } from "../core/run.ts";
import type { StoredRun } from "../store/store.ts";

/**
 * On which stored version the next change of each run is made. Of a run that is not in memory none is known, so that the
 * first write of one that comes up again loses, and has what is stored merged into it.
 */
export class RunVersions {
	readonly #versions = new Map<string, number>();
	/** Left memory since the commit in flight began: should they be back by its end, they know less than it wrote. */
	readonly #evicted = new Set<string>();

	/** @param loaded at the start; of runs that the server does not know nothing is taken into memory */
	constructor(loaded: readonly StoredRun[]) {
		for (const { row, version } of loaded) if (!isGone(row)) this.#versions.set(row.runId, version);
	}

	/** 0: as if it had never been stored. */
	of(runId: string): number {
		return this.#versions.get(runId) ?? 0;
	}

	/** It left memory. */
	forget(runId: string): void {
		this.#versions.delete(runId);
		this.#evicted.add(runId);
	}

	commitBegins(): void {
		this.#evicted.clear();
	}

	/** The commit in flight has written the row. */
	written({ row, version }: StoredRun): void {
		if (!this.#evicted.has(row.runId)) this.#versions.set(row.runId, version + 1);
	}

	/** It was loaded again, to be merged into what memory knows. */
	reloaded(runId: string, version: number): void {
		this.#versions.set(runId, version);
	}
}
