import type { Clock, Instant } from "../../src/lib/clock.ts";
import type { Timeline } from "./timeline.ts";
import { epochMs } from "./units.ts";

/** How a process gets its turn: at once, at its thawing, or never again. */
export type Turns = (act: () => void) => void;

/** The two clocks of one process of the daemon. Both run true but for the steps that they are given. */
export class ProcessClock implements Clock {
	readonly #timeline: Timeline;
	readonly #turns: Turns;
	#zeroMs: number;
	/** Of the machine: what an earlier process met, this one meets too. */
	readonly #machine: { wallOffMs: number };

	/** @param options.zeroMs when by the world's time the monotonic clock showed 0 */
	constructor(options: { timeline: Timeline; turns: Turns; zeroMs: number; machine: { wallOffMs: number } }) {
		this.#timeline = options.timeline;
		this.#turns = options.turns;
		this.#zeroMs = options.zeroMs;
		this.#machine = options.machine;
	}

	now(): Instant {
		const { nowMs } = this.#timeline;
		return { monoMs: nowMs - this.#zeroMs, wallMs: epochMs + nowMs + this.#machine.wallOffMs };
	}

	/** The machine was suspended: the monotonic clock stood still meanwhile. */
	standStill(ms: number): void {
		this.#zeroMs += ms;
	}

	async sleep(ms: number, signal: AbortSignal): Promise<void> {
		signal.throwIfAborted();
		const { promise, resolve, reject } = Promise.withResolvers<void>();
		const wake = this.#timeline.after(ms, () => this.#turns(resolve));
		const onAbort = (): void => reject(signal.reason);
		signal.addEventListener("abort", onAbort, { once: true });
		try {
			await promise;
		} finally {
			wake.act = null;
			signal.removeEventListener("abort", onAbort);
		}
	}
}
