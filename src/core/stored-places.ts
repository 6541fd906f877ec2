const roomMin = 256;
const growthFactor = 1.5;

/** Where the store keeps the rows of the run table, and in which version: 12 bytes a row, which only the store can read. */
export class StoredPlaces {
	#places = new Float64Array(roomMin);
	#versions = new Uint32Array(roomMin);

	/** 0: it is not stored, or nobody has said where. */
	placeAt(slot: number): number {
		return this.#places[slot] ?? 0;
	}

	/** 0: as if it had never been stored. */
	versionAt(slot: number): number {
		return this.#versions[slot] ?? 0;
	}

	put(slot: number, place: number, version: number): void {
		if (slot >= this.#places.length) this.#makeRoom(Math.ceil((slot + 1) * growthFactor));
		this.#places[slot] = place;
		this.#versions[slot] = version;
	}

	/** The row is another run's from now on. */
	forget(slot: number): void {
		if (slot < this.#places.length) this.put(slot, 0, 0);
	}

	/** Room for so many. */
	reserve(slots: number): void {
		if (slots > this.#places.length) this.#makeRoom(slots);
	}

	#makeRoom(room: number): void {
		const places = new Float64Array(room);
		const versions = new Uint32Array(room);
		places.set(this.#places);
		versions.set(this.#versions);
		this.#places = places;
		this.#versions = versions;
	}
}
