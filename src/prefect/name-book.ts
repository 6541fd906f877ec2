/** Names of flows or deployments by id, each asked for once. Bounded: the oldest entries go first. */
export class NameBook {
	/** Null: the server does not know it (any more), and is not asked again. */
	readonly #names = new Map<string, string | null>();
	readonly #namesMax: number;
	readonly #fetch: (ids: readonly string[], signal: AbortSignal) => Promise<ReadonlyMap<string, string>>;

	constructor(
		namesMax: number,
		fetch: (ids: readonly string[], signal: AbortSignal) => Promise<ReadonlyMap<string, string>>,
	) {
		this.#namesMax = namesMax;
		this.#fetch = fetch;
	}

	/** Names of those ids that have one. @throws what `fetch` throws; known names are kept */
	async describe(ids: Iterable<string>, signal: AbortSignal): Promise<ReadonlyMap<string, string>> {
		const wanted = [...new Set(ids)];
		const missing = wanted.filter((id) => !this.#names.has(id));
		const fetched: ReadonlyMap<string, string> = missing.length === 0 ? new Map() : await this.#fetch(missing, signal);
		const found = new Map<string, string>();
		for (const id of wanted) {
			const name = fetched.get(id) ?? this.#names.get(id) ?? null;
			this.#remember(id, name);
			if (name !== null) {
				found.set(id, name);
			}
		}
		return found;
	}

	#remember(id: string, name: string | null): void {
		this.#names.set(id, name);
		while (this.#names.size > this.#namesMax) {
			const oldest = this.#names.keys().next();
			if (oldest.done) {
				return;
			}
			this.#names.delete(oldest.value);
		}
	}
}
