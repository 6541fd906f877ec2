import { join } from "node:path";
import type { Episode } from "../../src/core/episode.ts";
import type { Clock } from "../../src/lib/clock.ts";
import type { EpisodeQuery } from "../../src/store/episode-query.ts";
import { newMemoryDisk } from "../../src/store/memory-disk.ts";
import { MemoryStore } from "../../src/store/memory-store.ts";
import { openStore } from "../../src/store/open-store.ts";
import type {
	CommitBatch,
	CommitResult,
	OutboxRow,
	OwedQuery,
	RetentionLimits,
	RunKey,
	RunsQuery,
	Store,
	StoredRun,
	StoredWorld,
} from "../../src/store/store.ts";
import { StoreError } from "../../src/store/store-error.ts";
import type { Failures } from "./failures.ts";
import type { Ledger } from "./ledger.ts";
import type { Timeline } from "./timeline.ts";

/** Those that pass: a damaged database is replaced, and what it held is told again. */
export const diskCodes = [
	"SQLITE_FULL",
	"SQLITE_IOERR_WRITE",
	"SQLITE_BUSY",
	"SQLITE_IOERR_READ",
	"SQLITE_READONLY",
	"SQLITE_NOMEM",
] as const;

/** What is wrong with the disk for a while. */
export interface DiskFaults {
	/** Every call fails with this code; null: none does. */
	failsWith: (typeof diskCodes)[number] | null;
	commitMs: number;
	/** So many commits succeed, and the next fails; null: none is chosen. */
	failsAfterCommits: number | null;
}

/** The process that uses the store, as far as the disk can see it. */
export interface StoreUser {
	readonly isDead: boolean;
	readonly clock: Clock;
	/** Called right before and right after a commit takes effect: it may be killed there. */
	atCommit(when: "before" | "after"): void;
}

/** Where what is committed stays: in memory, or in files of SQLite in a folder. */
export class Disk {
	readonly faults: DiskFaults = { failsWith: null, commitMs: 0, failsAfterCommits: null };
	readonly #memory = newMemoryDisk();
	readonly #folder: string | null;
	readonly #closing: Promise<void>[] = [];
	/** Wraps every store that is opened: to break it on purpose. */
	readonly #breakStore: (store: Store) => Store;
	slowCommits = 0;

	constructor(options: { folder: string | null; breakStore: (store: Store) => Store }) {
		this.#folder = options.folder;
		this.#breakStore = options.breakStore;
	}

