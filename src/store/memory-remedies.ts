import { placeOf, type RemedyEntry, type ScopeHold } from "../core/remedy.ts";
import type { RemedyChange, RemedyQuery, RemedyStore } from "./remedy-store.ts";

/** What outlives a MemoryRemedies. */
export interface RemedyDisk {
	readonly entries: Map<string, RemedyEntry>;
	readonly holds: Map<string, { readonly workspace: string; readonly hold: ScopeHold }>;
}

export function newRemedyDisk(): RemedyDisk {
	return { entries: new Map(), holds: new Map() };
}

/** Remedies of a store without a file. */
export class MemoryRemedies implements RemedyStore {
	readonly #disk: RemedyDisk;
	readonly #refuseWhenClosed: () => void;
	readonly #isAlertOpen: (alertId: string) => boolean;

	constructor(parts: { disk: RemedyDisk; refuseWhenClosed: () => void; isAlertOpen: (alertId: string) => boolean }) {
		this.#disk = parts.disk;
		this.#refuseWhenClosed = parts.refuseWhenClosed;
		this.#isAlertOpen = parts.isAlertOpen;
	}

	async write(change: RemedyChange): Promise<void> {
		this.#refuseWhenClosed();
		const { workspace, entries, holds, released } = structuredClone(change);
		for (const entry of entries) {
			this.#disk.entries.set(JSON.stringify([workspace, entry.alertId, placeOf(entry)]), entry);
		}
		for (const hold of holds) this.#disk.holds.set(JSON.stringify([workspace, hold.scope]), { workspace, hold });
		for (const scope of released) this.#disk.holds.delete(JSON.stringify([workspace, scope]));
	}

	async entries({ workspace, sinceMs, runId, withUnsettled, rowsMax }: RemedyQuery): Promise<readonly RemedyEntry[]> {
		this.#refuseWhenClosed();
		const isUnsettled = ({ result, alertId }: RemedyEntry) => result === "intended" || this.#isAlertOpen(alertId);
		return [...this.#disk.entries.values()]
			.filter((entry) => entry.workspace === workspace && (runId === null || entry.runId === runId))
			.filter((entry) => entry.atMs >= sinceMs || (withUnsettled && isUnsettled(entry)))
			.toSorted((one, other) => one.atMs - other.atMs || (sortKeyOf(one) < sortKeyOf(other) ? -1 : 1))
			.slice(-rowsMax);
	}

	async holds(workspace: string): Promise<readonly ScopeHold[]> {
		this.#refuseWhenClosed();
		return [...this.#disk.holds.values()]
			.filter((kept) => kept.workspace === workspace)
			.map(({ hold }) => hold)
			.toSorted((one, other) => (one.scope < other.scope ? -1 : 1));
	}

	/** As `Store.retain` does. */
	forgetBefore(beforeMs: number): void {
		for (const [key, { atMs, result }] of this.#disk.entries) {
			if (atMs < beforeMs && result !== "intended") this.#disk.entries.delete(key);
		}
	}
}

function sortKeyOf(entry: RemedyEntry): string {
	return `${entry.alertId} ${placeOf(entry)}`;
}
