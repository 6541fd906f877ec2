import { hashOf } from "../../../src/lib/hash.ts";
import type { Random } from "../../../src/lib/random.ts";

/** sfc32 (Doty-Humphrey's PractRand): small, fast, and the same on every machine. */
export function chanceOf(...seed: readonly (string | number)[]): Random {
	const hash = hashOf(...seed);
	let [a, b, c, d] = [0, 8, 16, 24].map((from) => Number.parseInt(hash.slice(from, from + 8), 16)) as [
		number,
		number,
		number,
		number,
	];
	return () => {
		const sum = (a + b + d) | 0;
		d = (d + 1) | 0;
		a = b ^ (b >>> 9);
		b = (c + (c << 3)) | 0;
		c = ((c << 21) | (c >>> 11)) + sum;
		return (sum >>> 0) / 2 ** 32;
	};
}

const normalP99 = 2.326;

/** @returns draws of a lognormal distribution with this median and 99th percentile */
export function lognormal(random: Random, median: number, p99: number): () => number {
	const deviation = Math.log(p99 / median) / normalP99;
	return () => {
		const radius = Math.sqrt(-2 * Math.log(1 - random()));
		return median * Math.exp(deviation * radius * Math.cos(2 * Math.PI * random()));
	};
}
