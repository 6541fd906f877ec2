import { setTimeout as delay } from "node:timers/promises";

export interface Patience {
	/** What is waited for, in words, for the message when it does not come. */
	readonly what: string;
	readonly timeoutMs: number;
	readonly everyMs?: number;
	readonly signal?: AbortSignal;
	/** Called when time is up: facts that help to see why. */
	readonly why?: () => string;
}

/**
 * Polls until `look` gives something other than null, undefined or false, and resolves with it. Real servers and real
 * processes announce little, so conditions are looked at again and again, always with a deadline. An error of `look`
 * ends the wait: one that is expected has to be caught in it.
 */
export async function eventually<T>(
	look: () => T | null | undefined | false | Promise<T | null | undefined | false>,
	patience: Patience,
): Promise<T> {
	const deadlineMs = performance.now() + patience.timeoutMs;
	for (;;) {
		patience.signal?.throwIfAborted();
		const found = await look();
		if (found !== null && found !== undefined && found !== false) {
			return found;
		}
		if (performance.now() >= deadlineMs) {
			const why = patience.why === undefined ? "" : `\n${patience.why()}`;
			throw new Error(`waited ${patience.timeoutMs / 1000} s in vain for ${patience.what}${why}`);
		}
		await pause(patience.everyMs ?? 250, patience.signal);
	}
}

/** For spans that are part of a scenario (an outage of 100 s), never for synchronisation. */
export async function pause(ms: number, signal?: AbortSignal): Promise<void> {
	await delay(ms, undefined, signal === undefined ? {} : { signal });
}

/** The same promise for every caller: the first call starts the story. */
export function once<T>(start: () => Promise<T>): () => Promise<T> {
	let started: Promise<T> | null = null;
	return () => {
		started ??= start();
		return started;
	};
}
