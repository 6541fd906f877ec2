import type { DeliveryKey, Settlement } from "../core/delivery.ts";
import type { Episode } from "../core/episode.ts";
import type { Acknowledgement, Silence } from "../core/silence.ts";
import { newRemedyDisk, type RemedyDisk } from "./memory-remedies.ts";
import { bytesOfRunId } from "./run-id.ts";
import type { GroupRow, HeldRunChange, LearnedChange, OutboxRow, RunKey, StoredRun, WorkspaceRow } from "./store.ts";

export interface KeptDelivery {
	readonly row: OutboxRow;
	/** Null: to be sent, or delivered. */
	readonly fate: Exclude<Settlement["fate"], "delivered"> | null;
	readonly detail: string | null;
	readonly heldUntilMs: number | null;
	/** When it was settled. */
	readonly deliveredAtMs: number | null;
}

/** What outlives a MemoryStore, as a file outlives a process: open another store on it for a restart. */
export interface MemoryDisk {
	readonly runs: Map<string, StoredRun>;
	/** Names in `runs` by place. */
	readonly runsByPlace: Map<number, string>;
	/** The greatest that was ever given. */
	lastPlace: number;
	readonly episodes: Map<string, Episode>;
	/** In the order of commits. */
	readonly outbox: Map<string, KeptDelivery>;
	readonly workspaces: Map<string, WorkspaceRow>;
	readonly groups: Map<string, GroupRow>;
	readonly heldRuns: Map<string, HeldRunChange>;
	/** In the order in which they were last written. */
	readonly learned: Map<string, LearnedChange>;
	readonly remedies: RemedyDisk;
	readonly silences: Map<string, { readonly workspace: string; readonly silence: Silence }>;
	readonly acknowledgements: Map<string, { readonly workspace: string; readonly word: Acknowledgement }>;
}

export function newMemoryDisk(): MemoryDisk {
	return {
		runs: new Map(),
		runsByPlace: new Map(),
		lastPlace: 0,
		episodes: new Map(),
		outbox: new Map(),
		workspaces: new Map(),
		groups: new Map(),
		heldRuns: new Map(),
		learned: new Map(),
		remedies: newRemedyDisk(),
		silences: new Map(),
		acknowledgements: new Map(),
	};
}

/** @throws StoreError for what is no run id */
export function nameOfRun({ workspace, runId }: RunKey): string {
	return JSON.stringify([workspace, bytesOfRunId(runId).toString("hex")]);
}

export function forgetRun({ runs, runsByPlace }: MemoryDisk, key: RunKey): void {
	const name = nameOfRun(key);
	runsByPlace.delete(runs.get(name)?.place ?? 0);
	runs.delete(name);
}

export function nameOfDelivery({ sink, key }: DeliveryKey): string {
	return JSON.stringify([sink, key]);
}
