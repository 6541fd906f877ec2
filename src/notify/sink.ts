import type { Transition } from "../core/episode.ts";

/** Where alerts go. One folder a sink. */
export interface Sink {
	/** Label of its metrics and part of the outbox key; unique among the sinks of a process. */
	readonly name: string;
	/**
	 * Resolves when the receiver has it. At least once: the same transition may come again after a crash, with the same key.
	 * @throws OutsideError, which says whether trying again can help
	 */
	send(transition: Transition, signal: AbortSignal): Promise<void>;
}
