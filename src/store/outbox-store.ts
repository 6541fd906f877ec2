import type { DeliveryKey, HoldReason, Settlement } from "../core/delivery.ts";
import type { OutboxRow } from "./store.ts";

/** A delivery as operators see it. */
export interface OutboxEntry extends OutboxRow {
	/** `pending`: to be sent as soon as can be; a `HoldReason` without `settledAtMs`: held; with it, or another fate: never sent. */
	readonly fate: "pending" | Exclude<Settlement["fate"], "delivered">;
	/** For people; null: there is nothing to say. */
	readonly detail: string | null;
	/** Our wall clock; of what is held: null until something else happens. */
	readonly heldUntilMs: number | null;
	/** Our wall clock; null: it is still owed. */
	readonly settledAtMs: number | null;
}

/** Null: of whatever sink; whatever key. */
export interface OutboxSelection {
	readonly workspace: string;
	readonly sink: string | null;
	/** `Transition.key`. */
	readonly key: string | null;
}

export interface OutboxQuery extends OutboxSelection {
	/** Owed: pending and held; undeliverable: settled, and its sink does not have it. */
	readonly which: "owed" | "undeliverable";
	readonly rowsMax: number;
}

/** A raise that is held: its resolve must not be sent either. */
export interface HeldDelivery extends DeliveryKey {
	readonly reason: HoldReason;
	/** Our wall clock; null: until something else happens. */
	readonly untilMs: number | null;
}

/** How many rows of which sink. */
export interface SinkRows {
	readonly sink: string;
	readonly rows: number;
}

/** The outbox beside the way of a delivery: what is held, what could not be delivered, and what operators make of it. Its calls throw StoreError. */
export interface OutboxStore {
	/** By the time they were created, then the order of commits; of more than `rowsMax` the first. What cannot be understood is left out. */
	entries(query: OutboxQuery): Promise<readonly OutboxEntry[]>;
	held(workspace: string): Promise<readonly HeldDelivery[]>;
	/** What is held until `dueMs` at the latest, or (null) whatever is held, is pending again when this resolves. */
	release(due: { readonly workspace: string; readonly dueMs: number | null }): Promise<readonly SinkRows[]>;
	/** What died (`deadFates`) is pending again. */
	retry(selection: OutboxSelection): Promise<readonly SinkRows[]>;
	/** What is owed is settled as `dropped`, and so never sent. */
	drop(selection: OutboxSelection & { readonly detail: string }): Promise<readonly SinkRows[]>;
	/** What is owed to any other sink since before `createdBeforeMs` (our wall clock) is settled as `given_up`. */
	giveUpOthers(owed: {
		readonly workspace: string;
		readonly sinks: readonly string[];
		readonly createdBeforeMs: number;
		readonly detail: string;
	}): Promise<readonly SinkRows[]>;
}
