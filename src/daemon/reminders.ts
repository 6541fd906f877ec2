import type { Transition } from "../core/episode.ts";
import { reminderBetween, subjectIdOf } from "../core/telling.ts";
import type { Clock, Instant } from "../lib/clock.ts";
import type { Dispatcher } from "../notify/dispatcher.ts";
import type { Sink } from "../notify/sink.ts";
import type { AttentionBook } from "./attention.ts";

/** Reminders come in hours; so often it is looked whether one is due. */
const lookEveryMs = 60_000;

export interface RemindersOptions {
	readonly sinks: readonly Sink[];
	/** Null: the sink is not reminded. */
	readonly repeatMsOf: (sink: Sink) => number | null;
	/** Raised, and not over. */
	readonly open: () => readonly Transition[];
	readonly attention: Pick<AttentionBook, "current">;
	readonly dispatcher: Pick<Dispatcher, "remind" | "owes">;
	readonly clock: Clock;
}

/**
 * Tells sinks again of what they were told and is still open, at every multiple of their `repeat` since it was raised, until
 * somebody acknowledges it. Nothing is stored: a reminder that falls into a restart is left out.
 */
export class Reminders {
	readonly #options: RemindersOptions;
	/** Of both clocks: how long ago it is the monotonic one tells, which reminders fall into it the wall clock. */
	#looked: Instant;

	constructor(options: RemindersOptions) {
		this.#options = options;
		this.#looked = options.clock.now();
	}

	/** Called every second. */
	round(): void {
		const { sinks, repeatMsOf, open, attention, clock } = this.#options;
		const now = clock.now();
		if (now.monoMs - this.#looked.monoMs < lookEveryMs) return;
		const span = { afterMs: this.#looked.wallMs, untilMs: now.wallMs };
		this.#looked = now;
		const reminded = sinks.filter((sink) => repeatMsOf(sink) !== null);
		if (reminded.length === 0) return;
		const { acknowledgements } = attention.current;
		for (const raise of open()) {
			if (acknowledgements.has(subjectIdOf(raise))) continue;
			for (const sink of reminded) this.#remind(sink, raise, span);
		}
	}

	#remind(sink: Sink, raise: Transition, span: { readonly afterMs: number; readonly untilMs: number }): void {
		const { repeatMsOf, dispatcher } = this.#options;
		const everyMs = repeatMsOf(sink);
		const reminder = everyMs === null ? null : reminderBetween(raise, everyMs, span);
		// What the sink has not been told yet is no matter of reminding it.
		if (reminder === null || !sink.wants(raise) || dispatcher.owes({ sink: sink.name, key: raise.key })) return;
		dispatcher.remind(sink.name, raise, reminder);
	}
}
