import type { RunView } from "../core/run.ts";
import { backoffMs } from "../lib/backoff.ts";
import type { Clock } from "../lib/clock.ts";
import type { Random } from "../lib/random.ts";
import type { Reporter } from "../observe/reporter.ts";
import type { ApiClient } from "./api-client.ts";
import { ApiError } from "./api-error.ts";

export interface ReadingOptions {
	readonly api: Pick<ApiClient, "storedEvents">;
	/** Up to here, on the server's clock, everything has been seen. */
	readonly coveredUntilMs: number;
	readonly limits: CatchUpLimits;
	/** Views of stored events, page by page; the same event comes again in the second pass. */
	readonly onViews: (views: readonly RunView[]) => void;
}

export interface CatchUpOptions extends ReadingOptions {
	readonly clock: Clock;
	readonly random: Random;
	readonly reporter: Reporter;
	/** From the end of the first pass to the second. */
	readonly secondPassMs: number;
}

/** What one reading came to. */
export interface Reading {
	readonly events: number;
	/** Where it began, server's clock. */
	readonly sinceMs: number;
	/** It met `pagesMax`. */
	readonly truncated: boolean;
}

export interface CatchUpLimits {
	/** Read again from so long before: events are stored by when they occurred, and reach the server later. */
	readonly overlapMs: number;
	/** Pages of 50 events a pass: 200 are 40 s of the REST budget. */
	readonly pagesMax: number;
	readonly backoff: { readonly minMs: number; readonly maxMs: number };
}

/** What lies beyond the pages, the listing of live runs has to make up for; the log says so (`truncated`). */
export const catchUpLimits: CatchUpLimits = {
	overlapMs: 30_000,
	pagesMax: 200,
	backoff: { minMs: 500, maxMs: 30_000 },
};

/**
 * `catchUp.secondPass` by default: events published just before we subscribed are stored up to 16 s later, and are on
 * neither the stream nor the first pass.
 */
export const secondPassMsDefault = 15_000;

/**
 * Reads what the stream could not bring, in two passes, at once and `secondPassMs` later. A pass that fails begins again
 * until it succeeds or the signal aborts.
 *
 * @returns `truncated`: a pass met `pagesMax`; only a listing of all live runs tells the rest
 * @throws the signal's reason when aborted
 */
export async function catchUp(options: CatchUpOptions, signal: AbortSignal): Promise<{ readonly truncated: boolean }> {
	const first = await passUntilDone(options, 1, signal);
	await options.clock.sleep(options.secondPassMs, signal);
	const second = await passUntilDone(options, 2, signal);
	return { truncated: first || second };
}

async function passUntilDone(options: CatchUpOptions, pass: 1 | 2, signal: AbortSignal): Promise<boolean> {
	for (let failures = 1; ; failures++) {
		try {
			return await passOnce(options, pass, signal);
		} catch (error) {
			signal.throwIfAborted();
			// The client has reported it. Whether retryable or not: an operator may mend the server as well as us.
			if (!(error instanceof ApiError)) {
				throw error;
			}
		}
		await options.clock.sleep(backoffMs(failures, options.limits.backoff, options.random), signal);
	}
}

async function passOnce(options: CatchUpOptions, pass: 1 | 2, signal: AbortSignal): Promise<boolean> {
	const reading = await readStored(options, signal);
	options.reporter.caughtUp({ pass, ...reading });
	return reading.truncated;
}

/** Reads once what the server has stored since then. @throws ApiError; the signal's reason when aborted */
export async function readStored(
	{ api, limits, coveredUntilMs, onViews }: ReadingOptions,
	signal: AbortSignal,
): Promise<Reading> {
	const sinceMs = coveredUntilMs - limits.overlapMs;
	let events = 0;
	let truncated = false;
	for await (const page of api.storedEvents({ sinceMs, pagesMax: limits.pagesMax }, signal)) {
		onViews(page.views);
		events += page.events;
		truncated = page.truncated;
	}
	return { events, sinceMs, truncated };
}
