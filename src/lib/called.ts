/** Resolves when the function handed to `arm` is called; rejects with the signal's reason when aborted first. */
export async function called(arm: (wake: () => void) => void, signal: AbortSignal): Promise<void> {
	signal.throwIfAborted();
	const { promise, resolve, reject } = Promise.withResolvers<void>();
	const onAbort = (): void => reject(signal.reason);
	signal.addEventListener("abort", onAbort, { once: true });
	arm(resolve);
	try {
		await promise;
	} finally {
		signal.removeEventListener("abort", onAbort);
	}
}
