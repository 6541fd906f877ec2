/** What is to happen at a moment of virtual time; at one moment, in the order in which it was noted. */
export class Agenda {
	readonly #items: { readonly atMs: number; readonly act: (atMs: number) => void }[] = [];

	at(atMs: number, act: (atMs: number) => void): void {
		const after = this.#items.findLastIndex((item) => item.atMs <= atMs);
		this.#items.splice(after + 1, 0, { atMs, act });
	}

	get nextMs(): number {
		return this.#items[0]?.atMs ?? Number.POSITIVE_INFINITY;
	}

	actNext(): void {
		const item = this.#items.shift();
		item?.act(item.atMs);
	}
}
