import type { z } from "zod";
import type { ApiEndpoint } from "../observe/reporter.ts";

export interface RestCall<T> {
	readonly endpoint: ApiEndpoint;
	readonly method: "GET" | "POST";
	/** Below the base of the API, beginning with "/". */
	readonly path: string;
	readonly body?: unknown;
	/** Rows asked for, where fewer could be; a refusal is then PageTooLargeError as long as there is something to give up. */
	readonly rows?: number;
	readonly schema: z.ZodType<T>;
	/** Statuses that say there is no such thing, or none for us: an answer, `null`, and no failure of REST. */
	readonly noneOn?: readonly number[];
	/** False for a probe, which wants to know how it is now. */
	readonly retries: boolean;
	/** Nothing waits for the answer: a failure is reported, and yet does not count as "REST is away". */
	readonly isIdle?: true;
}

export interface RestResult<T> {
	readonly value: T;
	/** The answer's `Date`: the server's clock, whole seconds; null when there is none. */
	readonly serverDateMs: number | null;
}

/** What carries calls to Prefect's REST API, and their answers back. */
export interface Transport {
	/** @throws ApiError when it failed for good; PageTooLargeError; the signal's reason when aborted. */
	call<T>(call: RestCall<T>, signal: AbortSignal): Promise<RestResult<T>>;
}
