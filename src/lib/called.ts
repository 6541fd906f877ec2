import { orAborted } from "./or-aborted.ts";

/** Resolves when the function handed to `arm` is called; rejects with the signal's reason when aborted first. */
export async function called(arm: (wake: () => void) => void, signal: AbortSignal): Promise<void> {
	signal.throwIfAborted();
	await orAborted(new Promise<void>(arm), signal);
}
