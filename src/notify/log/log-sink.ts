import type { Transition } from "../../core/episode.ts";
import { messageOf, OutsideError } from "../../lib/errors.ts";
import { type AlertLine, toAlertLine } from "../alert-line.ts";
import { type AlertLineContext, generousLimits, type TextLimits } from "../line-parts.ts";
import type { Notice, Sink } from "../sink.ts";

/** Line break included. Docker's json-file driver splits at 16 KiB, and a split line does not parse. */
const lineBytesMax = 16_384;

/** Tried in turn until the line is short enough; only the texts longer than the limit are cut. */
const limitsInTurn: readonly TextLimits[] = [
	generousLimits,
	{ textCharsMax: 1024, tagsMax: 100, relatedRunsMax: 100 },
	{ textCharsMax: 256, tagsMax: 50, relatedRunsMax: 50 },
	// A uuid (36) stays whole. At most 17 texts, 8 slots, 15 tags and 15 runs of 64 characters of at most 3 bytes: 11 KiB, and 2 KiB for the link.
	{ textCharsMax: 64, tagsMax: 15, relatedRunsMax: 15 },
];

export interface LogSinkOptions extends AlertLineContext {
	readonly stdout: NodeJS.WritableStream & { readonly isTTY?: boolean | undefined };
}

/** Writes alert lines to stdout: JSON, or a readable line when that is a terminal. */
export class LogSink implements Sink, AsyncDisposable {
	readonly name = "log";
	readonly noticesMax = 1;
	/** It is the record of all. */
	readonly givesUp = false;
	readonly wants = (): boolean => true;
	readonly #options: LogSinkOptions;
	// Without a listener a reader that went away would end the process; each write hears of its failure itself.
	readonly #onError = (): void => undefined;

	constructor(options: LogSinkOptions) {
		this.#options = options;
		options.stdout.on("error", this.#onError);
	}

	/**
	 * Resolves when the stream has taken the line, so that a slow reader slows the sending and nothing gathers in memory.
	 *
	 * @throws OutsideError, retryable, when nobody reads any more: the alert stays owed
	 */
	async send([{ transition }]: readonly [Notice, ...Notice[]], signal: AbortSignal): Promise<void> {
		signal.throwIfAborted();
		const { stdout } = this.#options;
		const line =
			stdout.isTTY === true
				? readableLine(toAlertLine(transition, this.#options))
				: jsonLine(transition, this.#options);
		const { promise, resolve, reject } = Promise.withResolvers<void>();
		const onAbort = (): void => reject(signal.reason);
		signal.addEventListener("abort", onAbort, { once: true });
		try {
			stdout.write(line, (error) => {
				if (error) reject(new OutsideError(`stdout: ${messageOf(error)}`, { retryable: true, cause: error }));
				else resolve();
			});
			await promise;
		} finally {
			signal.removeEventListener("abort", onAbort);
		}
	}

	async [Symbol.asyncDispose](): Promise<void> {
		this.#options.stdout.off("error", this.#onError);
	}
}

/** One JSON object and a line break, `lineBytesMax` bytes at most whatever the texts. */
export function jsonLine(transition: Transition, context: AlertLineContext): string {
	let line = "";
	for (const limits of limitsInTurn) {
		line = `${JSON.stringify(toAlertLine(transition, context, limits))}\n`;
		if (Buffer.byteLength(line) <= lineBytesMax) return line;
	}
	throw new Error(`an alert line of ${Buffer.byteLength(line)} bytes: a text is not bounded`);
}

/** For a human at a terminal. */
function readableLine(line: AlertLine): string {
	const where = "flow_run" in line ? `  ${line.flow_run.url}` : "";
	return `${line.time} ${line.level.toUpperCase().padEnd(5)} ${line.message}${where}\n`;
}
