import type { Acknowledgement, Silence } from "../core/silence.ts";

/** The part of a store that remembers what people have said about alerts. Its calls throw StoreError. */
export interface SilenceStore {
	/** Those that end after `afterMs` (our wall clock), by their end, then id. What cannot be understood is left out. */
	silences(query: { readonly workspace: string; readonly afterMs: number }): Promise<readonly Silence[]>;
	/** The last word counts for each id. */
	putSilence(silence: Silence & { readonly workspace: string }): Promise<void>;
	/** False: there is none that still lasts. */
	endSilence(end: { readonly workspace: string; readonly silenceId: string; readonly atMs: number }): Promise<boolean>;
	/** Ids of open alerts and group incidents that begin so, in their order; `rowsMax` at most. */
	openAlerts(query: {
		readonly workspace: string;
		readonly idPrefix: string;
		readonly rowsMax: number;
	}): Promise<readonly string[]>;
	/** The last word counts for each alert. */
	acknowledge(word: Acknowledgement & { readonly workspace: string }): Promise<void>;
	/** Those about alerts and group incidents that are open, by alert. */
	acknowledgements(workspace: string): Promise<readonly Acknowledgement[]>;
}
