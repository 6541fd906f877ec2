import { backoffMs } from "../lib/backoff.ts";
import type { Clock } from "../lib/clock.ts";
import type { Random } from "../lib/random.ts";
import type { ApiEndpoint, Reporter } from "../observe/reporter.ts";
import {
	connectionFailure,
	failureOf,
	type HttpAnswer,
	isCsrfRefusal,
	isMaintenance,
	parsedAnswer,
	retryAfterMs,
	serverDateMs,
} from "./answer-reading.ts";
import { ApiError, PageTooLargeError } from "./api-error.ts";
import { type Connection, requestHeaders } from "./connection.ts";
import { CsrfToken } from "./csrf-token.ts";
import { RequestBudget } from "./request-budget.ts";
import { RestDispatcher } from "./rest-dispatcher.ts";
import type { RestCall, RestResult, Transport } from "./transport.ts";

export interface RestOptions {
	readonly settings: Connection;
	readonly clock: Clock;
	readonly random: Random;
	readonly reporter: Reporter;
	/** Requests that may begin within a second, retries included. */
	readonly restPerSecond: number;
	/** One UUID a process: a second token for the same client id invalidates the first. */
	readonly csrfClientId: string;
	/** A call succeeded; `serverDateMs` is its `Date` header. */
	readonly onAnswer: (answer: { readonly serverDateMs: number | null }) => void;
	/** A call failed, and retries did not mend it. Also once for each answer that says "maintenance". */
	readonly onFailure: () => void;
}

/** Tries after the first, for 429, 503 and broken connections. */
const retriesMax = 3;
/** Cap of `Retry-After`: a longer wait is the caller's business, who asks again anyway. */
const retryAfterMsMax = 60_000;
const retryBackoff = { minMs: 500, maxMs: 10_000 };
type Sendable = Pick<RestCall<unknown>, "method" | "path" | "body">;

type Attempt =
	| { readonly kind: "answer"; readonly answer: HttpAnswer }
	| { readonly kind: "retry"; readonly error: ApiError; readonly afterMs: number | null }
	| { readonly kind: "maintenance"; readonly error: ApiError; readonly afterMs: number | null };

/**
 * One place that talks HTTP: budget, time limit, CSRF token, retries, and what failures are called. undici's retry
 * interceptor is not used: it counts every retry (maintenance must not count), reads a date in `Retry-After` by our wall
 * clock instead of the server's, and waits on timers of its own.
 */
export class RestTransport implements Transport, AsyncDisposable {
	readonly #options: RestOptions;
	readonly #budget: RequestBudget;
	readonly #dispatcher: RestDispatcher;
	readonly #failing = new Set<ApiEndpoint>();
	readonly #csrf: CsrfToken;

	constructor(options: RestOptions) {
		this.#options = options;
		this.#dispatcher = new RestDispatcher(options.settings);
		this.#budget = new RequestBudget(options.restPerSecond, options.clock);
		this.#csrf = new CsrfToken(options.csrfClientId);
	}

	async [Symbol.asyncDispose](): Promise<void> {
		await this.#dispatcher[Symbol.asyncDispose]();
	}

