import { setTimeout as delay } from "node:timers/promises";
import { backoffMs } from "../lib/backoff.ts";
import type { Clock } from "../lib/clock.ts";
import { messageOf, OutsideError } from "../lib/errors.ts";
import type { Random } from "../lib/random.ts";
import type { LoopName, Reporter } from "../observe/reporter.ts";

/**
 * A loop of the daemon: resolves on abort only, and can be started again after it has rejected. It deals with the failures
 * that it expects, by itself; one that gets out all the same, and may pass, restarts it.
 */
export type Loop = (signal: AbortSignal) => Promise<void>;

export interface SuperviseOptions {
	/** How long the loops have to end once they are told to: real time, whatever clock the loops live by. */
	readonly stopMsMax: number;
	readonly reporter: Reporter;
	readonly clock: Clock;
	readonly random: Random;
}

/** From a loop's failure to its next start, with full jitter (`zombied_loop_restarts_total`). */
const restartBackoff = { minMs: 500, maxMs: 10_000 };
/** So often within `restartsWithinMs` is a loop started again; at the next failure the process ends with 70. */
export const restartsMax = 10;
/** Over these the restarts are counted: a loop that has held so long has made progress. */
export const restartsWithinMs = 5 * 60_000;

/**
 * Runs loops side by side until the signal aborts. A loop that fails in a way that may pass is started again. When one
 * rejects with anything else, fails too often, or ends although nobody asked it to, the others are stopped and the
 * failure is thrown: a daemon without one of its loops is no daemon. So it is when one does not end in time.
 */
export async function supervise(
	loops: Readonly<Partial<Record<LoopName, Loop>>>,
	signal: AbortSignal,
	options: SuperviseOptions,
): Promise<void> {
	const stop = new AbortController();
	const running = AbortSignal.any([signal, stop.signal]);
	const unended = new Set(Object.keys(loops));
	let first: Error | null = null;
	const guarded = Object.entries(loops).map(async ([name, loop]) => {
		try {
			await kept(name as LoopName, loop, running, options);
		} catch (error) {
			// Others may fail because they are stopped: what came first is the cause.
			first ??= new Error(`the ${name} loop failed`, { cause: error });
			stop.abort();
		} finally {
			unended.delete(name);
		}
	});
	const ended = Promise.all(guarded);
	await Promise.race([ended, aborted(running)]);
	if (!(await isOverWithin(ended, options.stopMsMax))) {
		const waited = `did not end within ${options.stopMsMax / 1000} s of being told to`;
		first ??= new Error(`the ${[...unended].join(", ")} loop ${waited}`);
	}
	if (first !== null) throw first;
}

/** Whether it is done by then; rejects as the work does. Real time: what hangs may hang because its clock does. */
export async function isOverWithin(work: Promise<unknown>, ms: number): Promise<boolean> {
	const over = new AbortController();
	const late = delay(ms, false, { signal: over.signal });
	late.catch(() => undefined);
	try {
		return await Promise.race([work.then(() => true), late]);
	} finally {
		over.abort();
	}
}

async function kept(name: LoopName, loop: Loop, running: AbortSignal, options: SuperviseOptions): Promise<void> {
	const { reporter, clock, random } = options;
	let restartedMonoMs: readonly number[] = [];
	do {
		const failure = await failureOf(loop, running);
		if (failure === null || running.aborted) return;
		const nowMonoMs = clock.now().monoMs;
		restartedMonoMs = [...restartedMonoMs.filter((atMonoMs) => nowMonoMs - atMonoMs < restartsWithinMs), nowMonoMs];
		if (restartedMonoMs.length > restartsMax) throw failure;
		const retryInMs = backoffMs(restartedMonoMs.length, restartBackoff, random);
		reporter.loopRestarted({ loop: name, reason: messageOf(failure), retryInMs });
		await clock.sleep(retryInMs, running).catch(() => undefined);
	} while (!running.aborted);
}

/**
 * What the loop failed with, when that may pass; when it was told to end, anything that may pass is no matter.
 *
 * @throws anything else
 */
async function failureOf(loop: Loop, running: AbortSignal): Promise<OutsideError | null> {
	try {
		await loop(running);
	} catch (error) {
		if (error instanceof OutsideError && error.retryable) return error;
		throw error;
	}
	if (running.aborted) return null;
	throw new Error("it ended although nobody asked it to");
}

function aborted(signal: AbortSignal): Promise<void> {
	const { promise, resolve } = Promise.withResolvers<void>();
	if (signal.aborted) resolve();
	signal.addEventListener("abort", () => resolve(), { once: true });
	return promise;
}
