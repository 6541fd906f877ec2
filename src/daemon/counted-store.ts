import type { EpisodeQuery } from "../store/episode-query.ts";
import type {
	CommitBatch,
	CommitResult,
	OwedQuery,
	RetentionLimits,
	RunKey,
	RunsQuery,
	Store,
} from "../store/store.ts";

/** A store that counts the commits it was asked for, so that one that never ends can be told from one after another. */
export class CountedStore implements Store {
	readonly #inner: Store;
	commitsBegun = 0;

	constructor(inner: Store) {
		this.#inner = inner;
	}

	commit(batch: CommitBatch): Promise<CommitResult> {
		this.commitsBegun += 1;
		return this.#inner.commit(batch);
	}

	get remedies() {
		return this.#inner.remedies;
	}

	get outbox() {
		return this.#inner.outbox;
	}

	get silences() {
		return this.#inner.silences;
	}

	load(workspace: string) {
		return this.#inner.load(workspace);
	}

	loadRuns(query: RunsQuery) {
		return this.#inner.loadRuns(query);
	}

	loadRun(key: RunKey) {
		return this.#inner.loadRun(key);
	}

	loadEpisodes(query: EpisodeQuery) {
		return this.#inner.loadEpisodes(query);
	}

	loadOutbox(owed: OwedQuery) {
		return this.#inner.loadOutbox(owed);
	}

	retain(limits: RetentionLimits) {
		return this.#inner.retain(limits);
	}

	[Symbol.asyncDispose]() {
		return this.#inner[Symbol.asyncDispose]();
	}
}