	async call<T>(call: RestCall<T>, signal: AbortSignal): Promise<RestResult<T>> {
		try {
			const answer = await this.#tryUntilAnswered(call, signal);
			const value = parsedAnswer(answer, call.schema, this.#what(call));
			this.#reportAnswer(call.endpoint, answer);
			return { value, serverDateMs: serverDateMs(answer) };
		} catch (error) {
			signal.throwIfAborted();
			const failure = error instanceof PageTooLargeError && (call.rows ?? 1) <= 1 ? rejectedWhole(error) : error;
			if (failure instanceof ApiError) {
				this.#reportFailure(call, failure);
			}
			throw failure;
		}
	}

	async #tryUntilAnswered(call: RestCall<unknown>, signal: AbortSignal): Promise<HttpAnswer> {
		let retries = 0;
		for (;;) {
			const attempt = await this.#attempt(call, signal);
			if (attempt.kind === "answer") {
				return attempt.answer;
			}
			if (attempt.kind === "maintenance" && call.retries) {
				this.#reportFailure(call, attempt.error);
			} else if (!call.retries || retries >= retriesMax) {
				throw attempt.error;
			} else {
				retries += 1;
			}
			const ownMs = backoffMs(Math.max(1, retries), retryBackoff, this.#options.random);
			await this.#options.clock.sleep(Math.max(attempt.afterMs ?? ownMs, retryBackoff.minMs), signal);
		}
	}

	async #attempt(call: RestCall<unknown>, signal: AbortSignal): Promise<Attempt> {
		let answer: HttpAnswer;
		try {
			answer = await this.#sendWithCsrf(call, signal);
		} catch (error) {
			signal.throwIfAborted();
			const failure = connectionFailure(error, this.#what(call), this.#options.settings);
			if (failure instanceof ApiError && failure.reason === "unreachable") {
				return { kind: "retry", error: failure, afterMs: null };
			}
			throw failure;
		}
		if (call.noneOn?.includes(answer.status) === true) {
			return { kind: "answer", answer: { ...answer, text: "null" } };
		}
		const failure = failureOf(answer, this.#what(call), this.#options.settings);
		if (failure === null) {
			return { kind: "answer", answer };
		}
		const again = isMaintenance(answer) ? "maintenance" : [429, 503].includes(answer.status) ? "retry" : null;
		if (again === null || !(failure instanceof ApiError)) {
			throw failure;
		}
		return {
			kind: again,
			error: failure,
			afterMs: retryAfterMs(answer, this.#options.clock.now().wallMs, retryAfterMsMax),
		};
	}

	async #sendWithCsrf(call: Sendable, signal: AbortSignal): Promise<HttpAnswer> {
		const sent = await this.#send(call, signal);
		if (!isCsrfRefusal(sent.answer)) {
			return sent.answer;
		}
		let tokenAnswer: HttpAnswer | null = null;
		const isRenewed = await this.#csrf.renew(sent.csrfToken, async (path) => {
			tokenAnswer = (await this.#send({ method: "GET", path }, signal)).answer;
			return tokenAnswer;
		});
		if (isRenewed) {
			return (await this.#send(call, signal)).answer;
		}
		// The server looks at the token first: wrong credentials show only where the token is asked for.
		return isUnauthorized(tokenAnswer) ? tokenAnswer : sent.answer;
	}

	async #send(call: Sendable, signal: AbortSignal): Promise<{ answer: HttpAnswer; csrfToken: string | null }> {
		await this.#budget.take(signal);
		const { settings } = this.#options;
		const csrfToken = this.#csrf.value;
		const headers = {
			...requestHeaders(settings),
			...this.#csrf.headers(),
			accept: "application/json",
			...(call.body === undefined ? {} : { "content-type": "application/json" }),
		};
		const body = call.body === undefined ? null : JSON.stringify(call.body);
		const { method, path } = call;
		const untilAnswered = AbortSignal.any([signal, AbortSignal.timeout(settings.requestTimeoutMs)]);
		const response = await this.#dispatcher.request({ method, path, headers, body }, untilAnswered);
		const text = await response.body.text();
		return { answer: { status: response.statusCode, headers: response.headers, text }, csrfToken };
	}

	#what(call: RestCall<unknown>): string {
		return `${call.method} ${this.#options.settings.apiUrl}${call.path.replace(/\?.*$/su, "")}`;
	}

	#reportAnswer(endpoint: ApiEndpoint, answer: HttpAnswer): void {
		const { reporter, onAnswer } = this.#options;
		reporter.apiAnswered(endpoint);
		if (this.#failing.delete(endpoint) && this.#failing.size === 0) {
			reporter.apiRecovered();
		}
		onAnswer({ serverDateMs: serverDateMs(answer) });
	}

	#reportFailure({ endpoint, isIdle }: RestCall<unknown>, error: ApiError): void {
		this.#options.reporter.apiFailed(endpoint, error.reason, error.message);
		if (isIdle === true) return;
		this.#failing.add(endpoint);
		this.#options.onFailure();
	}
}

function rejectedWhole(error: PageTooLargeError): ApiError {
	return new ApiError("rejected", `${error.message}: even a page of one row is refused`, error);
}

function isUnauthorized(answer: HttpAnswer | null): answer is HttpAnswer {
	return answer?.status === 401;
}
