import { type DeliveryKey, holdReasons, isDead } from "../core/delivery.ts";
import { workspaceOf } from "../core/episode.ts";
import { type KeptDelivery, type MemoryDisk, nameOfDelivery } from "./memory-disk.ts";
import type { HeldDelivery, OutboxEntry, OutboxQuery, OutboxSelection, OutboxStore, SinkRows } from "./outbox-store.ts";
import type { CommitBatch } from "./store.ts";

interface MemoryOutboxParts {
	readonly disk: MemoryDisk;
	readonly refuseWhenClosed: () => void;
	/** Our wall clock. */
	readonly nowMs: () => number;
}

/** Deliveries of a store without a file, for operators and for what is held. */
export class MemoryOutbox implements OutboxStore {
	readonly #parts: MemoryOutboxParts;

	constructor(parts: MemoryOutboxParts) {
		this.#parts = parts;
	}

	/** As `Store.commit` does. */
	write({ outbox, held, settled }: Pick<CommitBatch, "outbox" | "held" | "settled">): void {
		for (const row of outbox) {
			const name = nameOfDelivery({ sink: row.sink, key: row.transition.key });
			if (!this.#parts.disk.outbox.has(name)) this.#parts.disk.outbox.set(name, { row, ...pending });
		}
		for (const { reason, detail, untilMs, ...key } of held) {
			this.#changeOwed(key, { fate: reason, detail, heldUntilMs: untilMs, deliveredAtMs: null });
		}
		const deliveredAtMs = this.#parts.nowMs();
		for (const { fate, detail, ...key } of settled) {
			this.#changeOwed(key, { fate: fate === "delivered" ? null : fate, detail, heldUntilMs: null, deliveredAtMs });
		}
	}

	async entries({ which, rowsMax, ...selection }: OutboxQuery): Promise<readonly OutboxEntry[]> {
		const isWanted = which === "owed" ? isOwed : isUndeliverable;
		return this.#selected(selection)
			.map(([, kept]) => kept)
			.filter(isWanted)
			.toSorted((one, other) => one.row.createdAtMs - other.row.createdAtMs)
			.slice(0, rowsMax)
			.map(({ row, fate, detail, heldUntilMs, deliveredAtMs }) => ({
				...row,
				fate: fate ?? "pending",
				detail,
				heldUntilMs,
				settledAtMs: deliveredAtMs,
			}));
	}

	async held(workspace: string): Promise<readonly HeldDelivery[]> {
		return this.#selected({ workspace, sink: null, key: null })
			.filter(([, kept]) => isHeld(kept))
			.flatMap(([, { row, fate, heldUntilMs }]) => {
				const reason = holdReasons.find((one) => one === fate);
				return reason === undefined ? [] : [{ sink: row.sink, key: row.transition.key, reason, untilMs: heldUntilMs }];
			});
	}

	async release({ workspace, dueMs }: { workspace: string; dueMs: number | null }): Promise<readonly SinkRows[]> {
		const isDue = (kept: KeptDelivery) =>
			isHeld(kept) && (dueMs === null || (kept.heldUntilMs !== null && kept.heldUntilMs <= dueMs));
		return this.#change({ workspace, sink: null, key: null }, isDue, pending);
	}

	async retry(selection: OutboxSelection): Promise<readonly SinkRows[]> {
		const isRetried = (kept: KeptDelivery) => isUndeliverable(kept) && isDead(kept.fate ?? "");
		return this.#change(selection, isRetried, pending);
	}

	async drop({ detail, ...selection }: OutboxSelection & { detail: string }): Promise<readonly SinkRows[]> {
		const deliveredAtMs = this.#parts.nowMs();
		return this.#change(selection, isOwed, { fate: "dropped", detail, heldUntilMs: null, deliveredAtMs });
	}

	async giveUpOthers(owed: Parameters<OutboxStore["giveUpOthers"]>[0]): Promise<readonly SinkRows[]> {
		const { workspace, sinks, createdBeforeMs, detail } = owed;
		const isOther = (kept: KeptDelivery) =>
			isOwed(kept) && kept.row.createdAtMs < createdBeforeMs && !sinks.includes(kept.row.sink);
		const settled = { fate: "given_up", detail, heldUntilMs: null, deliveredAtMs: this.#parts.nowMs() } as const;
		return this.#change({ workspace, sink: null, key: null }, isOther, settled);
	}

	#changeOwed(key: DeliveryKey, change: Omit<KeptDelivery, "row">): void {
		const name = nameOfDelivery(key);
		const kept = this.#parts.disk.outbox.get(name);
		if (kept?.deliveredAtMs === null) this.#parts.disk.outbox.set(name, { row: kept.row, ...change });
	}

	#change(
		selection: OutboxSelection,
		isConcerned: (kept: KeptDelivery) => boolean,
		change: Omit<KeptDelivery, "row">,
	): readonly SinkRows[] {
		const counts = new Map<string, number>();
		for (const [name, kept] of this.#selected(selection)) {
			if (!isConcerned(kept)) continue;
			this.#parts.disk.outbox.set(name, { row: kept.row, ...change });
			counts.set(kept.row.sink, (counts.get(kept.row.sink) ?? 0) + 1);
		}
		return [...counts]
			.map(([sink, rows]) => ({ sink, rows }))
			.toSorted((one, other) => (one.sink < other.sink ? -1 : 1));
	}

	#selected({ workspace, sink, key }: OutboxSelection): readonly (readonly [string, KeptDelivery])[] {
		this.#parts.refuseWhenClosed();
		return [...this.#parts.disk.outbox].filter(
			([, { row }]) =>
				workspaceOf(row.transition) === workspace &&
				(sink === null || row.sink === sink) &&
				(key === null || row.transition.key === key),
		);
	}
}

const pending = { fate: null, detail: null, heldUntilMs: null, deliveredAtMs: null } as const;

function isOwed({ deliveredAtMs }: KeptDelivery): boolean {
	return deliveredAtMs === null;
}

function isHeld({ deliveredAtMs, fate }: KeptDelivery): boolean {
	return deliveredAtMs === null && fate !== null;
}

function isUndeliverable({ deliveredAtMs, fate }: KeptDelivery): boolean {
	return deliveredAtMs !== null && fate !== null;
}
