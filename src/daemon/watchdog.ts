import type { Clock } from "../lib/clock.ts";

/** A part that may stand still without failing. */
export interface WatchedPart {
	/** For the message: "the sweep". */
	readonly name: string;
	/** Anything that is another one as soon as the part has got on; null: it has nothing to do. */
	readonly progress: () => unknown;
}

/** From one look at the parts to the next. */
export const lookEveryMs = 5_000;
/**
 * So many looks in a row without progress, a minute's worth, are a standstill. They are counted and not timed: a process
 * that was frozen for an hour has had one look meanwhile, and is not to blame.
 */
export const stillLooksMax = 12;

/**
 * A loop that hangs fails nobody and looks well from outside. Resolves on abort.
 *
 * @throws Error when a part stands still: a bug, after which only a new process is of use
 */
export async function watchForStandstill(
	parts: readonly WatchedPart[],
	clock: Clock,
	signal: AbortSignal,
): Promise<void> {
	const watched = parts.map((part) => ({ ...part, last: part.progress(), stillLooks: 0 }));
	while (!signal.aborted) {
		await clock.sleep(lookEveryMs, signal).catch(() => undefined);
		for (const part of watched) {
			const now = part.progress();
			part.stillLooks = now === null || now !== part.last ? 0 : part.stillLooks + 1;
			part.last = now;
			if (part.stillLooks >= stillLooksMax && !signal.aborted) {
				throw new Error(`${part.name} has stood still for ${(stillLooksMax * lookEveryMs) / 1000} s`);
			}
		}
	}
}
