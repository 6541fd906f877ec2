import type { Transition } from "../core/episode.ts";
import { toAlertLine } from "./alert-line.ts";
import { type AlertLineContext, generousLimits, type TextLimits } from "./line-parts.ts";

/** Line break included. Docker's json-file driver splits at 16 KiB, and a split line does not parse. */
export const lineBytesMax = 16_384;

/** Tried in turn until the line is short enough; only the texts longer than the limit are cut. */
const limitsInTurn: readonly TextLimits[] = [
	generousLimits,
	{ textCharsMax: 1024, tagsMax: 100, relatedRunsMax: 100 },
	{ textCharsMax: 256, tagsMax: 50, relatedRunsMax: 50 },
	// A uuid (36) stays whole. At most 17 texts, 8 slots, 15 tags and 15 runs of 64 characters of at most 3 bytes: 11 KiB, and 2 KiB for the link.
	{ textCharsMax: 64, tagsMax: 15, relatedRunsMax: 15 },
];

/** One JSON object and a line break, `lineBytesMax` bytes at most whatever the texts. */
export function jsonLine(transition: Transition, context: AlertLineContext): string {
	let line = "";
	for (const limits of limitsInTurn) {
		line = `${JSON.stringify(toAlertLine(transition, context, limits))}\n`;
		if (Buffer.byteLength(line) <= lineBytesMax) return line;
	}
	throw new Error(`an alert line of ${Buffer.byteLength(line)} bytes: a text is not bounded`);
}
