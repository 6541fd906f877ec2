import type { Clock } from "../lib/clock.ts";
import { messageOf } from "../lib/errors.ts";
import type { Dispatcher } from "../notify/dispatcher.ts";
import type { Reporter } from "../observe/reporter.ts";
import type { OutboxRow, Store } from "../store/store.ts";
import { StoreError } from "../store/store-error.ts";
import type { Persister } from "./persister.ts";

/** Rows read back in one go, for each sink: a few milliseconds of parsing. */
const refillRowsMax = 1_000;
/** Between tries while the store fails, for ever (`zombied_store_errors_total`). */
const retryMs = 1_000;

export interface BacklogOptions {
	readonly store: Pick<Store, "loadOutbox">;
	readonly persister: Pick<Persister, "isFailing" | "settled">;
	readonly dispatcher: Pick<Dispatcher, "offer" | "idle">;
	readonly reporter: Reporter;
	readonly clock: Clock;
	readonly workspace: string;
	/** The dispatcher's room. */
	readonly outboxRowsMax: number;
	/** Names of the sinks that are configured. */
	readonly sinks: readonly string[];
}

/**
 * Stands before the dispatcher: once a committed row has found no room there, that row and all later ones wait in the
 * store, and are read from it, in order, whenever the dispatcher has sent what it has.
 */
export class Backlog {
	readonly #options: BacklogOptions;
	#behind = false;
	/** A row was passed over since the store was last read. */
	#passedOver = false;
	#wake: (() => void) | null = null;

	constructor(options: BacklogOptions) {
		this.#options = options;
	}

	/** Takes committed rows, or while the store fails uncommitted ones, which cannot wait in it. */
	offer(rows: readonly OutboxRow[]): void {
		const { persister, dispatcher } = this.#options;
		if (this.#behind && !persister.isFailing) {
			this.#passedOver = true;
			return;
		}
		if (dispatcher.offer(rows) === 0) return;
		this.#behind = true;
		this.#passedOver = true;
		this.#wake?.();
	}

	/** Resolves on abort; rejects on a bug. */
	async run(signal: AbortSignal): Promise<void> {
		signal.addEventListener("abort", () => this.#wake?.(), { once: true });
		while (!signal.aborted) {
			if (this.#behind) await this.#refill(signal);
			else await this.#untilBehind();
		}
	}

	#untilBehind(): Promise<void> {
		return new Promise((resolve) => {
			this.#wake = resolve;
		});
	}

	async #refill(signal: AbortSignal): Promise<void> {
		const { dispatcher, persister, reporter, clock } = this.#options;
		try {
			await dispatcher.idle(signal);
			// What was delivered is no longer owed once that has been committed.
			if (await persister.settled()) await this.#readOwed();
			else await clock.sleep(retryMs, signal);
		} catch (error) {
			if (signal.aborted) return;
			if (!(error instanceof StoreError)) throw error;
			reporter.storeFailed(error.code, messageOf(error));
			await clock.sleep(retryMs, signal).catch(() => undefined);
		}
	}

	async #readOwed(): Promise<void> {
		const { store, dispatcher, workspace, outboxRowsMax, sinks } = this.#options;
		const rowsMax = Math.min(refillRowsMax, outboxRowsMax);
		this.#passedOver = false;
		const owed = await Promise.all(sinks.map((sink) => store.loadOutbox({ workspace, sink, rowsMax })));
		const rows = owed.flat();
		if (rows.length > 0) dispatcher.offer(rows);
		else if (!this.#passedOver) this.#behind = false;
	}
}
