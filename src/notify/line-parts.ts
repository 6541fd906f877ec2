import { z } from "zod";
import { isoTime } from "../observe/plain-text.ts";

export const time = z.iso.datetime({ precision: 3 });
export const timeOrNull = time.nullable();

/** What every line begins with, whatever it tells. */
export const lineHead = {
	/** When it happened: the same in every delivery of the same alert. */
	time,
	level: z.enum(["error", "warn", "info"]),
	schema: z.literal(1),
	message: z.string(),
};

export type LineLevel = z.infer<typeof lineHead.level>;

export interface AlertLineContext {
	readonly namespace: string;
	/** Address of a flow run's page. */
	readonly uiUrl: (runId: string) => string;
}

/** How much room texts from outside get in a line. */
export interface TextLimits {
	readonly textCharsMax: number;
	readonly tagsMax: number;
	/** Also of the runs of a group incident. */
	readonly relatedRunsMax: number;
}

/** What a line has room for, nearly always; json-line.ts has the narrower ones. */
export const generousLimits: TextLimits = { textCharsMax: 4096, tagsMax: 200, relatedRunsMax: 200 };

/** For instants of the daemon's own clock, which is always a date. */
export function timeOf(ms: number): string {
	return isoTime(ms) ?? "1970-01-01T00:00:00.000Z";
}

/** The last place says how many there was no room for. */
export function someOf(texts: readonly string[], textsMax: number): readonly string[] {
	if (texts.length <= textsMax) return texts;
	return [...texts.slice(0, textsMax - 1), `… and ${texts.length - textsMax + 1} more`];
}