	/** @throws StoreError while the disk fails */
	async open(clock: Clock): Promise<Store> {
		await Promise.all(this.#closing.splice(0));
		refuseIfFailing(this.faults);
		if (this.#folder === null) return this.#breakStore(new MemoryStore({ clock, disk: this.#memory }));
		return this.#breakStore(
			await openStore(`sqlite:${join(this.#folder, "zombied.db")}`, {
				clock,
				appVersion: "0.0.0",
				onMalformedRow: (sample) => {
					throw new Error(`a stored row could not be read: ${sample}`);
				},
				onDamaged: null,
				knownDamage: null,
			}),
		);
	}

	close(store: Store): void {
		this.#closing.push(Promise.resolve(store[Symbol.asyncDispose]()));
	}

	async closed(): Promise<void> {
		await Promise.all(this.#closing.splice(0));
	}
}

function refuseIfFailing({ failsWith }: DiskFaults): void {
	if (failsWith !== null) throw new StoreError(`the disk fails: ${failsWith}`, { code: failsWith, retryable: true });
}

/** A store as a process sees it: with the disk's faults, and silent once the process is dead. */
export class FaultyStore implements Store {
	readonly #store: Store;
	readonly #disk: Disk;
	readonly #user: StoreUser;
	readonly #ledger: Ledger;
	readonly #failures: Failures;
	readonly #timeline: Timeline;

	constructor(options: {
		store: Store;
		disk: Disk;
		user: StoreUser;
		ledger: Ledger;
		failures: Failures;
		timeline: Timeline;
	}) {
		this.#store = options.store;
		this.#disk = options.disk;
		this.#user = options.user;
		this.#ledger = options.ledger;
		this.#failures = options.failures;
		this.#timeline = options.timeline;
	}

	get remedies(): Store["remedies"] {
		const { remedies } = this.#store;
		return {
			write: (change) => this.#ask(() => remedies.write(change)),
			entries: (query) => this.#ask(() => remedies.entries(query)),
			holds: (workspace) => this.#ask(() => remedies.holds(workspace)),
		};
	}

	get outbox(): Store["outbox"] {
		const { outbox } = this.#store;
		return {
			entries: (query) => this.#ask(() => outbox.entries(query)),
			held: (workspace) => this.#ask(() => outbox.held(workspace)),
			release: (due) => this.#ask(() => outbox.release(due)),
			retry: (selection) => this.#ask(() => outbox.retry(selection)),
			drop: (selection) => this.#ask(() => outbox.drop(selection)),
			giveUpOthers: (owed) => this.#ask(() => outbox.giveUpOthers(owed)),
		};
	}

	get silences(): Store["silences"] {
		const { silences } = this.#store;
		return {
			silences: (query) => this.#ask(() => silences.silences(query)),
			putSilence: (silence) => this.#ask(() => silences.putSilence(silence)),
			endSilence: (end) => this.#ask(() => silences.endSilence(end)),
			openAlerts: (query) => this.#ask(() => silences.openAlerts(query)),
			acknowledge: (word) => this.#ask(() => silences.acknowledge(word)),
			acknowledgements: (workspace) => this.#ask(() => silences.acknowledgements(workspace)),
		};
	}

	async load(workspace: string): Promise<StoredWorld> {
		return await this.#ask(() => this.#store.load(workspace));
	}

	async loadRuns(query: RunsQuery): Promise<readonly StoredRun[]> {
		return await this.#ask(() => this.#store.loadRuns(query));
	}

	async loadRun(key: RunKey): Promise<StoredRun | null> {
		return await this.#ask(() => this.#store.loadRun(key));
	}

	async loadEpisodes(query: EpisodeQuery): Promise<readonly Episode[]> {
		return await this.#ask(() => this.#store.loadEpisodes(query));
	}

	async loadOutbox(owed: OwedQuery): Promise<readonly OutboxRow[]> {
		return await this.#ask(() => this.#store.loadOutbox(owed));
	}

	async retain(limits: RetentionLimits): Promise<{ runs: number; episodes: number }> {
		return await this.#ask(() => this.#store.retain(limits));
	}

	async commit(batch: CommitBatch): Promise<CommitResult> {
		const { faults } = this.#disk;
		if (faults.commitMs > 0 && !this.#user.isDead) await this.#wait(faults.commitMs);
		if (this.#user.isDead) return never();
		refuseIfFailing(faults);
		this.#refuseChosen();
		this.#user.atCommit("before");
		if (this.#user.isDead) return never();
		const result = await this.#ask(() => this.#store.commit(batch));
		this.#ledger.committed(batch, result.lost, this.#timeline.nowMs);
		this.#user.atCommit("after");
		return this.#user.isDead ? never() : result;
	}

	async [Symbol.asyncDispose](): Promise<void> {
		await this.#store[Symbol.asyncDispose]();
	}

	async #wait(ms: number): Promise<void> {
		this.#disk.slowCommits += 1;
		try {
			await this.#user.clock.sleep(ms, new AbortController().signal);
		} finally {
			this.#disk.slowCommits -= 1;
		}
	}

	#refuseChosen(): void {
		const { faults } = this.#disk;
		if (faults.failsAfterCommits === null) return;
		if (faults.failsAfterCommits > 0) faults.failsAfterCommits -= 1;
		else {
			faults.failsAfterCommits = null;
			throw new StoreError("this commit was chosen to fail", { code: "SQLITE_IOERR_FSYNC", retryable: true });
		}
	}

	async #ask<Result>(work: () => Promise<Result>): Promise<Result> {
		if (this.#user.isDead) return never();
		refuseIfFailing(this.#disk.faults);
		try {
			return await work();
		} catch (error) {
			// Nothing that the daemon writes is to be refused by a sound store.
			this.#failures.report("a sound store refuses nothing", null, String(error));
			throw error;
		}
	}
}

/** A process that is dead waits for nothing. */
function never<T>(): Promise<T> {
	return new Promise(() => undefined);
}
