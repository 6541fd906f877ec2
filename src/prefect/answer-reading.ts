import type { z } from "zod";
import { messageOf } from "../lib/errors.ts";
import { retryAfterMs as parsedRetryAfterMs } from "../lib/retry-after.ts";
import { ApiError, PageTooLargeError } from "./api-error.ts";
import { authorizationSetting, type Connection, type ConnectionSettings } from "./connection.ts";
import { errorCodeOf, reachHint } from "./out-of-reach.ts";

/** One HTTP answer, its body read to the end. */
export interface HttpAnswer {
	readonly status: number;
	readonly text: string;
	readonly headers: Readonly<Record<string, string | string[] | undefined>>;
}

function headerOf(answer: HttpAnswer, name: string): string | null {
	const value = answer.headers[name];
	return (Array.isArray(value) ? value[0] : value) ?? null;
}

/** The `Date` header: the server's clock, whole seconds; null when there is none. */
export function serverDateMs(answer: HttpAnswer): number | null {
	const ms = Date.parse(headerOf(answer, "date") ?? "");
	return Number.isNaN(ms) ? null : ms;
}

/**
 * The wait that `Retry-After` asks for, at most `capMs`; null when it is missing or unreadable. A date is measured from
 * the answer's own `Date`, so that a wrong clock on our side does not matter; `nowMs` stands in where there is none.
 */
export function retryAfterMs(answer: HttpAnswer, nowMs: number, capMs: number): number | null {
	return parsedRetryAfterMs(headerOf(answer, "retry-after") ?? "", serverDateMs(answer) ?? nowMs, capMs);
}

/** Prefect's marker of planned downtime: wait as long as it takes. */
export function isMaintenance(answer: HttpAnswer): boolean {
	return headerOf(answer, "prefect-maintenance") === "true" && answer.status >= 400;
}

/** Both refusals by the CSRF check ("Missing CSRF token.", "Invalid CSRF token or client identifier."). */
export function isCsrfRefusal(answer: HttpAnswer): boolean {
	return answer.status === 403 && /CSRF token|client identifier/u.test(answer.text);
}

/** Why an answer is no use, in words for the operator; null when it is one. */
export function failureOf(
	answer: HttpAnswer,
	what: string,
	settings: ConnectionSettings,
): ApiError | PageTooLargeError | null {
	const { status } = answer;
	if (status >= 200 && status < 300) {
		return null;
	}
	const says = `${what}: the server answers ${status}${quote(answer.text)}`;
	if (status === 422 && /\blimit\b/u.test(answer.text)) {
		return new PageTooLargeError(allowedRows(answer.text), says);
	}
	if (status === 401 || status === 403) {
		return new ApiError("unauthorized", `${says}: ${authorizationSetting(settings)}`);
	}
	if (status === 407) {
		return new ApiError("unauthorized", `${what}: the proxy answers 407: put "user:password@" into its address`);
	}
	if (status === 429) {
		return new ApiError("rate_limited", `${says}: lower limits.restPerSecond if this goes on`);
	}
	if (status >= 500) {
		return new ApiError("server_error", says);
	}
	return new ApiError("rejected", `${says}${hintFor(answer)}`);
}

function hintFor(answer: HttpAnswer): string {
	if (answer.status >= 300 && answer.status < 400) {
		const target = headerOf(answer, "location");
		return `: redirects are not followed; set PREFECT_API_URL to the final address${target === null ? "" : ` (it points to ${target.slice(0, 200)})`}`;
	}
	return answer.status === 404 ? ": does PREFECT_API_URL end in /api?" : "";
}

function quote(text: string): string {
	const line = text.replaceAll(/\s+/gu, " ").trim().slice(0, 200);
	return line === "" ? "" : ` (${line})`;
}

/** Both shapes of Prefect's 422 say "less than or equal to N". */
function allowedRows(text: string): number | null {
	const digits = /less than or equal to (\d{1,6})/u.exec(text)?.[1];
	return digits === undefined ? null : Number(digits);
}

/** Undefined for what is no JSON; no schema but `unknown` takes that. */
export function jsonOf(text: string): unknown {
	try {
		return JSON.parse(text);
	} catch {
		return undefined;
	}
}

/** @throws ApiError when it is not what Prefect's API sends */
export function parsedAnswer<T>(answer: HttpAnswer, schema: z.ZodType<T>, what: string): T {
	const parsed = schema.safeParse(jsonOf(answer.text));
	if (!parsed.success) {
		throw new ApiError(
			"malformed",
			`${what}: the answer is not what Prefect's API sends: is PREFECT_API_URL the API (…/api), and no proxy's page in between?`,
		);
	}
	return parsed.data;
}

/** What to call a request that got no answer; anything that is not the network's fault comes back as it is. */
export function connectionFailure(error: unknown, what: string, connection: Connection): unknown {
	if (!(error instanceof Error) || error instanceof ApiError) {
		return error;
	}
	if (error.name === "TimeoutError") {
		return new ApiError("timeout", `${what}: no answer within PREFECT_API_REQUEST_TIMEOUT`, error);
	}
	const code = errorCodeOf(error);
	if (code === "UND_ERR_RES_EXCEEDED_MAX_SIZE") {
		return new PageTooLargeError(null, `${what}: the answer is too large`);
	}
	if (code === null) {
		return error;
	}
	// A refused connection to a name with several addresses has no message of its own.
	const cause = messageOf(error) || code;
	return new ApiError("unreachable", `${what}: no answer (${cause}): ${reachHint(code, connection)}`, error);
}
