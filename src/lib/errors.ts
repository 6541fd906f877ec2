/**
 * The operator's fault: a setting, a file or an address that has to be mended. The message is one line that says what
 * is wrong, where, and how to mend it. Ends the process with exit code 1 and is printed without a stack.
 */
export class OperatorError extends Error {
	override readonly name = "OperatorError";
}

/** Something outside failed in a way that is expected to pass; `retryable` says whether trying again can help. */
export class OutsideError extends Error {
	override readonly name: string = "OutsideError";
	readonly retryable: boolean;
	/** How long the other side asks to be left alone; null: it does not say. */
	readonly retryAfterMs: number | null;

	constructor(message: string, options: { retryable: boolean; retryAfterMs?: number | null; cause?: unknown }) {
		super(message, { cause: options.cause });
		this.retryable = options.retryable;
		this.retryAfterMs = options.retryAfterMs ?? null;
	}
}

/** The message of anything thrown, on one line. */
export function messageOf(error: unknown): string {
	const text = error instanceof Error ? error.message : String(error);
	return text.replaceAll(/\s*[\r\n]+\s*/gu, " ");
}
