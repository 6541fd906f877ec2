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
 * Stands before the dispatcher: once a committed row of a sink has found no room there, that row and all later ones of the
 * sink wait in the store, and are read from it, in order, whenever the dispatcher has sent what it has. Sinks do not wait for
 * one another.
 */
export class Backlog {
	readonly #sinks: ReadonlyMap<string, SinkBacklog>;

	constructor(options: BacklogOptions) {
		this.#sinks = new Map(options.sinks.map((sink) => [sink, new SinkBacklog(sink, options)]));
	}

	/** Takes committed rows, or while the store fails uncommitted ones, which cannot wait in it. */
	offer(rows: readonly OutboxRow[]): void {
		for (const [sink, ofSink] of Map.groupBy(rows, (row) => row.sink)) this.#sinks.get(sink)?.offer(ofSink);
	}

	/** Rows in the store have become pending (again). */
	reread(sink: string): void {
		this.#sinks.get(sink)?.reread();
	}

	/** Resolves on abort; rejects on a bug. */
	async run(signal: AbortSignal): Promise<void> {
		await Promise.all([...this.#sinks.values()].map((sink) => sink.run(signal)));
	}
}

class SinkBacklog {
	readonly #sink: string;
	readonly #options: BacklogOptions;
	#behind = false;
	/** A row was passed over since the store was last read. */
	#passedOver = false;
	#wake: (() => void) | null = null;

	constructor(sink: string, options: BacklogOptions) {
		this.#sink = sink;
		this.#options = options;
	}

	offer(rows: readonly OutboxRow[]): void {
		const { persister, dispatcher } = this.#options;
		if (this.#behind && !persister.isFailing) {
			this.#passedOver = true;
			return;
		}
		if (dispatcher.offer(rows) > 0) this.reread();
	}

	reread(): void {
		this.#behind = true;
		this.#passedOver = true;
		this.#wake?.();
	}

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
			await dispatcher.idle(signal, this.#sink);
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
		const rowsMax = Math.max(1, Math.min(refillRowsMax, Math.floor(outboxRowsMax / sinks.length)));
		this.#passedOver = false;
		const rows = await store.loadOutbox({ workspace, sink: this.#sink, rowsMax });
		if (rows.length > 0) dispatcher.offer(rows);
		else if (!this.#passedOver) this.#behind = false;
	}
}
