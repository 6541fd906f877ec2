import type { Random } from "../../src/lib/random.ts";

/**
 * The one source of chance: xoshiro128** 1.1 (Blackman and Vigna, 2018), seeded through splitmix32. What is drawn in one
 * part of the world must not shift what is drawn in another, so that each part takes a `fork` of its own.
 */
export class Chance {
	readonly #seed: number;
	readonly #state: Uint32Array;

	/** @param seed an integer; its lower 32 bits count */
	constructor(seed: number) {
		this.#seed = seed >>> 0;
		let mixed = this.#seed;
		this.#state = Uint32Array.from({ length: 4 }, () => {
			mixed = (mixed + 0x9e3779b9) >>> 0;
			return splitmix32(mixed);
		});
	}

	/** A generator that depends on this one's seed and the label alone, not on what has been drawn. */
	fork(label: string): Chance {
		// FNV-1a.
		let hash = 0x811c9dc5;
		for (const unit of `${this.#seed}/${label}`) hash = Math.imul(hash ^ (unit.codePointAt(0) ?? 0), 0x01000193);
		return new Chance(hash);
	}

	readonly random: Random = () => this.#next() / 2 ** 32;

	between(min: number, max: number): number {
		return min + this.random() * (max - min);
	}

	/** Whole, both ends included. */
	whole(min: number, max: number): number {
		return Math.floor(this.between(min, max + 1));
	}

	happens(share: number): boolean {
		return this.random() < share;
	}

	pick<T>(from: readonly T[]): T {
		return from[Math.floor(this.random() * from.length)] as T;
	}

	/** Most draws lie near the median, a few far above it. */
	lognormal(median: number, sigma: number): number {
		const normal = Math.sqrt(-2 * Math.log(1 - this.random())) * Math.cos(2 * Math.PI * this.random());
		return median * Math.exp(sigma * normal);
	}

	uuid(): string {
		const [a, b, c, d] = [this.#hex(), this.#hex(), this.#hex(), this.#hex()];
		return `${a}-${b.slice(0, 4)}-7${b.slice(5)}-8${c.slice(1, 4)}-${c.slice(4)}${d}`;
	}

	#hex(): string {
		return this.#next().toString(16).padStart(8, "0");
	}

	#next(): number {
		const state = this.#state;
		const [a = 0, b = 0, c = 0, d = 0] = state;
		const result = Math.imul(rotated(Math.imul(b, 5), 7), 9) >>> 0;
		const e = c ^ a;
		const f = d ^ b;
		state[0] = a ^ f;
		state[1] = b ^ e;
		state[2] = e ^ (b << 9);
		state[3] = rotated(f, 11);
		return result;
	}
}

function splitmix32(value: number): number {
	const one = Math.imul(value ^ (value >>> 16), 0x85ebca6b);
	const two = Math.imul(one ^ (one >>> 13), 0xc2b2ae35);
	return (two ^ (two >>> 16)) >>> 0;
}

function rotated(value: number, bits: number): number {
	return ((value << bits) | (value >>> (32 - bits))) >>> 0;
}
