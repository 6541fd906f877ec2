import { isoTime, plainText } from "../../observe/plain-text.ts";

/** Of one text from outside, in answers and on pages: what is longer is nobody's name. */
export const textCharsMax = 512;

/** A text from outside, made harmless. */
export function textOf(text: string): string;
export function textOf(text: string | null): string | null;
export function textOf(text: string | null): string | null {
	return text === null ? null : plainText(text, textCharsMax);
}

/** For instants of our own clock, which is always a date. */
export function timeOf(ms: number): string {
	return isoTime(ms) ?? "1970-01-01T00:00:00.000Z";
}
