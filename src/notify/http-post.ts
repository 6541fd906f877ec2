import { type Dispatcher, request } from "undici";
import { messageOf, OutsideError } from "../lib/errors.ts";
import { orAborted } from "../lib/or-aborted.ts";
import { retryAfterMs } from "../lib/retry-after.ts";
import { plainText } from "../observe/plain-text.ts";
import type { WayOut } from "./way-out.ts";

export interface HttpPost extends HttpCall {
	/** A text; `content-type` is the caller's business. */
	readonly body: string;
}

export interface HttpCall {
	/** May hold a secret: no message repeats it. */
	readonly url: string;
	readonly headers: Readonly<Record<string, string>>;
	/** What the receiver is called in messages: `Slack`. */
	readonly receiver: string;
	/** How it is reached, for a sink that looks at addresses. */
	readonly dispatcher?: Dispatcher;
	/** The proxy on the way; null, or left out: none. */
	readonly wayOut?: WayOut | null;
	/** Our wall clock, for a `Retry-After` that is a date where the answer has none. */
	readonly nowMs: number;
}

export interface HttpAnswered {
	readonly status: number;
	/** At most `answerBytesMax` of it. */
	readonly text: string;
}

/** From the connection to the answer's end; a receiver that takes longer has failed. */
const answerMsMax = 30_000;
/** Of an answer so much is read; nobody says more about one alert. */
const answerBytesMax = 65_536;
/** Of an answer so much is shown in the log. */
const answerCharsMax = 200;
/** A longer `Retry-After` is cut: the dispatcher finds a receiver again within 5 minutes of its return. */
const retryAfterMsMax = 300_000;

/** Posts once: see `answered`. */
export async function httpPost(post: HttpPost, signal: AbortSignal): Promise<HttpAnswered> {
	return await answered({ ...post, method: "POST" }, signal);
}

/** Gets once: see `answered`. */
export async function httpGet(call: HttpCall, signal: AbortSignal): Promise<HttpAnswered> {
	return await answered({ ...call, method: "GET", body: null }, signal);
}

/**
 * Asks once, without redirects, and reads the answer.
 *
 * @throws OutsideError unless it is 2xx: retryable for what may pass (no connection, no answer, 408, 429, 5xx), else final
 */
async function answered(
	call: HttpCall & { readonly method: "GET" | "POST"; readonly body: string | null },
	signal: AbortSignal,
): Promise<HttpAnswered> {
	const { url, headers, body, receiver, method, wayOut = null } = call;
	const dispatcher = wayOut?.dispatcher ?? call.dispatcher;
	const timeout = AbortSignal.timeout(answerMsMax);
	let answer: { status: number; headers: Headers; text: string };
	try {
		const both = AbortSignal.any([signal, timeout]);
		const asked = request(url, {
			method,
			headers,
			body,
			signal: both,
			...(dispatcher === undefined ? {} : { dispatcher }),
		});
		// undici heeds the signal only once there is a connection, and a proxy may be minutes in making it.
		const response = await orAborted(asked, both);
		answer = { status: response.statusCode, headers: response.headers, text: await beginningOf(response.body) };
	} catch (error) {
		signal.throwIfAborted();
		// A refusal by the caller's own dispatcher says itself whether trying again can help.
		if (error instanceof OutsideError) throw error;
		const words = timeout.aborted
			? `no answer within ${answerMsMax / 1000} s`
			: `cannot be reached${through(wayOut)} (${reasonOf(error)})`;
		throw new OutsideError(`${receiver}: ${words}`, { retryable: true, cause: error });
	}
	const { status, text } = answer;
	if (status >= 200 && status < 300) return { status, text };
	throw new OutsideError(`${receiver} ${wordsOf(status)}${quoted(text)}`, {
		retryable: status === 408 || status === 429 || status >= 500,
		retryAfterMs: askedToWaitMs(answer.headers, call.nowMs),
	});
}

type Headers = Readonly<Record<string, string | string[] | undefined>>;

async function beginningOf(body: AsyncIterable<Buffer>): Promise<string> {
	const chunks: Buffer[] = [];
	let bytes = 0;
	for await (const chunk of body) {
		chunks.push(chunk);
		bytes += chunk.length;
		// Leaving the loop closes the connection, so that a receiver that talks for ever is not listened to.
		if (bytes >= answerBytesMax) break;
	}
	return Buffer.concat(chunks).subarray(0, answerBytesMax).toString("utf8");
}

/** Of several addresses each has failed for a reason of its own, and the error that holds them says nothing. */
function reasonOf(error: unknown): string {
	const cause = error instanceof AggregateError ? (error.errors[0] as unknown) : error;
	return plainText(messageOf(cause), answerCharsMax);
}

function through(wayOut: WayOut | null): string {
	return wayOut === null ? "" : ` through the proxy of ${wayOut.variable}`;
}

function wordsOf(status: number): string {
	if (status >= 300 && status < 400) return `answers ${status}: redirects are not followed`;
	return `answers ${status}`;
}

function quoted(text: string): string {
	const shown = plainText(text.trim(), answerCharsMax);
	return shown === "" ? "" : `: ${shown}`;
}

function askedToWaitMs(headers: Headers, nowMs: number): number | null {
	const dateMs = Date.parse(String(headers.date ?? ""));
	const asked = headers["retry-after"];
	return asked === undefined
		? null
		: retryAfterMs(String(asked), Number.isNaN(dateMs) ? nowMs : dateMs, retryAfterMsMax);
}
