/** Words of 32 bits in a UUID. */
export const idWords = 4;

const dash = 45;
const digits = Int8Array.from({ length: 256 }, (_, code) => digitOf(code));
const bytes = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, "0"));

/** Of a code below 256; -1 of what is no digit of a UUID in lower case. */
function digitOf(code: number): number {
	if (code >= 48 && code <= 57) return code - 48;
	return code >= 97 && code <= 102 ? code - 87 : -1;
}

/** Four hexadecimal digits; negative when one of them is none. */
function half(text: string, at: number): number {
	const [a, b, c, d] = [digit(text, at), digit(text, at + 1), digit(text, at + 2), digit(text, at + 3)];
	return (a << 12) | (b << 8) | (c << 4) | d;
}

function digit(text: string, at: number): number {
	return digits[text.charCodeAt(at)] ?? -1;
}

/**
 * Puts a UUID into four words.
 *
 * @returns false for anything but a UUID in lower case, because it would not come back as it was; the words are void then
 */
export function putId(words: Uint32Array, at: number, text: string): boolean {
	if (text.length !== 36 || !hasDashes(text)) return false;
	let signs = 0;
	for (let word = 0; word < idWords; word += 1) {
		const high = half(text, highAt[word] as number);
		const low = half(text, lowAt[word] as number);
		words[at + word] = (high << 16) | low;
		signs |= high | low;
	}
	return signs >= 0;
}

/** The same of the text's ASCII bytes, 36 of them from there on. */
export function putIdBytes(words: Uint32Array, text: Uint8Array, from: number): boolean {
	const isDashed =
		text[from + 8] === dash && text[from + 13] === dash && text[from + 18] === dash && text[from + 23] === dash;
	if (!isDashed) return false;
	let signs = 0;
	for (let word = 0; word < idWords; word += 1) {
		const high = halfOfBytes(text, from + (highAt[word] as number));
		const low = halfOfBytes(text, from + (lowAt[word] as number));
		words[word] = (high << 16) | low;
		signs |= high | low;
	}
	return signs >= 0;
}

function halfOfBytes(text: Uint8Array, at: number): number {
	return (
		(digitAt(text, at) << 12) | (digitAt(text, at + 1) << 8) | (digitAt(text, at + 2) << 4) | digitAt(text, at + 3)
	);
}

function digitAt(text: Uint8Array, at: number): number {
	return digits[text[at] ?? 0] as number;
}

const highAt = [0, 9, 19, 28] as const;
const lowAt = [4, 14, 24, 32] as const;

function hasDashes(text: string): boolean {
	const [a, b, c, d] = [text.charCodeAt(8), text.charCodeAt(13), text.charCodeAt(18), text.charCodeAt(23)];
	return a === dash && b === dash && c === dash && d === dash;
}

/** The lower-case UUID of four words. */
export function idOf(words: Uint32Array, at: number): string {
	const [a, b, c, d] = [words[at], words[at + 1], words[at + 2], words[at + 3]] as [number, number, number, number];
	return `${hex(a >>> 16)}${hex(a & 0xffff)}-${hex(b >>> 16)}-${hex(b & 0xffff)}-${hex(c >>> 16)}-${hex(c & 0xffff)}${hex(d >>> 16)}${hex(d & 0xffff)}`;
}

/** The 16 bytes of four words, in the order of the digits. */
export function copyIdBytes(bytes: Uint8Array, at: number, words: Uint32Array, wordsAt: number): void {
	for (let word = 0; word < idWords; word += 1) {
		const bits = words[wordsAt + word] as number;
		bytes[at + 4 * word] = bits >>> 24;
		bytes[at + 4 * word + 1] = bits >>> 16;
		bytes[at + 4 * word + 2] = bits >>> 8;
		bytes[at + 4 * word + 3] = bits;
	}
}

function hex(pair: number): string {
	return `${bytes[pair >>> 8]}${bytes[pair & 0xff]}`;
}

/** Are these the same id? */
export function isSameId(one: Uint32Array, at: number, other: Uint32Array, otherAt: number): boolean {
	return (
		one[at] === other[otherAt] &&
		one[at + 1] === other[otherAt + 1] &&
		one[at + 2] === other[otherAt + 2] &&
		one[at + 3] === other[otherAt + 3]
	);
}
