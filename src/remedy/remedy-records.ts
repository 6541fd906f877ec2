import type { Episode } from "../core/episode.ts";
import { noteOf, placeOf, type RemedyEntry, type RemedyNote, type ScopeHold } from "../core/remedy.ts";
import type { RemedyBook } from "./remedy-port.ts";

/** So long a run that was marked is watched for signs that it was alive. */
const markWatchedMs = 24 * 60 * 60_000;

/** What has been done and refused, as far as it still matters: memory and the book say the same. */
export class RemedyRecords {
	readonly #book: RemedyBook;
	readonly #entries = new Map<string, RemedyEntry>();
	readonly #holds = new Map<string, ScopeHold>();
	readonly #onNoted: (entry: RemedyEntry, note: RemedyNote) => void;

	constructor(options: {
		readonly book: RemedyBook;
		readonly onNoted: (entry: RemedyEntry, note: RemedyNote) => void;
	}) {
		this.#book = options.book;
		this.#onNoted = options.onNoted;
	}

	/** What earlier processes wrote. @returns in the order of time */
	async load(nowMs: number): Promise<readonly RemedyEntry[]> {
		const [entries, holds] = [await this.#book.entriesSince(nowMs - markWatchedMs), await this.#book.holds()];
		for (const hold of holds) this.#holds.set(hold.scope, hold);
		for (const entry of entries) this.#take(entry);
		return entries;
	}

	get heldScopes(): ReadonlySet<string> {
		return new Set(this.#holds.keys());
	}

	get holds(): readonly ScopeHold[] {
		return [...this.#holds.values()];
	}

	/** Of these the last word is kept, in the order of time. */
	get entries(): readonly RemedyEntry[] {
		return [...this.#entries.values()];
	}

	/** The alert's entry of this kind. */
	at(alertId: string, entry: Parameters<typeof placeOf>[0]): RemedyEntry | null {
		return this.#entries.get(keyOf(alertId, placeOf(entry))) ?? null;
	}

	/** Durable when it resolves. */
	async put(entry: RemedyEntry, hold: ScopeHold | null = null): Promise<void> {
		await this.#book.write({ entries: [entry], holds: hold === null ? [] : [hold], released: [] });
		if (hold !== null) this.#holds.set(hold.scope, hold);
		this.#take(entry);
	}

	/** False: the scope is not held. */
	async release(scope: string): Promise<boolean> {
		if (!this.#holds.has(scope)) return false;
		await this.#book.write({ entries: [], holds: [], released: [scope] });
		this.#holds.delete(scope);
		return true;
	}

	/** Forgets what cannot matter any more. @param isOpen whether an alert is */
	forgetOld(nowMs: number, isOpen: (episode: Pick<Episode, "runId" | "alertId">) => boolean): void {
		for (const [key, entry] of this.#entries) {
			if (nowMs - entry.atMs > markWatchedMs && !isOpen(entry)) this.#entries.delete(key);
		}
	}

	#take(entry: RemedyEntry): void {
		const key = keyOf(entry.alertId, placeOf(entry));
		// Taken out first, so that it is put in again as the last.
		this.#entries.delete(key);
		this.#entries.set(key, entry);
		this.#onNoted(entry, noteOf(entry));
	}
}

function keyOf(alertId: string, place: string): string {
	return `${alertId} ${place}`;
}
