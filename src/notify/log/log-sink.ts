import { messageOf, OutsideError } from "../../lib/errors.ts";
import { type AlertLine, toAlertLine } from "../alert-line.ts";
import { jsonLine } from "../json-line.ts";
import type { AlertLineContext } from "../line-parts.ts";
import type { Notice, Sink } from "../sink.ts";

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

/** For a human at a terminal. */
function readableLine(line: AlertLine): string {
	const where = "flow_run" in line ? `  ${line.flow_run.url}` : "";
	return `${line.time} ${line.level.toUpperCase().padEnd(5)} ${line.message}${where}\n`;
}
