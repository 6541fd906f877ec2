import type { Episode } from "../../src/core/episode.ts";
import type { EpisodeQuery } from "../../src/store/episode-query.ts";
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

type Death = { readonly atCommit: number; readonly when: "before" | "after" };

/** A store that fails on demand, as a disk does: full, busy, slow, or gone with its process. */
export class UnreliableStore implements Store {
	readonly #inner: Store;
	/** Every batch that was to be committed. */
	readonly tried: CommitBatch[] = [];
	readonly committed: CommitBatch[] = [];
	/** SQLite's code that every call fails with. */
	failingWith: string | null = null;
	/** As `failingWith`, for `loadRun` alone. */
	loadRunFailingWith: string | null = null;
	/** As `failingWith`, for `loadOutbox` alone. */
	loadOutboxFailingWith: string | null = null;
	outboxReads = 0;
	/** The process is killed at the n-th commit (counted from 1), before or after it reaches the disk. */
	death: Death | null = null;
	#gate: { readonly opened: Promise<void>; readonly open: () => void } | null = null;

	constructor(inner: Store) {
		this.#inner = inner;
	}

	get remedies(): Store["remedies"] {
		this.#failIfToldTo();
		return this.#inner.remedies;
	}

	get outbox(): Store["outbox"] {
		this.#failIfToldTo();
		return this.#inner.outbox;
	}

	get silences(): Store["silences"] {
		this.#failIfToldTo();
		return this.#inner.silences;
	}

	get isDead(): boolean {
		return this.death !== null && this.tried.length >= this.death.atCommit;
	}

	/** Commits wait from now on, until `release`. */
	hold(): void {
		const { promise, resolve } = Promise.withResolvers<void>();
		this.#gate = { opened: promise, open: resolve };
	}

	release(): void {
		this.#gate?.open();
		this.#gate = null;
	}

	async load(workspace: string): Promise<StoredWorld> {
		this.#failIfToldTo();
		return this.#inner.load(workspace);
	}

	async loadRuns(query: RunsQuery): Promise<readonly StoredRun[]> {
		this.#failIfToldTo();
		return this.#inner.loadRuns(query);
	}

	async loadRun(key: RunKey): Promise<StoredRun | null> {
		if (this.loadRunFailingWith !== null) throw failure(this.loadRunFailingWith);
		this.#failIfToldTo();
		return this.#inner.loadRun(key);
	}

	async loadOutbox(owed: OwedQuery): Promise<readonly OutboxRow[]> {
		this.outboxReads += 1;
		if (this.loadOutboxFailingWith !== null) throw failure(this.loadOutboxFailingWith);
		this.#failIfToldTo();
		return this.#inner.loadOutbox(owed);
	}

	async loadEpisodes(query: EpisodeQuery): Promise<readonly Episode[]> {
		this.#failIfToldTo();
		return this.#inner.loadEpisodes(query);
	}

	async commit(batch: CommitBatch): Promise<CommitResult> {
		if (this.isDead) return never();
		this.tried.push(batch);
		await this.#gate?.opened;
		if (this.isDead && this.death?.when === "before") return never();
		this.#failIfToldTo();
		const result = await this.#inner.commit(batch);
		if (this.isDead) return never();
		this.committed.push(batch);
		return result;
	}

	async retain(limits: RetentionLimits): Promise<{ runs: number; episodes: number }> {
		this.#failIfToldTo();
		return this.#inner.retain(limits);
	}

	async [Symbol.asyncDispose](): Promise<void> {
		await this.#inner[Symbol.asyncDispose]();
	}

	#failIfToldTo(): void {
		if (this.failingWith !== null) throw failure(this.failingWith);
	}
}

function failure(code: string): StoreError {
	return new StoreError(`the disk says ${code}`, { code, retryable: true });
}

/** What a killed process waits for. */
function never(): Promise<never> {
	return new Promise(() => undefined);
}
