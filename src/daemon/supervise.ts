/** A loop of the daemon: resolves on abort, and rejects only on a bug. */
export type Loop = (signal: AbortSignal) => Promise<void>;

/**
 * Runs loops side by side until the signal aborts. When one of them rejects, or ends although nobody asked it to, the
 * others are stopped and the failure is thrown: a daemon without one of its loops is no daemon.
 */
export async function supervise(loops: Readonly<Record<string, Loop>>, signal: AbortSignal): Promise<void> {
	const stop = new AbortController();
	const running = AbortSignal.any([signal, stop.signal]);
	let first: Error | null = null;
	const guarded = Object.entries(loops).map(async ([name, loop]) => {
		try {
			await loop(running);
			if (!running.aborted) throw new Error("it ended although nobody asked it to");
		} catch (error) {
			// Others may fail because they are stopped: what came first is the cause.
			first ??= new Error(`the ${name} loop failed`, { cause: error });
			stop.abort();
		}
	});
	await Promise.all(guarded);
	if (first !== null) throw first;
}
