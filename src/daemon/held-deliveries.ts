import type { Clock } from "../lib/clock.ts";
import { messageOf } from "../lib/errors.ts";
import type { Reporter } from "../observe/reporter.ts";
import type { HeldDelivery } from "../store/outbox-store.ts";
import type { Store } from "../store/store.ts";
import { StoreError } from "../store/store-error.ts";
import type { Backlog } from "./backlog.ts";
import type { Persister } from "./persister.ts";

export interface HeldDeliveriesOptions {
	readonly store: Pick<Store, "outbox">;
	readonly persister: Pick<Persister, "settled">;
	readonly backlog: Pick<Backlog, "reread">;
	/** Ids of those that were told, and are not over. */
	readonly openGroupIds: () => ReadonlySet<string>;
	readonly workspace: string;
	readonly reporter: Reporter;
	readonly clock: Clock;
}

/**
 * Makes held deliveries pending again when there is a reason to look at them anew; whether they are sent then is decided as
 * for any other. They are in the store alone: a silence may last for days, and a storm fall into it.
 */
export class HeldDeliveries {
	readonly #options: HeldDeliveriesOptions;
	/** Our wall clock: when the first of them is due. */
	#dueMs = Number.POSITIVE_INFINITY;
	#openGroupIds: ReadonlySet<string> = new Set();
	#allAsked = false;

	constructor(options: HeldDeliveriesOptions) {
		this.#options = options;
	}

	/** These are held (now, or since an earlier process). */
	note(held: readonly Pick<HeldDelivery, "untilMs">[]): void {
		for (const { untilMs } of held) if (untilMs !== null) this.#dueMs = Math.min(this.#dueMs, untilMs);
	}

	/** Something was said about alerts, so that all are looked at anew. */
	askAll(): void {
		this.#allAsked = true;
	}

	/** Called every second. A store that fails is reported, and asked again the next time. */
	async round(): Promise<void> {
		const { clock, openGroupIds } = this.#options;
		const { wallMs } = clock.now();
		const open = openGroupIds();
		if ([...this.#openGroupIds].some((id) => !open.has(id))) this.#allAsked = true;
		this.#openGroupIds = open;
		if (!this.#allAsked && wallMs < this.#dueMs) return;
		const [all, dueMs] = [this.#allAsked, this.#dueMs];
		// Forgotten before, not after: what is asked or held while the store is at work is for the next round.
		this.#allAsked = false;
		this.#dueMs = Number.POSITIVE_INFINITY;
		if (await this.#release(all ? null : wallMs)) return;
		this.#allAsked ||= all;
		this.#dueMs = Math.min(this.#dueMs, dueMs);
	}

	/** False: the store fails. */
	async #release(dueMs: number | null): Promise<boolean> {
		const { store, persister, backlog, workspace, reporter } = this.#options;
		try {
			// What was held a moment ago is in the store once that has been committed.
			if (!(await persister.settled())) return false;
			const released = await store.outbox.release({ workspace, dueMs });
			for (const { sink } of released) backlog.reread(sink);
			this.note(await store.outbox.held(workspace));
			return true;
		} catch (error) {
			if (!(error instanceof StoreError)) throw error;
			reporter.storeFailed(error.code, messageOf(error));
			return false;
		}
	}
}
