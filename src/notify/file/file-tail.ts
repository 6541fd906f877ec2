import type { FileHandle } from "node:fs/promises";

/** The end of a file of alert lines. */
export interface FileTail {
	/** Of the lines in it: see `headOf`. */
	readonly heads: ReadonlySet<string>;
	/** At the very end: the beginning of a line of ours, which whoever wrote it did not get to end. */
	readonly tornBytes: number;
	/** The last line has no end, and is none of ours: what follows begins a new one. */
	readonly isOpenEnded: boolean;
}

/** What a line of ours begins with: its time, what happened, and to which alert. No text from outside comes before that. */
const headPattern = /^\{"time":"[^"]*","level":"[a-z]+","event":"[a-z._]+","schema":\d+,"[a-z]+_id":"[^"]*"/u;
const ourBeginning = '{"time":"';

/** What tells a line from all others: the same in whatever life of the process it is written. */
export function headOf(line: string): string {
	return headPattern.exec(line)?.[0] ?? line;
}

/** @param bytesMax so much of it is looked at */
export async function tailOf(file: FileHandle, fileBytes: number, bytesMax: number): Promise<FileTail> {
	const bytes = Math.min(fileBytes, bytesMax);
	const { buffer, bytesRead } = await file.read(Buffer.alloc(bytes), 0, bytes, fileBytes - bytes);
	const read = buffer.subarray(0, bytesRead);
	const ended = read.lastIndexOf(0x0a) + 1;
	const rest = read.subarray(ended).toString("utf8");
	const isOurs = rest !== "" && (rest.startsWith(ourBeginning) || ourBeginning.startsWith(rest));
	const lines = read.subarray(0, ended).toString("utf8").split("\n");
	return {
		heads: new Set(lines.map(headOf)),
		tornBytes: isOurs ? bytesRead - ended : 0,
		isOpenEnded: rest !== "" && !isOurs,
	};
}
