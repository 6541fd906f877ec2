import type { RemedyEntry, ScopeHold } from "../core/remedy.ts";

/** All or nothing. The last word counts, for an entry's place within its alert as for a scope. */
export interface RemedyChange {
	readonly workspace: string;
	readonly entries: readonly RemedyEntry[];
	readonly holds: readonly ScopeHold[];
	/** Scopes that are held no longer. */
	readonly released: readonly string[];
}

export interface RemedyQuery {
	readonly workspace: string;
	/** Our wall clock; what is just as old counts. */
	readonly sinceMs: number;
	/** Null: of all. */
	readonly runId: string | null;
	/** Older ones as well when they are `intended`, or about an alert that is open. */
	readonly withUnsettled: boolean;
	readonly rowsMax: number;
}

/** The part of a store that remembers what was done about runs. Its calls throw StoreError. */
export interface RemedyStore {
	/** Durable when it resolves. */
	write(change: RemedyChange): Promise<void>;
	/** In the order of time, then alert and place; of more than `rowsMax` the latest. What cannot be understood is left out. */
	entries(query: RemedyQuery): Promise<readonly RemedyEntry[]>;
	/** By scope. */
	holds(workspace: string): Promise<readonly ScopeHold[]>;
}
