import { OutsideError } from "../lib/errors.ts";
import type { ApiFailureReason } from "../observe/reporter.ts";

const retryableReasons: ReadonlySet<ApiFailureReason> = new Set([
	"unreachable",
	"timeout",
	"rate_limited",
	"server_error",
]);

/** A REST call failed for good: retries, where they make sense, are behind it. The message is one line and says what to do. */
export class ApiError extends OutsideError {
	override readonly name = "ApiError";
	readonly reason: ApiFailureReason;

	constructor(reason: ApiFailureReason, message: string, cause?: unknown) {
		super(message, { retryable: retryableReasons.has(reason), cause });
		this.reason = reason;
	}
}

/** The server allows fewer rows a page than were asked for: ask for fewer. Not a failure, so never reported as one. */
export class PageTooLargeError extends Error {
	override readonly name = "PageTooLargeError";
	/** What the server says it allows; null when it does not say. */
	readonly rowsAllowed: number | null;

	constructor(rowsAllowed: number | null, detail: string) {
		super(detail);
		this.rowsAllowed = rowsAllowed;
	}
}
