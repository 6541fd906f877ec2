import type { Transition } from "../core/episode.ts";

/** One thing that a sink is to say. */
export interface Notice {
	readonly transition: Transition;
	/** The same in every retry, so that receivers can drop duplicates: `transition.key`, and of a reminder one of its own. */
	readonly key: string;
	/** Of an alert that was told, and is still open: which time it is told again, from 1; null: it is news. */
	readonly reminder: number | null;
}

export function noticeOf(transition: Transition, reminder: number | null = null): Notice {
	const key = reminder === null ? transition.key : `${transition.key}:reminder:${reminder}`;
	return { transition, key, reminder };
}

/** Where alerts go. One folder a sink. */
export interface Sink extends Partial<AsyncDisposable> {
	/** Label of its metrics and part of the outbox key; unique among the sinks of a process. */
	readonly name: string;
	/** How many one `send` takes at most; 1: each by itself. */
	readonly noticesMax: number;
	/** What it cannot be told within a day is given up; false: never. */
	readonly givesUp: boolean;
	/** Is it told of this one? Of a raise and its resolve it is told both, or neither. */
	wants(transition: Transition): boolean;
	/**
	 * Resolves when the receiver has all of them; what fails is taken to have reached nobody. At least once: the same notice
	 * may come again, after a failure or a crash, with the same key. In order, for each run.
	 *
	 * @throws OutsideError, which says whether and when trying again can help
	 */
	send(notices: readonly [Notice, ...Notice[]], signal: AbortSignal): Promise<void>;
}

/** A receiver that keeps a state instead of messages: it is told again and again of what is open. */
export interface StateSink extends Sink {
	/**
	 * Once a minute.
	 *
	 * @param open raised and not resolved, and wanted
	 * @throws OutsideError as `send`; the next turn makes up for it
	 */
	repost(open: readonly Transition[], signal: AbortSignal): Promise<void>;
}

export function isStateSink(sink: Sink): sink is StateSink {
	return "repost" in sink;
}
