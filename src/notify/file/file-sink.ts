import { type FileHandle, open } from "node:fs/promises";
import { messageOf, OutsideError } from "../../lib/errors.ts";
import { orAborted } from "../../lib/or-aborted.ts";
import { jsonLine, lineBytesMax } from "../json-line.ts";
import type { AlertLineContext } from "../line-parts.ts";
import type { Notice, Sink } from "../sink.ts";
import { headOf, tailOf } from "./file-tail.ts";

export interface FileSinkOptions extends AlertLineContext {
	readonly name: string;
	readonly wants: Sink["wants"];
	/** Relative ones count from the folder that the process runs in. */
	readonly path: string;
}

/** Lines of one write, which one `fsync` makes safe: some 100 KB. */
const linesMax = 50;
/** So much of the file's end is looked at for lines that are there already: what two writes can have left, at the least. */
const tailBytes = 2 * linesMax * lineBytesMax;
/** Alerts name runs, which are not everybody's business. */
const fileMode = 0o640;

/**
 * Appends alert lines to a file, each once. It keeps nothing open and remembers nothing: each time the file is opened by its
 * name, so that one that was renamed is followed by a new one, and its end is looked at, so that a line which was written
 * before a crash is not written again, and half a line not kept.
 */
export class FileSink implements Sink {
	readonly name: string;
	readonly noticesMax: number = linesMax;
	/** A record, as the alert log is: a disk that is full for a day has not made it worthless. */
	readonly givesUp = false;
	readonly wants: Sink["wants"];
	readonly #options: FileSinkOptions;

	constructor(options: FileSinkOptions) {
		this.name = options.name;
		this.wants = options.wants;
		this.#options = options;
	}

	/** @throws OutsideError, always retryable: whatever is wrong with a file or its disk can be mended meanwhile */
	async send(notices: readonly [Notice, ...Notice[]], signal: AbortSignal): Promise<void> {
		const lines = notices.map(({ transition }) => jsonLine(transition, this.#options));
		signal.throwIfAborted();
		await orAborted(this.#append(lines), signal);
	}

	async #append(lines: readonly string[]): Promise<void> {
		const { path } = this.#options;
		try {
			await using file = await open(path, "a+", fileMode);
			await appendMissing(file, lines);
		} catch (error) {
			const code = error instanceof Error && "code" in error ? String(error.code) : null;
			// Without a code of the system's it is no fault of the file's.
			if (code === null || error instanceof OutsideError) throw error;
			throw new OutsideError(`the file ${path} cannot be written: ${wordsOf(code) ?? messageOf(error)}`, {
				retryable: true,
				cause: error,
			});
		}
	}
}

async function appendMissing(file: FileHandle, lines: readonly string[]): Promise<void> {
	const stat = await file.stat();
	if (!stat.isFile())
		throw new OutsideError("a sink of type file needs a regular file as its path", { retryable: true });
	const tail = await tailOf(file, stat.size, tailBytes);
	if (tail.tornBytes > 0) await file.truncate(stat.size - tail.tornBytes);
	const missing = lines.filter((line) => !tail.heads.has(headOf(line)));
	if (missing.length > 0) await file.appendFile(`${tail.isOpenEnded ? "\n" : ""}${missing.join("")}`);
	// Also of what was there already: the process that wrote it may not have come so far.
	await file.sync();
}

function wordsOf(code: string): string | null {
	switch (code) {
		case "ENOENT":
			return "its folder does not exist; make it";
		case "ENOTDIR":
			return "a part of its path is no folder; mend the path";
		case "EISDIR":
			return "it is a folder; name a file in it";
		case "EACCES":
		case "EPERM":
			return "we lack the right to; give it to the user that zombied runs as";
		case "EROFS":
			return "its file system is read-only";
		case "ENOSPC":
		case "EDQUOT":
			return "the disk is full; make room";
		default:
			return null;
	}
}
