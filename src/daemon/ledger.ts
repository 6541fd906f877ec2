import type { Episode } from "../core/episode.ts";
import { LedgerCount } from "../core/ledger.ts";
import { ledgerViewOf } from "../http/api/ledger-view.ts";
import type { ApiLedger } from "../http/api/schemas.ts";
import type { EpisodePosition } from "../store/episode-query.ts";
import type { Store } from "../store/store.ts";

/** Alerts read in one go, then inputs have their turn. */
const pageRows = 500;
/** The latest of them: more alerts than anybody can have had in the time that they are kept. */
const episodesMax = 100_000;
/** Likewise of what was done. */
const entriesMax = 100_000;

export interface LedgerOptions {
	readonly store: Pick<Store, "loadEpisodes" | "remedies">;
	readonly workspace: string;
	readonly nowMs: number;
	/** Alerts raised from then on, our wall clock. */
	readonly sinceMs: number;
}

/** What has become of the alerts, and what was done about them. @throws StoreError */
export async function readLedger({ store, workspace, nowMs, sinceMs }: LedgerOptions): Promise<ApiLedger> {
	const count = new LedgerCount();
	for await (const episode of episodesSince(store, workspace, sinceMs)) count.addEpisode(episode, nowMs);
	const query = { workspace, sinceMs, runId: null, withUnsettled: false, rowsMax: entriesMax };
	for (const entry of await store.remedies.entries(query)) count.addRemedy(entry);
	return ledgerViewOf(count.rows(), { sinceMs, holds: await store.remedies.holds(workspace) });
}

async function* episodesSince(
	store: LedgerOptions["store"],
	workspace: string,
	sinceMs: number,
): AsyncGenerator<Episode> {
	let before: EpisodePosition | null = null;
	for (let read = 0; read < episodesMax; read += pageRows) {
		const query = { workspace, runId: null, condition: null, isOpen: null, before, rowsMax: pageRows };
		const page: readonly Episode[] = await store.loadEpisodes(query);
		yield* page.filter(({ raisedAtMs }) => raisedAtMs >= sinceMs);
		const last = page.at(-1);
		if (last === undefined || page.length < pageRows || last.raisedAtMs < sinceMs) return;
		before = last;
	}
}
